//! Transactions: all or nothing, one snapshot, retried as a whole, bound to their project.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use storage::StorageError;

use crate::probe::{self, count, id, insert_number, lock_number, number, set_number};

#[test]
fn a_committed_transaction_is_seen_by_the_next() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        database.write::<_, StorageError>("insert", project, |tx| insert_number(tx, id(1), 7)).unwrap();
        let seen = database.read::<_, StorageError>("number", project, |tx| number(tx, id(1)));
        assert_eq!(seen.unwrap(), Some(7), "{name}");
    }
}

#[test]
fn an_error_of_the_caller_rolls_everything_back() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let result = database.write::<(), StorageError>("insert", project, |tx| {
            insert_number(tx, id(1), 7)?;
            Err(StorageError::DiskFull)
        });
        assert!(matches!(result, Err(StorageError::DiskFull)), "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0, "{name}");
    }
}

#[test]
fn after_a_failed_statement_nothing_can_be_committed() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let result = database.write::<_, StorageError>("swallow", project, |tx| {
            insert_number(tx, id(1), 7)?;
            assert!(insert_number(tx, id(1), 8).is_err());
            assert!(matches!(number(tx, id(1)), Err(StorageError::Aborted)), "{name}");
            Ok(())
        });
        assert!(matches!(result, Err(StorageError::Aborted)), "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0, "{name}");
    }
}

#[test]
fn a_part_that_is_refused_is_undone_by_itself() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let seen = database.write::<_, StorageError>("parts", project, |tx| {
            insert_number(tx, id(1), 7)?;
            let refused = tx.attempt::<(), StorageError>(|tx| {
                set_number(tx, id(1), 8)?;
                tx.attempt::<_, StorageError>(|tx| insert_number(tx, id(2), 9))?;
                Err(StorageError::DiskFull)
            });
            assert!(matches!(refused, Err(StorageError::DiskFull)), "{name}");
            tx.attempt::<_, StorageError>(|tx| insert_number(tx, id(3), 10))?;
            number(tx, id(1))
        });
        assert_eq!(seen.unwrap(), Some(7), "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 2, "{name}");
    }
}

#[test]
fn a_statement_that_fails_in_a_part_fails_the_whole() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let result = database.write::<_, StorageError>("parts", project, |tx| {
            insert_number(tx, id(1), 7)?;
            assert!(tx.attempt::<_, StorageError>(|tx| insert_number(tx, id(1), 8)).is_err());
            Ok(())
        });
        assert!(matches!(result, Err(StorageError::Aborted)), "{name}");
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0, "{name}");
    }
}

#[test]
fn a_panic_rolls_back_and_the_database_goes_on() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            database.write::<(), StorageError>("panic", project, |tx| {
                insert_number(tx, id(1), 7)?;
                panic!("a bug");
            })
        }));
        assert!(panicked.is_err(), "{name}");
        database.write::<_, StorageError>("insert", project, |tx| insert_number(tx, id(2), 7)).unwrap();
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 1, "{name}");
    }
}

#[test]
fn a_lost_race_runs_the_whole_transaction_again() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let mut runs = 0;
        let result = database.write("retry", project, |tx| {
            runs += 1;
            insert_number(tx, id(runs), 7)?;
            if runs < 3 { Err(StorageError::Serialization) } else { count(tx) }
        });
        assert_eq!(result.unwrap(), 1, "{name}");
    }
}

#[test]
fn a_transaction_that_always_loses_gives_up() {
    for (name, database) in probe::databases() {
        let mut runs = 0;
        let result = database.write::<(), _>("retry", probe::project(), |_| {
            runs += 1;
            Err(StorageError::Serialization)
        });
        assert!(matches!(result, Err(StorageError::Serialization)), "{name}");
        assert_eq!(runs, 8, "{name}");
    }
}

#[test]
fn a_refusal_is_not_tried_again() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let mut runs = 0;
        let result = database.write("refused", project, |tx| {
            runs += 1;
            insert_number(tx, id(1), -1)
        });
        assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}");
        assert_eq!(runs, 1, "{name}");
    }
}

#[test]
fn a_reading_transaction_sees_one_moment() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        database.write::<_, StorageError>("insert", project, |tx| insert_number(tx, id(1), 1)).unwrap();
        let seen = database.read::<_, StorageError>("snapshot", project, |tx| {
            let before = number(tx, id(1))?;
            // Another connection commits in between.
            database.write::<_, StorageError>("change", project, |other| set_number(other, id(1), 2))?;
            Ok((before, number(tx, id(1))?))
        });
        assert_eq!(seen.unwrap(), (Some(1), Some(1)), "{name}");
        let after = database.read::<_, StorageError>("number", project, |tx| number(tx, id(1)));
        assert_eq!(after.unwrap(), Some(2), "{name}");
    }
}

#[test]
fn a_reading_transaction_cannot_write() {
    for (name, database) in probe::databases() {
        let result = database.read("write", probe::project(), |tx| insert_number(tx, id(1), 1));
        assert!(matches!(result, Err(StorageError::Refused { .. })), "{name}: {result:?}");
    }
}

#[test]
fn a_transaction_of_one_project_does_not_find_another() {
    for (name, database) in probe::databases() {
        let (ours, theirs) = (probe::project(), probe::project());
        database.write::<_, StorageError>("insert", ours, |tx| insert_number(tx, id(1), 1)).unwrap();
        let found = database.read::<_, StorageError>("number", theirs, |tx| number(tx, id(1)));
        assert_eq!(found.unwrap(), None, "{name}");
        let changed = database.write::<_, StorageError>("change", theirs, |tx| set_number(tx, id(1), 9));
        assert_eq!(changed.unwrap(), 0, "{name}");
    }
}

#[test]
fn a_transaction_of_the_installation_can_work_for_several_projects() {
    for (name, database) in probe::databases() {
        let (first, second) = (probe::project(), probe::project());
        let result = database.write_installation::<_, StorageError>("both", |tx| {
            insert_number(&mut tx.in_project(first), id(1), 1)?;
            insert_number(&mut tx.in_project(second), id(1), 2)?;
            Ok((number(&mut tx.in_project(first), id(1))?, number(&mut tx.in_project(second), id(1))?))
        });
        assert_eq!(result.unwrap(), (Some(1), Some(2)), "{name}");
    }
}

#[test]
fn opposite_lock_orders_end_with_both_done() {
    // On PostgreSQL they deadlock now and then: the loser is run again.
    for (name, database) in probe::databases() {
        let project = probe::project();
        database
            .write::<_, StorageError>("insert", project, |tx| {
                insert_number(tx, id(1), 1_000)?;
                insert_number(tx, id(2), 1_000)
            })
            .unwrap();
        std::thread::scope(|scope| {
            for (from, to) in [(1, 2), (2, 1)] {
                let database = &database;
                scope.spawn(move || {
                    for _ in 0..10 {
                        let moved = database.write::<_, StorageError>("move", project, |tx| {
                            let source = lock_number(tx, id(from))?;
                            set_number(tx, id(from), source - 1)?;
                            let target = lock_number(tx, id(to))?;
                            set_number(tx, id(to), target + 1)
                        });
                        assert_eq!(moved.unwrap(), 1);
                    }
                });
            }
        });
        let both = database
            .read::<_, StorageError>("both", project, |tx| Ok((number(tx, id(1))?, number(tx, id(2))?)))
            .unwrap();
        assert_eq!(both, (Some(1_000), Some(1_000)), "{name}");
    }
}

#[test]
fn writers_wait_for_each_other_and_lose_nothing() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        database.write::<_, StorageError>("insert", project, |tx| insert_number(tx, id(1), 0)).unwrap();
        let attempts = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let added = database.write::<_, StorageError>("add", project, |tx| {
                            attempts.fetch_add(1, Ordering::Relaxed);
                            let current = lock_number(tx, id(1))?;
                            set_number(tx, id(1), current + 1)
                        });
                        added.unwrap();
                    }
                });
            }
        });
        let total = database.read::<_, StorageError>("number", project, |tx| number(tx, id(1)));
        assert_eq!(total.unwrap(), Some(200), "{name}");
        assert_eq!(attempts.into_inner(), 200, "{name}: a lock is waited for, not failed on");
    }
}

#[test]
fn readers_go_on_while_somebody_writes() {
    for (name, database) in probe::databases() {
        let project = probe::project();
        let (held, release) = (mpsc::channel(), mpsc::channel::<()>());
        let release_receiver = Mutex::new(release.1);
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                database.write::<_, StorageError>("hold", project, |tx| {
                    insert_number(tx, id(1), 1)?;
                    held.0.send(()).unwrap();
                    release_receiver.lock().unwrap().recv().unwrap();
                    Ok(())
                })
            });
            held.1.recv().unwrap();
            assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 0, "{name}");
            release.0.send(()).unwrap();
            writer.join().unwrap().unwrap();
        });
        assert_eq!(database.read::<_, StorageError>("count", project, count).unwrap(), 1, "{name}");
    }
}

#[test]
fn a_database_that_answers_can_be_pinged() {
    for (name, database) in probe::databases() {
        database.ping().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn a_database_tells_its_version() {
    for (name, database) in probe::databases() {
        let version = database.version().unwrap();
        let (product, number) = version.split_once(' ').unwrap();
        assert!(product.to_lowercase().starts_with(name), "{version}");
        assert!(number.starts_with(|digit: char| digit.is_ascii_digit()), "{version}");
    }
}
