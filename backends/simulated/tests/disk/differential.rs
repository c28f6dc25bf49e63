//! Random calls on a real disk and on a simulated one: every answer must be the same.

use std::io;
use std::path::{Path, PathBuf};

use larder::io::{Disk, DiskFile, DiskLock, EntryKind, Mode, RealDisk};
use larder_simulated::disk::SimDisk;
use larder_simulated::draw::{Draws, below};

/// The same file on both, and whether it is a directory.
type Files = (Box<dyn DiskFile>, Box<dyn DiskFile>, EntryKind);

/// Both disks, and what is open on them.
struct Both {
    real: PathBuf,
    sim: SimDisk,
    files: Vec<Files>,
    locks: Vec<(Box<dyn DiskLock>, Box<dyn DiskLock>)>,
}

/// An answer as it is compared: errors by their kinds.
fn told<T: std::fmt::Debug>(answer: &io::Result<T>) -> String {
    match answer {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn list(disk: &dyn Disk, path: &Path) -> io::Result<Vec<(String, EntryKind)>> {
    let mut entries = Vec::new();
    for entry in disk.list(path)? {
        let entry = entry?;
        entries.push((entry.name.to_string_lossy().into_owned(), entry.kind));
    }
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(entries)
}

fn read<R>(read: impl FnOnce(&mut [u8]) -> io::Result<R>, length: usize) -> io::Result<(R, Vec<u8>)> {
    let mut buffer = vec![0xee; length];
    let result = read(&mut buffer)?;
    Ok((result, buffer))
}

const PATHS: [&str; 20] = [
    "a", "b", "c", "a/a", "a/b", "b/a", "b/c", "c/a", "a/a/a", "a/b/c", "b/a/c", "a/a/a/a", "a/../b", "b/..",
    ".", "a/./b", "b/../a/c", "c/..", "a/a/..", "b/c/../a",
];

impl Both {
    /// The `n`-th call, on both; what they answered, and what was asked.
    fn call(&mut self, draws: Draws) -> (String, String, String) {
        let pick = |counter, bound: usize| below(draws.at(counter), bound as u64) as usize;
        let name = PATHS[pick(1, PATHS.len())];
        let (real, sim) = (self.real.join(name), Path::new("/").join(name));
        let other = PATHS[pick(2, PATHS.len())];
        match pick(0, 20) {
            0..=4 => {
                let mode = [Mode::Create, Mode::Create, Mode::Write, Mode::Read][pick(3, 4)];
                let kind = RealDisk.entry(&real).ok().flatten().unwrap_or(EntryKind::File);
                let (one, two) = (RealDisk.open(&real, mode), self.sim.open(&sim, mode));
                let answers = (
                    told(&one.as_ref().map(|_| ()).map_err(copy)),
                    told(&two.as_ref().map(|_| ()).map_err(copy)),
                );
                if let (Ok(one), Ok(two)) = (one, two) {
                    let kind = RealDisk.entry(&real).ok().flatten().unwrap_or(kind);
                    self.files.push((one, two, kind));
                }
                (answers.0, answers.1, format!("open {name} {mode:?}"))
            }
            5 | 6 => (
                told(&RealDisk.create_dir(&real)),
                told(&self.sim.create_dir(&sim)),
                format!("create_dir {name}"),
            ),
            7 => (told(&RealDisk.remove(&real)), told(&self.sim.remove(&sim)), format!("remove {name}")),
            8 | 9 => {
                let to = Path::new("/").join(other);
                (
                    told(&RealDisk.rename(&real, &self.real.join(other))),
                    told(&self.sim.rename(&sim, &to)),
                    format!("rename {name} {other}"),
                )
            }
            10 => (told(&RealDisk.entry(&real)), told(&self.sim.entry(&sim)), format!("entry {name}")),
            11 => (told(&list(&RealDisk, &real)), told(&list(&self.sim, &sim)), format!("list {name}")),
            12 if pick(3, 4) == 0 => {
                (told(&RealDisk.sync_dir(&real)), told(&self.sim.sync_dir(&sim)), format!("sync_dir {name}"))
            }
            12 => {
                let (one, two) = (RealDisk.open_cached(&real), self.sim.open_cached(&sim));
                // The real one may not know without waiting.
                let same = matches!(one, Ok(None));
                let answers = (told(&one.map(|file| file.is_some())), told(&two.map(|file| file.is_some())));
                let asked = format!("open_cached {name}");
                if same { (String::new(), String::new(), asked) } else { (answers.0, answers.1, asked) }
            }
            13 => {
                let (one, two) = (RealDisk.lock_file(&real), self.sim.lock_file(&sim));
                let answers = (
                    told(&one.as_ref().map(|_| ()).map_err(copy)),
                    told(&two.as_ref().map(|_| ()).map_err(copy)),
                );
                if let (Ok(one), Ok(two)) = (one, two) {
                    self.locks.push((one, two));
                }
                (answers.0, answers.1, format!("lock_file {name}"))
            }
            14 if !self.locks.is_empty() => {
                let at = pick(3, self.locks.len());
                let (one, two) = &self.locks[at];
                match pick(4, 4) {
                    0 | 1 => (told(&one.try_lock()), told(&two.try_lock()), format!("try_lock #{at}")),
                    2 => (told(&one.unlock()), told(&two.unlock()), format!("unlock #{at}")),
                    _ => {
                        self.locks.swap_remove(at);
                        (String::new(), String::new(), format!("drop the lock #{at}"))
                    }
                }
            }
            _ if !self.files.is_empty() => self.on_file(draws),
            _ => (String::new(), String::new(), String::new()),
        }
    }

    fn on_file(&mut self, draws: Draws) -> (String, String, String) {
        let pick = |counter, bound: usize| below(draws.at(counter), bound as u64) as usize;
        let at = pick(3, self.files.len());
        let (one, two, kind) = &self.files[at];
        let (offset, length) = (pick(4, 1500) as u64, 1 + pick(5, 1300));
        match pick(6, 12) {
            0..=4 => {
                let bytes: Vec<u8> = (0..length).map(|i| (draws.at(7) as usize + i) as u8).collect();
                let asked = format!("write_at #{at} {offset}+{length}");
                (told(&one.write_at(&bytes, offset)), told(&two.write_at(&bytes, offset)), asked)
            }
            5 | 6 => (
                told(&read(|buffer| one.read_at(buffer, offset), length)),
                told(&read(|buffer| two.read_at(buffer, offset), length)),
                format!("read_at #{at} {offset}+{length}"),
            ),
            7 => {
                let answer = read(|buffer| one.read_at_cached(buffer, offset), length);
                let other = read(|buffer| two.read_at_cached(buffer, offset), length);
                let asked = format!("read_at_cached #{at} {offset}+{length}");
                if matches!(answer, Ok((None, _))) {
                    return (String::new(), String::new(), asked);
                }
                (told(&answer), told(&other), asked)
            }
            8 => (told(&one.set_len(offset)), told(&two.set_len(offset)), format!("set_len #{at} {offset}")),
            9 if *kind == EntryKind::File => (told(&one.len()), told(&two.len()), format!("len #{at}")),
            10 if pick(7, 6) == 0 => (told(&one.sync()), told(&two.sync()), format!("sync #{at}")),
            11 => {
                self.files.swap_remove(at);
                (String::new(), String::new(), format!("close #{at}"))
            }
            _ => (String::new(), String::new(), String::new()),
        }
    }
}

fn copy(error: &io::Error) -> io::Error {
    error.kind().into()
}

fn files(dir: &Path, below: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let to = below.join(path.file_name().unwrap());
        if path.is_dir() { files(&path, &to, found) } else { found.push((to, std::fs::read(&path).unwrap())) }
    }
}

#[test]
fn every_call_answers_as_on_a_real_disk() {
    for seed in 0..400 {
        let dir = tempfile::tempdir().unwrap();
        let sim = SimDisk::new(seed);
        let mut both = Both { real: dir.path().to_owned(), sim, files: Vec::new(), locks: Vec::new() };
        let draws = Draws::new(seed).domain("differential");
        let mut asked = Vec::new();
        for n in 0..80 {
            let (real, sim, call) = both.call(draws.of(n));
            asked.push(call);
            assert_eq!(sim, real, "seed {seed}, simulated and real, at the end of {asked:#?}");
        }
        let mut found = Vec::new();
        files(dir.path(), Path::new("/"), &mut found);
        assert_eq!(both.sim.files(), found, "seed {seed}, after {asked:#?}");
    }
}

#[test]
fn paths_that_no_disk_takes_are_refused_alike() {
    let dir = tempfile::tempdir().unwrap();
    let sim = SimDisk::new(0);
    let long = "x".repeat(256);
    for name in [long.as_str(), "nul\0nul", &"x".repeat(255)] {
        for mode in [Mode::Read, Mode::Create] {
            let real = RealDisk.open(&dir.path().join(name), mode).map(|_| ());
            let simulated = sim.open(&Path::new("/").join(name), mode).map(|_| ());
            assert_eq!(told(&simulated), told(&real), "{name:?} {mode:?}");
        }
    }
}
