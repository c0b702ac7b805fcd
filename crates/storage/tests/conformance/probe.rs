//! A table with a column of every type, in databases of its own.

use std::sync::OnceLock;

use domain::ids::ProjectId;
use storage::raw::{self, ColumnType, Migration, RawTx, Statement};
use storage::{Database, DatabaseUrl, OpenOptions, ProjectTx, StorageError};
use testkit::{empty_databases, migrated_at};
use uuid::Uuid;

pub static PROBE: [Migration; 1] = [Migration {
    name: "0001_probe",
    sqlite: "
        create table samples (
            project_id blob not null,
            id blob not null,
            flag integer,
            number integer,
            label text,
            bytes blob,
            happened_at integer,
            document text,
            wide blob,
            constraint samples_pk primary key (project_id, id),
            constraint samples_label unique (project_id, label),
            constraint samples_number check (number >= 0)
        ) strict, without rowid;
        create unique index samples_bytes on samples (project_id, bytes) where flag = 1;
        create table parts (
            project_id blob not null,
            id blob not null,
            sample_id blob not null,
            constraint parts_pk primary key (project_id, id),
            constraint parts_sample foreign key (project_id, sample_id) references samples (project_id, id)
        ) strict, without rowid;",
    postgres: "
        create table samples (
            project_id uuid not null,
            id uuid not null,
            flag boolean,
            number bigint,
            label text,
            bytes bytea,
            happened_at timestamptz,
            document jsonb,
            wide numeric(38,0),
            constraint samples_pk primary key (project_id, id),
            constraint samples_label unique (project_id, label),
            constraint samples_number check (number >= 0)
        );
        create unique index samples_bytes on samples (project_id, bytes) where flag;
        create table parts (
            project_id uuid not null,
            id uuid not null,
            sample_id uuid not null,
            constraint parts_pk primary key (project_id, id),
            constraint parts_sample foreign key (project_id, sample_id) references samples (project_id, id)
        );
        grant select, insert, update, delete on samples, parts to neruba_server;",
}];

pub const SAMPLE_COLUMNS: &[(&str, ColumnType)] = &[
    ("project_id", ColumnType::Uuid),
    ("id", ColumnType::Uuid),
    ("flag", ColumnType::Bool),
    ("number", ColumnType::Int),
    ("label", ColumnType::Text),
    ("bytes", ColumnType::Bytes),
    ("happened_at", ColumnType::Instant),
    ("document", ColumnType::Json),
    ("wide", ColumnType::Wide),
];

static INSERT_NUMBER: Statement =
    raw::statement("-- insert_number\ninsert into samples (project_id, id, number)\nvalues (?1, ?2, ?3)");
static NUMBER: Statement = raw::statement("-- number\nselect number\nfrom samples\nwhere project_id = ?1\nand id = ?2");
static SET_NUMBER: Statement =
    raw::statement("-- set_number\nupdate samples\nset number = ?3\nwhere project_id = ?1\nand id = ?2");
static LOCK_NUMBER: Statement =
    raw::statement("-- lock_number\nselect number\nfrom samples\nwhere project_id = ?1\nand id = ?2\n{for_update}");
static COUNT: Statement = raw::statement("-- count\nselect count(*)\nfrom samples\nwhere project_id = ?1");

/// The databases with the table, shared by the tests of this file's users.
pub fn databases() -> Vec<(&'static str, Database)> {
    static SHARED: OnceLock<Vec<(&'static str, Database)>> = OnceLock::new();
    let make = || fresh().into_iter().map(|(name, _, database)| (name, database)).collect();
    SHARED.get_or_init(make).clone()
}

/// New databases with the table.
pub fn fresh() -> Vec<(&'static str, DatabaseUrl, Database)> {
    let open = |(name, url): (&'static str, DatabaseUrl)| {
        let database = Database::open(&url, &OpenOptions::standard()).unwrap();
        raw::migrate(&database, &PROBE, migrated_at()).unwrap();
        (name, url, database)
    };
    empty_databases().into_iter().map(open).collect()
}

/// A project of the test's own.
#[expect(clippy::disallowed_methods, reason = "tests of one process keep apart by project")]
pub fn project() -> ProjectId {
    ProjectId::from_uuid(Uuid::now_v7())
}

pub fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub fn insert_number(tx: &mut impl RawTx, id: Uuid, number: i64) -> Result<u64, StorageError> {
    tx.execute(&INSERT_NUMBER, &[id.into(), number.into()])
}

pub fn set_number(tx: &mut impl RawTx, id: Uuid, number: i64) -> Result<u64, StorageError> {
    tx.execute(&SET_NUMBER, &[id.into(), number.into()])
}

pub fn number(tx: &mut impl RawTx, id: Uuid) -> Result<Option<i64>, StorageError> {
    Ok(tx.query(&NUMBER, &[id.into()], |row| row.get(0))?.pop())
}

pub fn lock_number(tx: &mut impl RawTx, id: Uuid) -> Result<i64, StorageError> {
    Ok(tx.query(&LOCK_NUMBER, &[id.into()], |row| row.get(0))?.pop().unwrap())
}

pub fn count(tx: &mut ProjectTx<'_>) -> Result<i64, StorageError> {
    Ok(tx.query(&COUNT, &[], |row| row.get(0))?.pop().unwrap())
}
