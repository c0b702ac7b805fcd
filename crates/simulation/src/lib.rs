//! A world of customers made from a seed, billed by processes that are killed, stopped and hurried, and an auditor who compares what comes
//! of it, down to the bytes. In development only.

pub mod crash;
pub mod installation;
pub mod node;
pub mod nodes;
pub mod outcome;
pub mod process;
pub mod template;
pub mod worker;
pub mod world;

use sha2::{Digest, Sha256};

/// SHA-256 in hexadecimal.
pub fn hash(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The seed that belongs to a name.
pub fn seed_of(name: &str) -> u64 {
    let digest: [u8; 32] = Sha256::digest(name).into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}
