//! TLS to PostgreSQL: always with a checked certificate and host name.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::StorageError;

/// A connector that trusts the certificates of this file, or those of the system.
pub(crate) fn connector(roots: Option<&Path>) -> Result<MakeRustlsConnect, StorageError> {
    let store = match roots {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(StorageError::driver)?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, StorageError> {
    let unreadable = |problem: String| StorageError::Schema {
        problem: format!("the certificates in {} cannot be read: {problem}", path.display()),
        remedy: "let sslrootcert name a PEM file with the roots of the server's certificate".to_owned(),
    };
    let mut store = RootCertStore::empty();
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))?;
    for certificate in found {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() {
        return Err(unreadable("there is none in it".to_owned()));
    }
    Ok(store)
}

/// A certificate of the system that cannot be read is left out, as browsers do: it can only make trust smaller.
fn roots_of_system() -> RootCertStore {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    store
}
