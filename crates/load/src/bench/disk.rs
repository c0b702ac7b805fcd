//! What one durable write costs on the disk of a folder: the floor under every commit.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::latency::percentile;
use crate::{LoadError, clock};

/// Append of one 4 KiB page and `fdatasync`, measured by this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DiskSync {
    pub samples: usize,
    pub p50_micros: u64,
    pub p99_micros: u64,
}

const SAMPLES: usize = 300;
const AT_MOST: Duration = Duration::from_secs(4);

pub(super) fn measure(folder: &Path) -> Result<DiskSync, LoadError> {
    let path = folder.join("sync-probe");
    let action = || LoadError::system(format!("write to {}", path.display()));
    let mut file = File::create(&path).map_err(action())?;
    let page = [0x5a_u8; 4096];
    let mut samples = Vec::with_capacity(SAMPLES);
    let begun = clock::start();
    while samples.len() < SAMPLES && begun.elapsed() < AT_MOST {
        file.write_all(&page).map_err(action())?;
        let started = clock::start();
        file.sync_data().map_err(action())?;
        samples.push(clock::micros(started.elapsed()));
    }
    drop(file);
    std::fs::remove_file(&path).map_err(action())?;
    samples.sort_unstable();
    Ok(DiskSync { samples: samples.len(), p50_micros: percentile(&samples, 50), p99_micros: percentile(&samples, 99) })
}
