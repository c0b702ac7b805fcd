//! `neruba admin create-user`: the first user, and every other one, made on the server's own machine.

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use domain::password::Password;
use domain::users::Email;
use engine::users::NewUser;
use engine::{Actor, Error};
use storage::SchemaState;

use super::password_from_stdin;
use crate::cli::CreateUser;
use crate::config::Config;
use crate::world;

pub fn create_user(arguments: &CreateUser) -> Result<ExitCode> {
    let config = Config::load(&arguments.database.flags())?;
    let password = password_from_stdin()?;
    let email = Email::parse("--email", &arguments.email)?;
    let new = NewUser {
        password: Password::chosen("the password", &password, &email)?,
        email,
        name: arguments.name.clone(),
        platform_admin: arguments.platform_admin,
    };
    let db = world::open_database(&config.database, &config.database_options)?;
    if config.database.sqlite_path().is_some() {
        super::migrate::apply(&db)?;
    } else if let SchemaState::Pending(_) = db.check_schema()? {
        bail!("the schema of {} is not up to date: run `neruba migrate` first", config.database);
    }
    let engine = world::engine(&config, db)?;
    let operator = engine.caller("cli").with_actor(Actor::System { name: "neruba admin" });
    match engine.create_user(&operator, &new) {
        Ok(user) => println!("created {} ({}) on {}", user.email, user.id, config.database),
        Err(Error::Refused(refusal)) => bail!("{}", refusal.detail),
        Err(error) => return Err(error).context("the user was not created"),
    }
    Ok(ExitCode::SUCCESS)
}
