//! What Linux tells about a process under `/proc`.

use serde::Serialize;

/// Resident memory of a process, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    pub resident_kib: u64,
    /// The most it has been.
    pub peak_kib: u64,
}

impl Memory {
    pub(super) fn of(pid: u32) -> Option<Memory> {
        Memory::parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Memory> {
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix("kB")?.trim().parse().ok()
        };
        Some(Memory { resident_kib: value("VmRSS:")?, peak_kib: value("VmHWM:")? })
    }
}

/// User and system time of a process, in clock ticks.
pub(super) fn processor_ticks(pid: u32) -> Option<u64> {
    ticks_of(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// Fields 14 and 15 of `stat`; the name in field 2 may hold spaces and brackets, so counting begins after it.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::{Memory, ticks_of};

    #[test]
    fn memory_is_read_from_the_status_page() {
        let status = "Name:\tneruba\nVmPeak:\t  900 kB\nVmHWM:\t   52100 kB\nVmRSS:\t   48012 kB\n";
        assert_eq!(Memory::parse(status), Some(Memory { resident_kib: 48_012, peak_kib: 52_100 }));
        assert_eq!(Memory::parse("Name:\tzombie\n"), None);
    }

    #[test]
    fn processor_time_is_found_behind_a_name_with_brackets() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 5 0 0 0 70 30 0 0 20 0 1 0 8 9 10";
        assert_eq!(ticks_of(stat), Some(100));
    }
}
