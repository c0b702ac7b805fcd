//! A fresh project with an access key: where bench, crash test and demo begin.

use crate::client::{Client, Request};
use crate::{LoadError, requests};

/// A logged-in owner, a project of theirs and a key for it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) access_token: String,
    pub(crate) project_id: String,
    pub(crate) access_key: String,
    /// The project was there before this run.
    pub(crate) existed: bool,
}

/// Who logs in.
#[derive(Debug, Clone)]
pub struct Owner {
    pub email: String,
    pub password: String,
}

impl Owner {
    /// A user that only one run knows, on a database that may have seen other runs.
    #[must_use]
    pub fn for_run(run: &str) -> Owner {
        Owner { email: format!("{run}@example.com"), password: "load run, not for people 2026".to_owned() }
    }
}

impl Account {
    /// Logs in, creates the project (or finds it by its external key) and makes a new access key.
    pub(crate) fn open(
        client: &mut Client,
        owner: &Owner,
        name: &str,
        external_key: &str,
    ) -> Result<Account, LoadError> {
        let access_token = login(client, owner)?;
        let request = requests::create_project(&access_token, name, external_key);
        Account::in_project(client, access_token, &request)
    }

    /// The same with a project whose clock can be moved.
    pub(crate) fn open_sandbox(
        client: &mut Client,
        owner: &Owner,
        name: &str,
        external_key: &str,
    ) -> Result<Account, LoadError> {
        let access_token = login(client, owner)?;
        let request = requests::create_sandbox(&access_token, name, external_key);
        Account::in_project(client, access_token, &request)
    }

    fn in_project(client: &mut Client, access_token: String, request: &Request) -> Result<Account, LoadError> {
        let project = client.send(request)?.require(&request.name(), &[201, 200])?;
        let existed = project.status == 200;
        let project_id = project.text_at(&request.name(), "/id")?;
        let request = requests::create_access_key(&access_token, &project_id, "Usage ingest");
        let access_key = text(client, &request, &[201], "/accessKey")?;
        Ok(Account { access_token, project_id, access_key, existed })
    }
}

/// A new access token for the owner.
pub(crate) fn login(client: &mut Client, owner: &Owner) -> Result<String, LoadError> {
    text(client, &requests::login(&owner.email, &owner.password), &[200], "/accessToken")
}

/// Sends, checks the status and takes one text of the reply.
pub(crate) fn text(client: &mut Client, request: &Request, wanted: &[u16], pointer: &str) -> Result<String, LoadError> {
    client.send(request)?.require(&request.name(), wanted)?.text_at(&request.name(), pointer)
}
