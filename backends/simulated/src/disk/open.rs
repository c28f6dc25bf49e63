//! [`Disk`] for [`SimDisk`].

use std::io;
use std::path::Path;

use larder::io::{Disk, DiskFile, DiskLock, DiskSync, Entry, EntryKind, Mode};

use super::calls::Call;
use super::fault::Twist;
use super::handles::{SimFile, SimLock, SimSync};
use super::world::World;
use super::{Cached, SimDisk};
use crate::draw::Draws;

impl World {
    /// Whether a call without waiting finds what it asks for.
    pub(super) fn finds_cached(&self) -> bool {
        match self.settings.cached {
            Cached::Always => true,
            Cached::Never => false,
            Cached::Sometimes(ratio) => {
                ratio.happens(self.settings.draws.domain("cached").at(self.calls.total()))
            }
        }
    }

    /// Makes durable what a call should, unless this disk ignores it or a fault loses it.
    pub(super) fn sync(
        &mut self,
        call: Call,
        path: &Path,
        twist: Option<&Twist>,
        ino: super::state::Ino,
    ) -> io::Result<()> {
        if let Some(Twist::Lose(failure)) = twist {
            match call {
                Call::SyncAll => self.state.unsynced().into_iter().for_each(|ino| self.state.lose(ino)),
                _ => self.state.lose(ino),
            }
            return Err((*failure).into());
        }
        if self.ignores(call, path) {
            return Ok(());
        }
        match call {
            Call::SyncAll => self.state.sync_all(),
            _ if self.state.is_dir(ino) => self.state.sync_dir(ino),
            _ => self.state.sync_file(ino),
        }
        Ok(())
    }
}

impl SimDisk {
    fn file(&self, id: u64, path: &Path) -> Box<dyn DiskFile> {
        Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() })
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn DiskFile>> {
        let detail = match mode {
            Mode::Read => " to read",
            Mode::Write => " to write",
            Mode::Create => " as new",
        };
        let id = self.call(Call::Open, path, detail, |world, _| {
            let ino = match mode {
                Mode::Create => world.state.create(path, true)?,
                Mode::Read | Mode::Write => world.state.find(path)?,
            };
            if mode == Mode::Write && world.state.is_dir(ino) {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            Ok(world.open(self.process, ino, mode != Mode::Read))
        })?;
        Ok(self.file(id, path))
    }

    fn open_cached(&self, path: &Path) -> io::Result<Option<Box<dyn DiskFile>>> {
        let id = self.call(Call::OpenCached, path, "", |world, _| {
            if !world.finds_cached() {
                return Ok(None);
            }
            let ino = world.state.find(path)?;
            Ok(Some(world.open(self.process, ino, false)))
        })?;
        Ok(id.map(|id| self.file(id, path)))
    }

    fn entry(&self, path: &Path) -> io::Result<Option<EntryKind>> {
        self.call(Call::Entry, path, "", |world, _| match world.state.find(path) {
            Ok(ino) => Ok(Some(kind(world.state.is_dir(ino)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let detail = format!(" from {}", from.display());
        self.call(Call::Rename, to, &detail, |world, _| {
            let torn = world.settings.tears_renames;
            world.state.rename(from, to, torn)
        })
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call(Call::Remove, path, "", |world, _| world.state.remove(path))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call(Call::CreateDir, path, "", |world, _| world.state.create_dir(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Entry>> + Send>> {
        let entries = self.call(Call::List, dir, "", |world, _| {
            let ino = world.state.find(dir)?;
            let names = world.state.names(ino)?.clone();
            // In no particular order, but always in the same.
            let draws = world.settings.draws.domain("listing").of(ino);
            let mut entries: Vec<_> =
                names.into_iter().map(|(name, ino)| (order(draws, &name), name, ino)).collect();
            entries.sort_unstable();
            Ok(entries
                .into_iter()
                .map(|(_, name, ino)| Entry { name, kind: kind(world.state.is_dir(ino)) })
                .collect::<Vec<_>>())
        })?;
        Ok(Box::new(entries.into_iter().map(Ok)))
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.sync_call(Call::SyncDir, dir, |world| world.state.find(dir))
    }

    fn syncer(&self, dir: &Path) -> io::Result<Box<dyn DiskSync>> {
        let id = self.call(Call::Syncer, dir, "", |world, _| {
            let ino = world.state.find(dir)?;
            Ok(world.open(self.process, ino, false))
        })?;
        Ok(Box::new(SimSync(SimFile { disk: self.clone(), id, path: dir.to_owned() })))
    }

    fn lock_file(&self, path: &Path) -> io::Result<Box<dyn DiskLock>> {
        let id = self.call(Call::LockFile, path, "", |world, _| {
            let ino = world.state.create(path, false)?;
            Ok(world.open(self.process, ino, true))
        })?;
        Ok(Box::new(SimLock(SimFile { disk: self.clone(), id, path: path.to_owned() })))
    }
}

fn kind(is_dir: bool) -> EntryKind {
    if is_dir { EntryKind::Dir } else { EntryKind::File }
}

fn order(draws: Draws, name: &std::ffi::OsStr) -> u64 {
    name.as_encoded_bytes().iter().fold(draws, |draws, byte| draws.of(u64::from(*byte))).at(0)
}
