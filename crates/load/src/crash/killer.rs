//! Kills and restarts the server; now and then also in the middle of its start, while it recovers.

use std::time::Duration;

use super::CrashOptions;
use super::worker::Shared;
use crate::random::Random;
use crate::server_process::{ServerOptions, ServerProcess};
use crate::{LoadError, clock};

const LIFE_MILLIS: (u64, u64) = (20, 350);
/// So many of 1,000 restarts are killed before they are ready.
const KILLED_AT_START_PER_MILLE: u64 = 125;
const START_MILLIS: (u64, u64) = (2, 60);
const STREAM: u64 = 7_777;

/// Returns the server of the last life and the kills done.
pub(super) fn kill_again_and_again(
    options: &CrashOptions,
    server_options: &ServerOptions,
    mut server: ServerProcess,
    shared: &Shared,
    progress: &mut impl FnMut(&str),
) -> Result<(ServerProcess, usize), LoadError> {
    let mut random = Random::fork(options.seed, STREAM);
    let mut kills = 0;
    while kills < options.kills {
        pause(&mut random, LIFE_MILLIS);
        server.kill()?;
        kills += 1;
        if kills < options.kills && random.chance(KILLED_AT_START_PER_MILLE) {
            let starting = ServerProcess::spawn(server_options)?;
            pause(&mut random, START_MILLIS);
            starting.kill()?;
            kills += 1;
        }
        server = ServerProcess::start(server_options)?;
        shared.gate.next_life();
        let book = shared.book();
        progress(&format!("kill {kills} of {}: {} acknowledged so far", options.kills, book.acknowledged()));
    }
    Ok((server, kills))
}

fn pause(random: &mut Random, (least, most): (u64, u64)) {
    clock::pause(Duration::from_millis(random.between(least, most)));
}
