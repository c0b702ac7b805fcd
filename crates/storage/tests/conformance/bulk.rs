//! Statements over many rows do the same on both databases.

use storage::raw::{self, BulkStatement, ColumnType, RawTx, Value};
use storage::{JsonText, StorageError};

use crate::probe::{self, SAMPLE_COLUMNS, count, id, number};

static INSERT: BulkStatement = raw::bulk_statement(
    "-- insert_samples
    insert into samples (project_id, id, flag, number, label, bytes, happened_at, document, wide)
    {values}
    on conflict do nothing
    returning id",
    SAMPLE_COLUMNS,
);
static NUMBERS: &[(&str, ColumnType)] =
    &[("project_id", ColumnType::Uuid), ("id", ColumnType::Uuid), ("number", ColumnType::Int)];
static INSERT_NUMBERS: BulkStatement =
    raw::bulk_statement("-- insert_numbers\ninsert into samples (project_id, id, number)\n{values}", NUMBERS);
static UPDATE_NUMBERS: BulkStatement = raw::bulk_statement(
    "-- update_numbers
    update samples
    set number = r.number
    from {rows}
    where samples.project_id = r.project_id
    and samples.id = r.id",
    NUMBERS,
);
static FIND_NUMBERS: BulkStatement = raw::bulk_statement(
    "-- find_numbers
    select r.number, samples.number
    from {rows}
    join samples on samples.project_id = r.project_id and samples.id = r.id",
    NUMBERS,
);

fn sample(number: u8) -> Vec<Value<'static>> {
    let document = JsonText(format!("[{number}]"));
    vec![
        id(number.into()).into(),
        number.is_multiple_of(2).into(),
        i64::from(number).into(),
        format!("label {number}").into(),
        vec![number].into(),
        testkit::migrated_at().into(),
        document.into(),
        (i128::from(number) << 100).into(),
    ]
}

#[test]
fn rows_of_every_type_are_inserted_and_what_was_new_comes_back() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let insert = |rows: Vec<Vec<Value<'static>>>| {
            database.write::<_, StorageError>("insert", project, |tx| {
                let mut ids = tx.query_many(&INSERT, &rows, |row| row.get::<uuid::Uuid>(0))?;
                ids.sort();
                Ok(ids)
            })
        };
        assert_eq!(insert(vec![sample(1), sample(2)]).unwrap(), [id(1), id(2)], "{name}");
        assert_eq!(insert(vec![sample(2), sample(3)]).unwrap(), [id(3)], "{name}");
        // Twice in one call: the first wins.
        assert_eq!(insert(vec![sample(4), sample(4)]).unwrap(), [id(4)], "{name}");
    }
}

#[test]
fn nulls_travel_in_the_rows() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let mut row = vec![Value::Null; 8];
        row[0] = id(1).into();
        let rows = [row, sample(2)];
        let inserted = database.write::<_, StorageError>("insert", project, |tx| {
            tx.query_many(&INSERT, &rows, |row| row.get::<uuid::Uuid>(0))
        });
        assert_eq!(inserted.unwrap().len(), 2, "{name}");
        assert_eq!(database.read::<_, StorageError>("number", project, |tx| {
            static IS_NULL: raw::Statement = raw::statement(
                "-- t\nselect count(*)\nfrom samples\nwhere project_id = ?1\nand wide is null\nand document is null",
            );
            tx.query(&IS_NULL, &[], |row| row.get::<i64>(0))
        }).unwrap(), [1], "{name}");
    }
}

#[test]
fn more_rows_than_one_statement_takes_are_all_stored() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let rows: Vec<Vec<Value<'_>>> =
            (0..25_000i64).map(|n| vec![id(u128::try_from(n).unwrap()).into(), n.into()]).collect();
        let changed =
            database.write::<_, StorageError>("insert", project, |tx| tx.execute_many(&INSERT_NUMBERS, &rows));
        assert_eq!(changed.unwrap(), 25_000, "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 25_000, "{name}");
        let found = database.read::<_, StorageError>("find", project, |tx| {
            tx.query_many(&FIND_NUMBERS, &rows, |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)))
        });
        let mut found = found.unwrap();
        found.sort_unstable();
        assert!(found.into_iter().eq((0..25_000).map(|n| (n, n))), "{name}");
    }
}

#[test]
fn an_update_from_rows_counts_what_it_changed() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let rows = |offset: i64| -> Vec<Vec<Value<'static>>> {
            (1..=3i64).map(|n| vec![id(u128::try_from(n).unwrap()).into(), (n + offset).into()]).collect()
        };
        database
            .write::<_, StorageError>("insert", project, |tx| tx.execute_many(&INSERT_NUMBERS, &rows(0)[..2]))
            .unwrap();
        let changed =
            database.write::<_, StorageError>("update", project, |tx| tx.execute_many(&UPDATE_NUMBERS, &rows(10)));
        assert_eq!(changed.unwrap(), 2, "{name}");
        assert_eq!(
            database.read::<_, StorageError>("number", project, |tx| number(tx, id(2))).unwrap(),
            Some(12),
            "{name}"
        );
    }
}

#[test]
fn rows_of_several_projects_go_into_one_statement_of_the_installation() {
    for (name, database) in probe::databases() {
        let (first, second) = (probe::project(), probe::project());
        let rows: Vec<Vec<Value<'_>>> =
            [first, second].into_iter().map(|project| vec![project.into(), id(1).into(), 5i64.into()]).collect();
        let changed =
            database.write_installation::<_, StorageError>("insert", |tx| tx.execute_many(&INSERT_NUMBERS, &rows));
        assert_eq!(changed.unwrap(), 2, "{name}");
        assert_eq!(
            database.read::<_, StorageError>("number", second, |tx| number(tx, id(1))).unwrap(),
            Some(5),
            "{name}"
        );
    }
}

#[test]
fn no_rows_change_nothing() {
    for (name, database) in probe::databases() {
        let changed =
            database.write::<_, StorageError>("none", probe::project(), |tx| tx.execute_many(&INSERT_NUMBERS, &[]));
        assert_eq!(changed.unwrap(), 0, "{name}");
    }
}

#[test]
fn a_row_of_the_wrong_width_is_refused() {
    for (name, database) in probe::databases() {
        let rows = [vec![id(1).into(), Value::Int(1)], vec![id(2).into()]];
        let result =
            database.write::<_, StorageError>("width", probe::project(), |tx| tx.execute_many(&INSERT_NUMBERS, &rows));
        assert!(matches!(result, Err(StorageError::Driver(_))), "{name}");
    }
}

#[test]
fn one_bad_row_undoes_the_whole_transaction() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let rows = [vec![id(1).into(), Value::Int(1)], vec![id(2).into(), Value::Int(-1)]];
        let result =
            database.write::<_, StorageError>("bad_row", project, |tx| tx.execute_many(&INSERT_NUMBERS, &rows));
        assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0, "{name}");
    }
}
