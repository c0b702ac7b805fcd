//! The machine a figure was measured on; what the system does not tell is shown as `unknown`.

use std::path::Path;

use serde::Serialize;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub memory_kib: u64,
    pub kernel: String,
    /// Of the data folder: type and device.
    pub filesystem: String,
}

impl Machine {
    pub(super) fn look(folder: &Path) -> Machine {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        Machine {
            processor: value_of(&read("/proc/cpuinfo"), "model name").unwrap_or_else(unknown),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_kib: memory(&read("/proc/meminfo")),
            kernel: Some(read("/proc/sys/kernel/osrelease").trim().to_owned())
                .filter(|text| !text.is_empty())
                .unwrap_or_else(unknown),
            filesystem: filesystem(&read("/proc/self/mounts"), &folder).unwrap_or_else(unknown),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The first `name : value` line.
fn value_of(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

fn memory(meminfo: &str) -> u64 {
    let total = value_of(meminfo, "MemTotal");
    total.and_then(|text| text.trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

/// The mount with the longest path above `folder`.
fn filesystem(mounts: &str, folder: &Path) -> Option<String> {
    let mount = |line: &str| {
        let mut words = line.split(' ');
        let (device, path, kind) = (words.next()?.to_owned(), words.next()?.to_owned(), words.next()?.to_owned());
        folder.starts_with(&path).then(|| (path.len(), format!("{kind} on {device}")))
    };
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, text)| text)
}

#[cfg(test)]
mod tests {
    use super::{filesystem, memory, value_of};
    use std::path::Path;

    #[test]
    fn the_nearest_mount_above_the_folder_counts() {
        let mounts = "/dev/vda / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/vdb /srv/data xfs rw 0 0\n";
        assert_eq!(filesystem(mounts, Path::new("/srv/data/neruba")), Some("xfs on /dev/vdb".to_owned()));
        assert_eq!(filesystem(mounts, Path::new("/srv/database")), Some("ext4 on /dev/vda".to_owned()));
        assert_eq!(filesystem("", Path::new("/srv")), None);
    }

    #[test]
    fn processor_and_memory_are_read() {
        assert_eq!(
            value_of("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n", "model name").unwrap(),
            "Some CPU @ 2 GHz"
        );
        assert_eq!(memory("MemTotal:        4030000 kB\nMemFree: 1 kB\n"), 4_030_000);
    }
}
