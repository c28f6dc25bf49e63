//! What can be made to go wrong: which calls, and how.

use std::io;
use std::path::{Path, PathBuf};

use super::calls::Call;

/// Which paths something is about. A file is at the path by which it was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// All of them.
    Anywhere,
    /// This one.
    At(PathBuf),
    /// This one, and all below it.
    Under(PathBuf),
}

impl Where {
    pub(super) fn includes(&self, path: &Path) -> bool {
        match self {
            Where::Anywhere => true,
            Where::At(at) => path == at,
            Where::Under(above) => path.starts_with(above),
        }
    }
}

/// An error that a call may end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The medium failed (`EIO`).
    Io,
    /// There is no space (`ENOSPC`).
    Full,
    /// Too many files are open (`EMFILE`).
    TooManyFiles,
    /// A signal interrupted the call (`EINTR`).
    Interrupted,
    /// It is not permitted (`EACCES`).
    Denied,
    /// Any other.
    Kind(io::ErrorKind),
}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> io::Error {
        match failure {
            // These two have the same number on every Unix, and no kind of their own.
            Failure::Io => system(5),
            Failure::TooManyFiles => system(24),
            Failure::Full => io::ErrorKind::StorageFull.into(),
            Failure::Interrupted => io::ErrorKind::Interrupted.into(),
            Failure::Denied => io::ErrorKind::PermissionDenied.into(),
            Failure::Kind(kind) => kind.into(),
        }
    }
}

/// The system's error with this number.
#[cfg(unix)]
fn system(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

#[cfg(not(unix))]
fn system(_number: i32) -> io::Error {
    io::ErrorKind::Other.into()
}

/// A fault: some calls, and what happens to them instead. Calls are counted from when it is injected.
///
/// ```
/// use larder_simulated::disk::{Call, Failure, Fault, SimDisk};
/// let disk = SimDisk::new(7);
/// // The third write from now on finds no space, and so do all after it.
/// disk.inject(Fault::at(3).on(Call::WriteAt).forever().fails(Failure::Full));
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    calls: Vec<Call>,
    place: Where,
    /// The first call that it happens to, from 1, and how many from there on.
    first: u64,
    times: u64,
    pub(super) twist: Twist,
    /// How many calls it was about so far.
    seen: u64,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// It fails, and has no effect.
    Before(Failure),
    /// It has its effect, and fails.
    After(Failure),
    /// It reads or writes less than it was asked to.
    Short,
    /// It fails, and what it should have made durable will never be.
    Lose(Failure),
    /// It writes to another place, and says nothing.
    Misdirect(PathBuf, u64),
}

impl Fault {
    /// It happens to one call: the `nth` from now on, counted from 1. It fails with
    /// [`Failure::Io`] unless something else is said.
    pub fn at(nth: u64) -> Fault {
        let twist = Twist::Before(Failure::Io);
        Fault { calls: Vec::new(), place: Where::Anywhere, first: nth.max(1), times: 1, twist, seen: 0 }
    }

    /// It happens to every call.
    pub fn always() -> Fault {
        Fault::at(1).forever()
    }

    /// Only calls of this kind count. Of these kinds, if this is said more than once.
    #[must_use]
    pub fn on(mut self, call: Call) -> Fault {
        self.calls.push(call);
        self
    }

    /// Only calls about these paths count. A rename is about the path that it renames to.
    #[must_use]
    pub fn within(mut self, place: Where) -> Fault {
        self.place = place;
        self
    }

    /// It happens to so many calls, one after the other.
    #[must_use]
    pub fn times(mut self, times: u64) -> Fault {
        self.times = times;
        self
    }

    /// It does not end.
    #[must_use]
    pub fn forever(self) -> Fault {
        self.times(u64::MAX)
    }

    /// The call has no effect, and fails.
    #[must_use]
    pub fn fails(self, failure: Failure) -> Fault {
        self.with(Twist::Before(failure))
    }

    /// The call has its effect, and fails all the same.
    #[must_use]
    pub fn fails_after(self, failure: Failure) -> Fault {
        self.with(Twist::After(failure))
    }

    /// The call reads or writes fewer bytes than it was asked to, at least one.
    #[must_use]
    pub fn shortens(self) -> Fault {
        self.with(Twist::Short)
    }

    /// The sync fails, and the data that it should have written is lost: it is read as if nothing had
    /// happened as long as the machine runs, the next sync succeeds, and a crash shows that it is gone.
    /// So do Linux's file systems (Rebello et al., "Can Applications Recover from fsync Failures?",
    /// 2020).
    #[must_use]
    pub fn loses(self, failure: Failure) -> Fault {
        self.with(Twist::Lose(failure))
    }

    /// The write goes to another file, or another place in the same one, and reports success.
    #[must_use]
    pub fn misdirects(self, path: impl Into<PathBuf>, offset: u64) -> Fault {
        self.with(Twist::Misdirect(path.into(), offset))
    }

    fn with(mut self, twist: Twist) -> Fault {
        self.twist = twist;
        self
    }

    /// Counts a call; tells whether it happens to this one.
    pub(super) fn meets(&mut self, call: Call, path: &Path) -> bool {
        if (!self.calls.is_empty() && !self.calls.contains(&call)) || !self.place.includes(path) {
            return false;
        }
        self.seen += 1;
        self.seen >= self.first && self.seen - self.first < self.times
    }
}

/// A kind of sync, for a disk that does not do what it says: [`SimDisk::ignoring`](super::SimDisk::ignoring).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// Of a file's data.
    File,
    /// Of a directory's names.
    Dir,
    /// Of everything.
    All,
}

impl Sync {
    pub(super) fn is(self, call: Call) -> bool {
        matches!(
            (self, call),
            (Sync::File, Call::Sync) | (Sync::Dir, Call::SyncDir) | (Sync::All, Call::SyncAll)
        )
    }
}
