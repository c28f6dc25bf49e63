//! The same steps with `std::fs` alone, on the calling thread: a temporary file in the same directory,
//! renamed into place.

use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What is on the medium when a write returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// Nothing.
    No,
    /// The content, not the name.
    Content,
    /// The content and the name.
    All,
}

/// Files in one directory.
#[derive(Clone, Debug)]
pub struct PlainFiles {
    dir: PathBuf,
    synced: Synced,
    fan_out: bool,
}

impl PlainFiles {
    /// In this directory, which must be there.
    pub fn new(dir: &Path, synced: Synced) -> PlainFiles {
        PlainFiles { dir: dir.to_owned(), synced, fan_out: false }
    }

    /// In 64 directories within this one, chosen by a hash of the name, as a store for a million
    /// entries has them.
    pub fn fanned_out(dir: &Path, synced: Synced) -> io::Result<PlainFiles> {
        let files = PlainFiles { dir: dir.to_owned(), synced, fan_out: true };
        (0..=u8::MAX).try_for_each(|n| fs::create_dir(dir.join(format!("{n:02x}"))))?;
        Ok(files)
    }

    fn dir(&self, name: &str) -> PathBuf {
        if !self.fan_out {
            return self.dir.clone();
        }
        let hash = foldhash::fast::FixedState::with_seed(0).hash_one(name);
        self.dir.join(format!("{:02x}", hash >> 56))
    }

    /// Writes a file atomically.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let dir = self.dir(name);
        let temp = dir.join(format!("~{name}"));
        let mut file = File::create_new(&temp)?;
        file.write_all(bytes)?;
        if self.synced != Synced::No {
            file.sync_data()?;
        }
        drop(file);
        fs::rename(&temp, dir.join(name))?;
        if self.synced == Synced::All {
            File::open(&dir)?.sync_all()?;
        }
        Ok(())
    }

    /// Reads a whole file.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.dir(name).join(name))
    }

    /// Reads the first 4 KiB of a file.
    pub fn head(&self, name: &str) -> io::Result<usize> {
        let mut buffer = [0; 4096];
        File::open(self.dir(name).join(name))?.read_at(&mut buffer, 0)
    }

    /// How many files there are, each name looked at; in one directory only.
    pub fn list(&self) -> io::Result<usize> {
        let mut names = 0;
        for entry in fs::read_dir(&self.dir)? {
            std::hint::black_box(entry?.file_name());
            names += 1;
        }
        Ok(names)
    }
}
