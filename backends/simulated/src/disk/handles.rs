//! What a [`SimDisk`] has opened: files, locks, and the handle to sync everything by.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use larder::io::{DiskFile, DiskLock, DiskSync};

use super::SimDisk;
use super::calls::Call;
use super::fault::Twist;
use super::state::Ino;
use super::world::World;
use crate::draw::below;

/// The longest file, in bytes: a test that writes beyond it has gone astray.
const LONGEST: u64 = 1 << 30;

/// An open file, or directory.
#[derive(Debug)]
pub(super) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) id: u64,
    pub(super) path: PathBuf,
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.disk.shared.world().close(self.id);
        self.disk.shared.unlocked.notify_all();
    }
}

impl SimFile {
    fn call<T>(
        &self,
        call: Call,
        detail: &str,
        effect: impl FnOnce(&mut World, Option<&Twist>, Ino) -> io::Result<T>,
    ) -> io::Result<T> {
        self.disk.call(call, &self.path, detail, |world, twist| {
            let ino = self.ino(world)?;
            effect(world, twist, ino)
        })
    }

    fn ino(&self, world: &World) -> io::Result<Ino> {
        let handle = world.handles.get(&self.id);
        handle.map(|handle| handle.ino).ok_or_else(|| io::Error::other("the handle is closed"))
    }

    fn read(
        &self,
        world: &World,
        twist: Option<&Twist>,
        ino: Ino,
        buffer: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        let Some(file) = world.state.file(ino) else { return Err(ErrorKind::IsADirectory.into()) };
        let length = shortened(world, twist, buffer.len());
        Ok(file.live.read(&mut buffer[..length], offset))
    }

    fn check_writable(&self, world: &World) -> io::Result<()> {
        match world.handles.get(&self.id) {
            Some(handle) if handle.writes => Ok(()),
            _ => Err(not_for_writing()),
        }
    }
}

/// `EBADF`, which has no kind of its own.
fn not_for_writing() -> io::Error {
    #[cfg(unix)]
    return io::Error::from_raw_os_error(9);
    #[cfg(not(unix))]
    ErrorKind::PermissionDenied.into()
}

/// The length of a read or write that may be made shorter by a fault.
fn shortened(world: &World, twist: Option<&Twist>, length: usize) -> usize {
    match twist {
        Some(Twist::Short) if length > 1 => {
            let draw = world.settings.draws.domain("short").at(world.calls.total());
            1 + below(draw, length as u64 - 1) as usize
        }
        _ => length,
    }
}

impl World {
    /// How many of these bytes there is room for.
    fn room(&self, ino: Ino, offset: u64, length: usize) -> usize {
        let (Some(capacity), Some(file)) = (self.settings.capacity, self.state.file(ino)) else {
            return length;
        };
        let sector = self.state.sector as u64;
        let mut free = capacity.saturating_sub(self.state.used()) / sector;
        let end = offset + length as u64;
        let mut at = offset;
        while at < end {
            let index = at / sector;
            if file.live.get(index as usize).is_none() {
                if free == 0 {
                    break;
                }
                free -= 1;
            }
            at = ((index + 1) * sector).min(end);
        }
        (at - offset) as usize
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let detail = format!(" {}+{}", offset, buffer.len());
        self.call(Call::ReadAt, &detail, |world, twist, ino| self.read(world, twist, ino, buffer, offset))
    }

    fn read_at_cached(&self, buffer: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        let detail = format!(" {}+{}", offset, buffer.len());
        self.call(Call::ReadAtCached, &detail, |world, twist, ino| {
            if !world.finds_cached() {
                return Ok(None);
            }
            self.read(world, twist, ino, buffer, offset).map(Some)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let detail = format!(" {}+{}", offset, bytes.len());
        self.call(Call::WriteAt, &detail, |world, twist, ino| {
            self.check_writable(world)?;
            if bytes.is_empty() {
                return Ok(0);
            }
            if let Some(Twist::Misdirect(path, offset)) = twist {
                if let Ok(victim) = world.state.find(path) {
                    world.state.write(victim, bytes, (*offset).min(LONGEST));
                }
                return Ok(bytes.len());
            }
            if offset.checked_add(bytes.len() as u64).is_none_or(|end| end > LONGEST) {
                return Err(ErrorKind::FileTooLarge.into());
            }
            let length = shortened(world, twist, bytes.len());
            match world.room(ino, offset, length) {
                0 => Err(ErrorKind::StorageFull.into()),
                length => {
                    world.state.write(ino, &bytes[..length], offset);
                    Ok(length)
                }
            }
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.call(Call::SetLen, &format!(" {len}"), |world, _, ino| {
            self.check_writable(world).map_err(|_| io::Error::from(ErrorKind::InvalidInput))?;
            if len > LONGEST {
                return Err(ErrorKind::FileTooLarge.into());
            }
            world.state.resize(ino, len);
            Ok(())
        })
    }

    fn len(&self) -> io::Result<u64> {
        // A directory has some length, which means nothing.
        self.call(Call::Len, "", |world, _, ino| Ok(world.state.file(ino).map_or(0, |file| file.live.len())))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.sync_call(Call::Sync, &self.path, |world| self.ino(world))
    }
}

/// Any open file or directory.
#[derive(Debug)]
pub(super) struct SimSync(pub(super) SimFile);

impl DiskSync for SimSync {
    fn sync_all(&self) -> io::Result<()> {
        self.0.disk.sync_call(Call::SyncAll, &self.0.path, |world| match world.settings.syncs_all {
            true => self.0.ino(world),
            false => Err(ErrorKind::Unsupported.into()),
        })
    }
}

/// An open lock file. A lock belongs to the handle, like that of `flock`.
#[derive(Debug)]
pub(super) struct SimLock(pub(super) SimFile);

impl DiskLock for SimLock {
    /// Waits if another thread holds it. What this thread holds nobody would ever let go: that is
    /// `Deadlock`, so that a run without threads ends.
    fn lock(&self) -> io::Result<()> {
        let SimFile { disk, id, path } = &self.0;
        let (taken, ino) =
            self.0.call(Call::Lock, "", |world, _, ino| Ok((world.try_lock(*id, ino, path), ino)))?;
        if taken {
            return Ok(());
        }
        let mut world = disk.shared.world();
        while !world.try_lock(*id, ino, path) {
            let holder = world.locks.get(&ino).map(|holder| holder.thread);
            if !world.handles.contains_key(id) {
                return Err(io::Error::other("this process was killed"));
            }
            if holder == Some(std::thread::current().id()) {
                return Err(ErrorKind::Deadlock.into());
            }
            world = disk.shared.unlocked.wait(world).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.0.call(Call::TryLock, "", |world, _, ino| Ok(world.try_lock(self.0.id, ino, &self.0.path)))
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.call(Call::Unlock, "", |world, _, ino| {
            world.unlock(self.0.id, ino);
            Ok(())
        })?;
        self.0.disk.shared.unlocked.notify_all();
        Ok(())
    }
}
