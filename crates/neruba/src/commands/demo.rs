//! `neruba demo`: a server with three months of data in one command.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use domain::password::Password;
use domain::refusal::Code;
use domain::users::Email;
use engine::users::NewUser;
use engine::{Actor, Engine, Error};
use load::demo::{self, DemoOptions};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::serve;
use crate::cli::Demo;
use crate::config::{Config, Flags};
use crate::{logs, world};

/// As in the published requests.
const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "strong-password";

/// Made anew by each run that names no database.
const FILE: &str = "data/demo.db";

/// Ports that are tried when nobody names one.
const PORTS: std::ops::Range<u16> = 8080..8100;

pub fn run(arguments: &Demo) -> Result<ExitCode> {
    let database = match &arguments.database.database {
        Some(database) => database.clone(),
        None => fresh_file(Path::new(FILE))?,
    };
    // A database named in the environment is somebody's real one: the demo writes only where it is told to.
    let flags = Flags { database: Some(database), listen: arguments.listen.clone(), ..arguments.database.flags() };
    let mut config = Config::load(&flags)?;
    "warn".clone_into(&mut config.log_filter);
    logs::start(&config)?;
    let db = world::open_database(&config.database, &config.database_options)?;
    super::migrate::apply(&db)?;
    let engine = world::engine(&config, db)?;
    create_owner(&engine)?;
    let runtime = serve::runtime(&config)?;
    let listener = listen(&runtime, &config, arguments.listen.is_none())?;
    let address = listener.local_addr().context("cannot tell the server's address")?;
    let asked_to_stop = serve::stop_signal()?;
    let (finish, finished) = oneshot::channel::<()>();
    let stop = async move {
        tokio::select! {
            () = asked_to_stop => {}
            _ = finished => {}
        }
    };
    let serving = runtime.spawn(async move { serve::serve(listener, engine, &config, stop).await });
    eprintln!("filling http://{address} with three months of data");
    let filled =
        demo::run(&DemoOptions::new(&format!("http://{address}"), EMAIL, PASSWORD), |line| eprintln!("  {line}"));
    if let Ok(report) = &filled {
        println!("{report}");
    }
    let goes_on = filled.is_ok() && !arguments.exit;
    if goes_on {
        println!("The server runs until Ctrl-C.");
    } else {
        finish.send(()).ok();
    }
    runtime.block_on(serving).context("the server ended early")??;
    filled.context("the demo could not be filled")?;
    Ok(ExitCode::SUCCESS)
}

/// An address of a SQLite file that does not exist any more.
fn fresh_file(path: &Path) -> Result<String> {
    for suffix in ["", "-wal", "-shm"] {
        let file = format!("{}{suffix}", path.display());
        match std::fs::remove_file(&file) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot remove the demo before this one, {file}")),
        }
    }
    Ok(format!("sqlite://{}", path.display()))
}

fn create_owner(engine: &Engine) -> Result<()> {
    let email = Email::parse("email", EMAIL)?;
    let password = Password::chosen("password", PASSWORD, &email)?;
    let new = NewUser { email, name: "Owner".to_owned(), password, platform_admin: false };
    let operator = engine.caller("demo").with_actor(Actor::System { name: "neruba demo" });
    match engine.create_user(&operator, &new) {
        Ok(_) => Ok(()),
        // A demo before this one made the user: its password is the same.
        Err(Error::Refused(refusal)) if refusal.code == Code::EmailTaken => Ok(()),
        Err(error) => Err(error).context("the demo's user was not created"),
    }
}

/// The configured port, or the first free one after it when nobody asked for it.
fn listen(runtime: &Runtime, config: &Config, may_move: bool) -> Result<TcpListener> {
    if may_move {
        for port in PORTS {
            if let Ok(listener) = runtime.block_on(TcpListener::bind(("127.0.0.1", port))) {
                return Ok(listener);
            }
        }
    }
    runtime.block_on(serve::listen(config))
}
