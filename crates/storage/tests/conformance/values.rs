//! A value comes back as it was stored, whatever the database.

use domain::amount::Amount;
use domain::currency::Currency;
use domain::ids::CustomerId;
use domain::quantity::{Quantity, QuantitySum};
use domain::time::Instant;
use storage::raw::{self, FromColumn, RawTx, Statement, Value};
use storage::{JsonText, StorageError};
use uuid::Uuid;

use crate::probe;

static INSERT: Statement = raw::statement(
    "-- insert_sample
    insert into samples (project_id, id, flag, number, label, bytes, happened_at, document, wide)
    values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
);
static SELECT: Statement = raw::statement(
    "-- sample
    select flag, number, label, bytes, happened_at, document, wide, id
    from samples
    where project_id = ?1
    and id = ?2",
);

fn instant(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

#[test]
fn every_type_comes_back_as_it_was_stored() {
    let wide = 10i128.pow(38) - 1;
    let cases = [
        (true, i64::MAX, "", "1970-01-01T00:00:00Z", 0),
        (false, 0, "Ünïcode 🦀 'quoted' \"text\" ?1 {uuid}", "2026-03-17T10:15:00.123456Z", wide),
        (true, 1, "plain", "0001-01-01T00:00:00Z", -wide),
        (true, 1_000_000, "tab\tnewline\n", "1999-12-31T23:59:59.999999Z", 10_000),
    ];
    for (name, database) in probe::databases() {
        let project = probe::project();
        for (number, (flag, int, label, at, wide)) in (1..).zip(cases) {
            let id = probe::id(number);
            let bytes = [u8::try_from(number).unwrap(), 0, 255];
            let document = JsonText(r#"{"a": [1, "b?1"], "c": null}"#.to_owned());
            let at = instant(at);
            let row = database
                .write::<_, StorageError>("values", project, |tx| {
                    let values: [Value<'_>; 8] = [
                        id.into(),
                        flag.into(),
                        int.into(),
                        label.into(),
                        (&bytes).into(),
                        at.into(),
                        (&document).into(),
                        wide.into(),
                    ];
                    assert_eq!(tx.execute(&INSERT, &values)?, 1);
                    let mut rows = tx.query(&SELECT, &[id.into()], |row| {
                        assert_eq!(row.get::<bool>(0)?, flag, "{name}");
                        assert_eq!(row.get::<i64>(1)?, int, "{name}");
                        assert_eq!(row.get::<String>(2)?, label, "{name}");
                        assert_eq!(row.get::<[u8; 3]>(3)?, bytes, "{name}");
                        assert_eq!(row.get::<Instant>(4)?, at, "{name}");
                        assert_eq!(row.get::<i128>(6)?, wide, "{name}");
                        assert_eq!(row.get::<Uuid>(7)?, id, "{name}");
                        row.get::<serde_json::Value>(5)
                    })?;
                    Ok(rows.pop().unwrap())
                })
                .unwrap();
            assert_eq!(row, serde_json::from_str::<serde_json::Value>(&document.0).unwrap(), "{name}");
        }
    }
}

#[test]
fn null_comes_back_as_none() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let id = probe::id(1);
        let nulls = database.write::<_, StorageError>("nulls", project, |tx| {
            let mut values = vec![Value::Null; 8];
            values[0] = id.into();
            tx.execute(&INSERT, &values)?;
            tx.query(&SELECT, &[id.into()], |row| {
                Ok([
                    row.get::<Option<bool>>(0)?.is_none(),
                    row.get::<Option<i64>>(1)?.is_none(),
                    row.get::<Option<String>>(2)?.is_none(),
                    row.get::<Option<Vec<u8>>>(3)?.is_none(),
                    row.get::<Option<Instant>>(4)?.is_none(),
                    row.get::<Option<JsonText>>(5)?.is_none(),
                    row.get::<Option<i128>>(6)?.is_none(),
                ])
            })
        });
        assert_eq!(nulls.unwrap(), [[true; 7]], "{name}");
    }
}

#[test]
fn the_types_of_the_domain_are_values() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let customer = CustomerId::from_uuid(probe::id(77));
        let values: [Value<'_>; 8] = [
            customer.into(),
            None::<bool>.into(),
            Amount::from_micros(1_500_000).into(),
            Currency::USD.into(),
            None::<Vec<u8>>.into(),
            None::<Instant>.into(),
            None::<JsonText>.into(),
            QuantitySum::from_micros(-3).into(),
        ];
        let read = database.write::<_, StorageError>("domain", project, |tx| {
            tx.execute(&INSERT, &values)?;
            tx.query(&SELECT, &[customer.into()], |row| {
                assert_eq!(row.get::<Quantity>(1)?, Quantity::from_micros(1_500_000));
                assert_eq!(row.get::<Currency>(2)?, Currency::USD);
                assert_eq!(row.get::<QuantitySum>(6)?, QuantitySum::from_micros(-3));
                assert_eq!(row.get::<CustomerId>(7)?, customer);
                row.named(2, |text| (text == "USD").then_some("a dollar"))
            })
        });
        assert_eq!(read.unwrap(), ["a dollar"], "{name}");
    }
}

/// What reading the first column as `T` answers.
fn read_as<T: FromColumn>(database: &storage::Database, text: &str) -> Result<T, StorageError> {
    let statement = raw::leaked(text);
    database.read_installation("read_as", |tx| {
        let mut rows = tx.query(statement, &[], |row| row.get(0))?;
        Ok(rows.pop().unwrap())
    })
}

#[test]
fn a_value_of_another_type_is_reported_as_damage() {
    for (name, database) in probe::databases() {
        let text = read_as::<i64>(&database, "-- t\nselect cast('x' as text)");
        assert!(matches!(text, Err(StorageError::Corrupt { .. })), "{name}");
        let null = read_as::<i64>(&database, "-- t\nselect cast(null as bigint)");
        assert!(matches!(null, Err(StorageError::Corrupt { .. })), "{name}");
        let large = read_as::<i32>(&database, "-- t\nselect cast(5000000000 as bigint)");
        assert!(matches!(large, Err(StorageError::Corrupt { .. })), "{name}");
        let missing = database.read_installation("missing", |tx| {
            tx.query(raw::leaked("-- t\nselect cast(1 as bigint)"), &[], |row| row.get::<i64>(1))
        });
        assert!(matches!(missing, Err(StorageError::Corrupt { .. })), "{name}");
    }
}

#[test]
fn a_name_outside_the_list_is_reported_with_its_column() {
    for (name, database) in probe::databases() {
        let read = database.read_installation("named", |tx| {
            tx.query(raw::leaked("-- t\nselect cast('owl' as text) as role"), &[], |row| row.named(0, |_| None::<()>))
        });
        let error = read.unwrap_err().to_string();
        assert!(error.contains("owl") && error.contains("role"), "{name}: {error}");
    }
}

#[test]
fn a_wrong_number_of_parameters_is_an_error_and_not_a_wrong_binding() {
    static TWO: Statement = raw::statement("-- t\nselect number\nfrom samples\nwhere project_id = ?1\nand number = ?2");
    for (name, database) in probe::databases() {
        for params in [vec![], vec![Value::Int(1), Value::Int(2)]] {
            let read = database.read::<_, StorageError>("params", probe::project(), |tx| {
                tx.query(&TWO, &params, |row| row.get::<i64>(0))
            });
            assert!(matches!(read, Err(StorageError::Driver(_))), "{name}");
        }
    }
}

#[test]
fn a_value_that_one_database_could_not_hold_is_refused_by_both() {
    let wide_end = 10i128.pow(38);
    let cases: [(usize, Value<'_>); 4] = [
        (3, "a\0b".into()),
        (6, Value::Json(r#"{"a": "\u0000"}"#.into())),
        (7, wide_end.into()),
        (7, (-wide_end).into()),
    ];
    for (name, database) in probe::databases() {
        for (column, value) in &cases {
            let mut values = vec![Value::Null; 8];
            values[0] = probe::id(1).into();
            values[*column] = value.clone();
            let result =
                database.write::<_, StorageError>("refused", probe::project(), |tx| tx.execute(&INSERT, &values));
            assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {value:?}: {result:?}");
        }
        let mut values = vec![Value::Null; 8];
        values[0] = probe::id(1).into();
        values[6] = Value::Json(r#"{"a": "\\u0000"}"#.into());
        let result = database.write::<_, StorageError>("kept", probe::project(), |tx| tx.execute(&INSERT, &values));
        assert_eq!(result.unwrap(), 1, "{name}: an escaped backslash is no escape");
    }
}
