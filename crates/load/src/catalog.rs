//! A project's catalog on a running server: the difference a file would make, applying it, and the export.

mod report;

pub use report::{Applied, Difference, Mistake, Planned, Refused, Version};

use crate::account::{Owner, login};
use crate::client::{Client, Reply, Request};
use crate::requests;
use crate::{LoadError, client};

/// Where the catalog is, and as whom.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    pub base_url: String,
    pub owner: Owner,
    /// The id of a project, or its externalKey.
    pub project: String,
}

/// A file as it is sent.
#[derive(Debug, Clone)]
pub struct CatalogFile {
    pub bytes: Vec<u8>,
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Yaml,
    Json,
}

/// What becomes of what is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    Stays,
    Goes,
}

/// What becomes of plans that say something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publication {
    Published,
    Drafted,
}

/// How a file is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOptions {
    pub publication: Publication,
    /// Of the catalog that was seen; no other is changed.
    pub digest: String,
    /// Why old usage is counted anew, where a changed metric does that.
    pub reason_code: Option<String>,
    pub reason: Option<String>,
}

/// What the server made of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T> {
    Accepted(T),
    /// With every mistake that was found.
    Refused(Refused),
}

/// A logged-in user and a project of theirs.
pub struct CatalogSession {
    client: Client,
    token: String,
    project: String,
}

impl CatalogSession {
    /// Logs in and finds the project.
    ///
    /// # Errors
    /// When the server cannot be reached, the login is refused, or there is no such project.
    pub fn open(options: &CatalogOptions) -> Result<CatalogSession, LoadError> {
        let mut client = Client::new(&options.base_url)?;
        let token = login(&mut client, &options.owner)?;
        let project = if options.project.starts_with("prj_") {
            options.project.clone()
        } else {
            find_project(&mut client, &token, &options.project)?
        };
        Ok(CatalogSession { client, token, project })
    }

    /// The id of the project.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// What applying the file would do.
    ///
    /// # Errors
    /// When there was no answer, or one that is neither a difference nor a refusal of the file.
    pub fn plan(&mut self, file: &CatalogFile, rest: Rest) -> Result<Verdict<Planned>, LoadError> {
        let reply = self.send(&format!("/catalog/plan?prune={}", rest.as_query()), file)?;
        self.verdict(reply, "POST …/catalog/plan", Planned::of)
    }

    /// Applies the file to the catalog with this digest, and to no other.
    ///
    /// # Errors
    /// As [`CatalogSession::plan`].
    pub fn apply(&mut self, file: &CatalogFile, rest: Rest, how: &ApplyOptions) -> Result<Verdict<Applied>, LoadError> {
        let publish = how.publication == Publication::Published;
        let digest = requests::escaped(&how.digest);
        let mut query = format!("prune={}&publish={publish}&expectedDigest={digest}", rest.as_query());
        for (name, value) in [("reasonCode", &how.reason_code), ("reason", &how.reason)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", requests::escaped(value)));
            }
        }
        let reply = self.send(&format!("/catalog/apply?{query}"), file)?;
        self.verdict(reply, "POST …/catalog/apply", Applied::of)
    }

    /// The catalog as a YAML file.
    ///
    /// # Errors
    /// When there was no answer, or another than the catalog.
    pub fn export(&mut self) -> Result<String, LoadError> {
        let request = requests::read(&self.token, &self.project, "/catalog").header("Accept", "application/yaml");
        let reply = self.client.send(&request)?.require(&request.name(), &[200])?;
        Ok(String::from_utf8_lossy(&reply.body).into_owned())
    }

    fn send(&mut self, rest: &str, file: &CatalogFile) -> Result<Reply, LoadError> {
        let request = Request::post(format!("/projects/{}{rest}", self.project)).bearer(&self.token);
        self.client.send(&request.body(file.format.content_type(), file.bytes.clone()))
    }

    fn verdict<T>(
        &self,
        reply: client::Reply,
        request: &str,
        read: impl Fn(&Reply) -> Option<T>,
    ) -> Result<Verdict<T>, LoadError> {
        let field = || LoadError::MissingField {
            request: request.to_owned(),
            field: "digest".to_owned(),
            body: reply.quoted(),
        };
        match reply.status {
            200 => read(&reply).map(Verdict::Accepted).ok_or_else(field),
            400 | 409 | 413 | 422 => Ok(Verdict::Refused(Refused::of(&reply))),
            _ => Err(reply
                .require(request, &[200])
                .err()
                .unwrap_or_else(|| LoadError::Options(format!("the project {} cannot be used", self.project)))),
        }
    }
}

impl Rest {
    fn as_query(self) -> bool {
        self == Rest::Goes
    }
}

impl Format {
    /// By the name of the file: JSON if it says so, else YAML.
    #[must_use]
    pub fn of_name(name: &str) -> Format {
        if name.to_ascii_lowercase().ends_with(".json") { Format::Json } else { Format::Yaml }
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Yaml => "application/yaml",
            Format::Json => "application/json",
        }
    }
}

/// The project with this externalKey among those that the user sees.
fn find_project(client: &mut Client, token: &str, external_key: &str) -> Result<String, LoadError> {
    let mut found = Vec::new();
    let mut cursor = String::new();
    loop {
        let request = Request::get(format!("/projects?limit=200{cursor}")).bearer(token);
        let page = client.send(&request)?.require(&request.name(), &[200])?.json();
        for project in page["data"].as_array().into_iter().flatten() {
            if project["externalKey"] == external_key {
                found.extend(project["id"].as_str().map(str::to_owned));
            }
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={}", requests::escaped(next)),
            None => break,
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(LoadError::Options(format!("no project with the externalKey {external_key:?} is to be seen"))),
        several => {
            let ids = several.join(", ");
            Err(LoadError::Options(format!(
                "several projects have the externalKey {external_key:?}: name one of {ids}"
            )))
        }
    }
}
