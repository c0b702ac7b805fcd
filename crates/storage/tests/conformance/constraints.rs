//! A violated constraint is reported under the same name by both databases.

use storage::raw::{self, RawTx, Statement, Value};
use storage::{Database, StorageError};

use crate::probe::{self, id, insert_number};

static INSERT: Statement = raw::statement(
    "-- insert_constrained
    insert into samples (project_id, id, label, bytes, flag)
    values (?1, ?2, ?3, ?4, ?5)",
);
static INSERT_PART: Statement =
    raw::statement("-- insert_part\ninsert into parts (project_id, id, sample_id)\nvalues (?1, ?2, ?3)");

/// What the database says to a second row with these values after a first with id 1, label `a`, bytes 1, flag true.
fn second_row(database: &Database, values: [Value<'_>; 4]) -> Result<u64, StorageError> {
    database.write("second_row", probe::project(), |tx| {
        tx.execute(&INSERT, &[id(1).into(), "a".into(), vec![1u8].into(), true.into()])?;
        tx.execute(&INSERT, &values)
    })
}

#[test]
fn a_violated_unique_constraint_is_named() {
    for (name, database) in probe::databases() {
        let cases: [([Value<'_>; 4], &str); 3] = [
            ([id(1).into(), "b".into(), vec![2u8].into(), true.into()], "samples_pk"),
            ([id(2).into(), "a".into(), vec![2u8].into(), true.into()], "samples_label"),
            ([id(2).into(), "b".into(), vec![1u8].into(), true.into()], "samples_bytes"),
        ];
        for (values, constraint) in cases {
            let error = second_row(&database, values).unwrap_err();
            assert!(error.violates(constraint), "{name}: {error:?}");
        }
        let values = [id(2).into(), "b".into(), vec![1u8].into(), false.into()];
        assert_eq!(second_row(&database, values).unwrap(), 1, "{name}");
    }
}

#[test]
fn a_violated_check_is_named() {
    for (name, database) in probe::databases() {
        let result = database.write("check", probe::project(), |tx| insert_number(tx, id(1), -1));
        match result {
            Err(StorageError::Refused { constraint }) => assert_eq!(constraint, "samples_number", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_missing_value_is_named_by_its_column() {
    for (name, database) in probe::databases() {
        let result = database.write::<_, StorageError>("null", probe::project(), |tx| {
            tx.execute(&INSERT, &[Value::Null, Value::Null, Value::Null, Value::Null])
        });
        match result {
            Err(StorageError::Refused { constraint }) => assert_eq!(constraint, "samples.id", "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_reference_to_nothing_is_refused() {
    for (name, database) in probe::databases() {
        let result = database.write::<_, StorageError>("reference", probe::project(), |tx| {
            tx.execute(&INSERT_PART, &[id(1).into(), id(99).into()])
        });
        assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {result:?}");
    }
}
