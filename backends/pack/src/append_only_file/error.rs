//! What can go wrong with an append-only file: irmin-pack's names, with the path and what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use larder::{Error, ErrorKind};

/// A failure of an [`AppendOnlyFile`](super::AppendOnlyFile).
///
/// Converts into [`larder::Error`]; the kinds are given with each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendOnlyFileError {
    /// Something stands where the file should be created, and is not to be overwritten. `Invalid`.
    #[error("cannot create {}: something stands there; open it, or say that it may be overwritten", path.display())]
    FileExists {
        /// Where.
        path: PathBuf,
    },

    /// There is no file. Whoever opens one has its end on record, so something is lost: `Corrupt`.
    #[error("cannot open {}: there is no such file; restore it from a copy", path.display())]
    NoSuchFileOrDirectory {
        /// Where.
        path: PathBuf,
    },

    /// A directory, a link or something else stands where the file belongs. `Corrupt`.
    #[error("cannot open {}: it is not a file; move away what stands there", path.display())]
    NotAFile {
        /// Where.
        path: PathBuf,
    },

    /// The file is shorter than the end that was given: published bytes are lost. `Corrupt`.
    #[error(
        "{} is too short: the end on record is {end_poff} behind a dead header of {dead_header_size} bytes, \
         and the file has {physical} bytes; restore it from a copy",
        path.display()
    )]
    InconsistentStore {
        /// The file.
        path: PathBuf,
        /// The end that was given, counted from the end of the dead header.
        end_poff: u64,
        /// The dead header, in bytes.
        dead_header_size: u64,
        /// The length of the file, in bytes.
        physical: u64,
    },

    /// The bytes that were asked for are not there, or not readable yet. `Invalid` if they are beyond the
    /// flushed end, `Corrupt` if the file ends before it.
    #[error("cannot read {len} bytes at {off} of {}: {bound} at {end}; {}", path.display(), bound.advice())]
    ReadOutOfBounds {
        /// The file.
        path: PathBuf,
        /// Where the read began.
        off: u64,
        /// How many bytes were asked for.
        len: usize,
        /// There are no readable bytes from here on.
        end: u64,
        /// What ends there.
        bound: Bound,
    },

    /// The file cannot be closed while bytes are in its buffer. It stays open. `Invalid`.
    #[error("cannot close {}: {buffered} bytes are not flushed; flush them, or take them back", path.display())]
    PendingFlush {
        /// The file.
        path: PathBuf,
        /// How many bytes.
        buffered: usize,
    },

    /// The handle was closed before. `Closed`.
    #[error("{} was closed before", path.display())]
    DoubleClose {
        /// The file.
        path: PathBuf,
    },

    /// The handle is closed. `Closed`.
    #[error("{} is closed; open it again to go on", path.display())]
    Closed {
        /// The file.
        path: PathBuf,
    },

    /// The handle is read-only. `Unsupported`.
    #[error("{} is open for reading only; open it for writing", path.display())]
    RoNotAllowed {
        /// The file.
        path: PathBuf,
    },

    /// The handle is for writing, and knows its end itself. `Unsupported`.
    #[error("{} is open for writing: its end moves by appending only", path.display())]
    RwNotAllowed {
        /// The file.
        path: PathBuf,
    },

    /// An fsync failed earlier on, and what is on the medium is not known. Reads go on. `Poisoned`.
    #[error("{}: an earlier fsync failed; close it, and open the store again to go on writing", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
    },

    /// The fsync failed: what was flushed since the last one may be on the medium, or not. The handle is
    /// poisoned. The kind is that of the cause, and it is ambiguous.
    #[error("cannot sync {}: {source}", path.display())]
    Fsync {
        /// The file, or its directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },

    /// The external procedure failed. The kind is that of the cause; ambiguous if the bytes were appended.
    #[error(
        "the procedure that flushes {} failed{}: {source}",
        path.display(),
        if *appended { ", but the bytes were flushed: do not append them again" } else { "" }
    )]
    AutoFlush {
        /// The file.
        path: PathBuf,
        /// Whether the bytes of the append are in the file all the same: the procedure had flushed them
        /// before it failed. If not, the append has not happened.
        appended: bool,
        /// What the procedure said.
        source: Error,
    },

    /// The external procedure said that all is well, and had not flushed. The append has not happened.
    /// `Invalid`.
    #[error("the procedure that should flush {} did not", path.display())]
    NotFlushed {
        /// The file.
        path: PathBuf,
    },

    /// Any other failure of the disk (irmin-pack's `Io_misc`). The kind is that of the cause.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
}

/// What a read ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// The flushed end of the handle.
    Flushed,
    /// The end of the file, which is before the flushed end: someone has cut it, or a read-only handle
    /// was given an end that is too large.
    File,
}

impl Bound {
    fn advice(self) -> &'static str {
        match self {
            Bound::Flushed => "flush what was appended, or refresh the end of a read-only handle",
            Bound::File => "it was longer when its end was recorded: restore it from a copy",
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::Flushed => "the flushed bytes end",
            Bound::File => "the file ends",
        })
    }
}

impl From<AppendOnlyFileError> for Error {
    fn from(error: AppendOnlyFileError) -> Error {
        use AppendOnlyFileError as E;
        let kind = match error {
            E::Io { doing, path, source } => {
                return in_pack(Error::io(format!("cannot {doing} {}", path.display()), source));
            }
            E::Fsync { path, source } => {
                let doing = format!("cannot sync {}", path.display());
                return in_pack(Error::io(doing, source).ambiguous());
            }
            E::AutoFlush { ref path, appended, ref source } => {
                let ambiguous = appended || source.is_ambiguous();
                let doing = format!("the procedure that flushes {} failed", path.display());
                let error = Error::new(source.kind(), doing).with_source(source.clone());
                return in_pack(if ambiguous { error.ambiguous() } else { error });
            }
            E::NoSuchFileOrDirectory { .. }
            | E::NotAFile { .. }
            | E::InconsistentStore { .. }
            | E::ReadOutOfBounds { bound: Bound::File, .. } => ErrorKind::Corrupt,
            E::FileExists { .. }
            | E::PendingFlush { .. }
            | E::NotFlushed { .. }
            | E::ReadOutOfBounds { bound: Bound::Flushed, .. } => ErrorKind::Invalid,
            E::DoubleClose { .. } | E::Closed { .. } => ErrorKind::Closed,
            E::RoNotAllowed { .. } | E::RwNotAllowed { .. } => ErrorKind::Unsupported,
            E::Poisoned { .. } => ErrorKind::Poisoned,
        };
        in_pack(Error::new(kind, error.to_string()))
    }
}

fn in_pack(error: Error) -> Error {
    error.in_backend("pack")
}
