//! Where a run was started from: the test's name, the command that runs it, and where its files go.

use std::env;
use std::panic::Location;
use std::path::PathBuf;

/// The environment variable that names a seed to run instead.
pub(super) const SEED: &str = "LARDER_SIM_SEED";
/// The environment variable that names a stored failure to run instead.
pub(super) const REPRO: &str = "LARDER_SIM_REPRO";

/// The test that runs here: its path, as the test harness names its thread; otherwise file and line.
pub(super) fn test_name(caller: &Location<'_>) -> String {
    let current = std::thread::current();
    match current.name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => format!("{}:{}", caller.file(), caller.line()),
    }
}

/// The command that runs this test again with this variable set.
pub(super) fn command(variable: &str, value: &str, test: &str) -> String {
    let package = env::var("CARGO_PKG_NAME").map(|name| format!(" -p {name}")).unwrap_or_default();
    if test.contains(".rs:") {
        return format!("{variable}={value} cargo test{package}  # {test}");
    }
    format!("{variable}={value} cargo test{package} -- --exact {test}")
}

/// `target/sim`, in the target directory that this program lies in.
pub(super) fn directory() -> PathBuf {
    let program = env::current_exe().unwrap_or_default();
    // target/debug/deps/test-0123456789abcdef
    let target = program
        .ancestors()
        .nth(3)
        .filter(|_| program.parent().and_then(|deps| deps.file_name()).is_some_and(|name| name == "deps"));
    target.map_or_else(|| PathBuf::from("target"), PathBuf::from).join("sim")
}

/// A name for a file of this test and seed.
pub(super) fn file_name(test: &str, seed: super::Seed) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    format!("{}-{seed}.json", test.chars().map(safe).collect::<String>())
}
