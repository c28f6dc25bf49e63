//! Drives the real `larder` binary in a directory of its own.

#![expect(dead_code, reason = "each test file uses a part of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A directory for one test. Commands run in it, so the default store lies in it too.
pub(crate) struct Place {
    dir: tempfile::TempDir,
    /// What LARDER_STORE says, if it is set.
    store: Option<&'static str>,
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { dir: tempfile::tempdir().unwrap(), store: None }
    }

    /// The same, with a store of files for those who look at each record's own file.
    pub(crate) fn of_files() -> Place {
        Place { store: Some("file:./larder-data"), ..Place::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// A command, not yet started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        command.args(args).current_dir(self.dir.path()).env_remove("LARDER_STORE");
        command.envs(self.store.map(|store| ("LARDER_STORE", store)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs a command with this standard input.
    pub(crate) fn feed(&self, args: &[&str], input: impl AsRef<[u8]>) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.as_ref().to_owned();
        let feeder = std::thread::spawn(move || _ = stdin.write_all(&input));
        let ran = Ran::of(child.wait_with_output().unwrap());
        feeder.join().unwrap();
        ran
    }

    /// Runs a command that must succeed; answers with its output.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ran = self.run(args);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}: {ran:?}");
        ran.out
    }

    /// Runs a command that must fail with this code; answers with its one line of complaint.
    pub(crate) fn fails(&self, code: i32, args: &[&str]) -> String {
        self.run(args).failed(code)
    }

    /// The lines of a command that must succeed, sorted.
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<String> {
        let mut lines: Vec<String> = self.ok(args).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

impl Ran {
    pub(crate) fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().expect("the command ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It must have failed with this code and one line of complaint.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.starts_with("larder: ") && self.err.ends_with('\n'), "{self:?}");
        self.err
    }
}

/// All files below a directory.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The record files of a store of the scheme `file:`, and the temporary ones among them.
pub(crate) fn records(store: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let temporary = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('~');
    let (temporary, records) = files(&store.join("records")).into_iter().partition(temporary);
    (records, temporary)
}

/// Numbers from a seed that is printed, so that a failure can be run again with `LARDER_SEED`.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn from_env() -> Chance {
        use std::hash::{BuildHasher, RandomState};
        let seed = match std::env::var("LARDER_SEED") {
            Ok(seed) => seed.parse().expect("LARDER_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0),
        };
        println!("LARDER_SEED={seed}");
        Chance(seed)
    }

    /// A number below `limit` (splitmix64).
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
