//! What the figures were measured on: the machine, the day, and the versions of the peers.

use std::fmt::Write;
use std::path::Path;

/// The machine in a few lines of Markdown; `dir` is where the files of the benchmarks lie.
pub fn describe(dir: &Path, date: &str) -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_else(|| "unknown memory".into());
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = line("/proc/sys/kernel/osrelease").unwrap_or_else(|| "unknown".into());
    let files = filesystem(dir).unwrap_or_else(|| "unknown".into());
    let mut out = String::new();
    _ = writeln!(out, "- Measured: {date}");
    _ = writeln!(out, "- Processor: {cpu}, {processors} of them; memory {memory}");
    _ = writeln!(out, "- Kernel: {} {kernel}; files on {files}", std::env::consts::OS);
    _ = writeln!(out, "- Peers: {}", versions(include_str!("../Cargo.lock")));
    _ = writeln!(out, "- Build: `release` profile without LTO, {}", env!("CARGO_PKG_RUST_VERSION"));
    out
}

fn line(path: &str) -> Option<String> {
    Some(std::fs::read_to_string(path).ok()?.lines().next()?.trim().to_owned())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The mount with the longest path that leads to `dir`.
fn filesystem(dir: &Path) -> Option<String> {
    let dir = dir.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/mounts").ok()?;
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(' ');
            Some((fields.next()?, fields.next()?, fields.next()?, fields.next()?))
        })
        .filter(|(_, at, ..)| dir.starts_with(at))
        .max_by_key(|(_, at, ..)| at.len())?;
    Some(format!("{} on {} ({})", mount.2, mount.0, mount.3))
}

/// The versions that the lock file names for the peers.
fn versions(lock: &str) -> String {
    const PEERS: [&str; 15] = [
        "cacache",
        "ciborium",
        "dashmap",
        "fjall",
        "foldhash",
        "fred",
        "heed",
        "object_store",
        "opendal",
        "pollster",
        "redb",
        "redis",
        "rocksdb",
        "sled",
        "tokio",
    ];
    let version = |peer: &str| {
        let entry = format!("name = \"{peer}\"\nversion = \"");
        let version = lock.split_once(&entry)?.1.split('"').next()?;
        Some(format!("{peer} {version}"))
    };
    PEERS.into_iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

/// Today, in UTC, as `2026-11-21`.
pub fn today() -> String {
    let now = larder::Timestamp::from(std::time::SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_a_version() {
        let versions = versions(include_str!("../Cargo.lock"));
        assert_eq!(versions.split(", ").count(), 15, "{versions}");
    }

    #[test]
    fn today_is_a_date() {
        let today = today();
        assert_eq!(today.len(), 10, "{today}");
        assert_eq!(today.matches('-').count(), 2);
    }
}
