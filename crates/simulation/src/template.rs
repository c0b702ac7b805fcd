//! A world that is written once and copied for each try, so that everything but the try is equal.

use domain::ids::ProjectId;
use storage::{Database, DatabaseUrl, OpenOptions};
use testkit::{migrated_at, postgres, scratch};

use crate::installation::Installation;
use crate::world::{self, WorldPlan};

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// A world that nobody touches.
#[derive(Debug)]
pub struct Template {
    pub kind: Kind,
    address: String,
    pub project: ProjectId,
}

/// A copy; it is removed when this value is dropped.
#[derive(Debug)]
pub struct Copied {
    kind: Kind,
    pub address: String,
}

impl Template {
    /// Writes a world; `None` on a machine without the database.
    pub fn write(kind: Kind, plan: WorldPlan) -> Option<Template> {
        let address = match kind {
            Kind::Sqlite => sqlite(&scratch::path("template.db")),
            Kind::Postgres => postgres::empty_database_address()?,
        };
        let url = DatabaseUrl::parse(&address).unwrap();
        let database = Database::open(&url, &OpenOptions::standard()).unwrap();
        database.migrate(migrated_at()).unwrap();
        if cfg!(feature = "mutant_charge_key_dropped") {
            // Only that the key is unique: without its index a run takes longer than a node that stands still keeps its transaction.
            let text = "alter table charges drop constraint charges_key;
                create index charges_key on charges (project_id, charge_key, revision);";
            storage::raw::run_as_owner(&database, text).unwrap();
        }
        drop(database);
        let project = world::write(&Installation::open(&address), plan);
        Some(Template { kind, address, project })
    }

    pub fn copy(&self) -> Copied {
        copied(self.kind, &self.address)
    }
}

impl Copied {
    /// A copy of the copy, to which nobody may be connected.
    pub fn copy(&self) -> Copied {
        copied(self.kind, &self.address)
    }
}

fn copied(kind: Kind, from: &str) -> Copied {
    let address = match kind {
        Kind::Sqlite => {
            let path = scratch::path("world.db");
            std::fs::copy(path_of(from), &path).unwrap();
            sqlite(&path)
        }
        Kind::Postgres => postgres::copy_of(from),
    };
    Copied { kind, address }
}

impl Drop for Copied {
    fn drop(&mut self) {
        match self.kind {
            Kind::Sqlite => {
                for ending in ["", "-wal", "-shm"] {
                    std::fs::remove_file(format!("{}{ending}", path_of(&self.address))).ok();
                }
            }
            Kind::Postgres => postgres::drop_database(&self.address),
        }
    }
}

fn sqlite(path: &std::path::Path) -> String {
    format!("sqlite://{}", path.display())
}

fn path_of(address: &str) -> &str {
    address.strip_prefix("sqlite://").unwrap()
}
