//! How failures become errors: the kind, what was done, and the file.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;

use larder::{Error, ErrorKind};

/// The backend's name in errors.
pub(crate) const NAME: &str = "pack";

/// A failure of this kind of this backend.
pub(crate) fn error(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, message).in_backend(NAME)
}

/// A failed call on the disk: `doing` is a phrase such as "cannot read".
pub(crate) fn disk(doing: &str, file: impl fmt::Display, cause: io::Error) -> Error {
    Error::io(format!("{doing} {file}"), cause).in_backend(NAME)
}

/// Damage in this file.
pub(crate) fn corrupt(file: impl fmt::Display, what: impl fmt::Display) -> Error {
    error(ErrorKind::Corrupt, format!("{file}: {what}"))
}

/// Damage in the log, at this offset of a file.
pub(crate) fn damaged(path: &Path, offset: u64) -> Error {
    let what = format!(
        "there is no valid frame at offset {offset}, where one was written; `larder repair` saves what can be saved \
         into a new store"
    );
    corrupt(path.display(), what)
}

/// Adds the place to an error of the record's format.
pub(crate) fn in_file(path: &Path, offset: u64, cause: Error) -> Error {
    let message = format!("the record at offset {offset} of {} cannot be read", path.display());
    error(cause.kind(), message).with_source(cause)
}

/// The answer of a closed store.
pub(crate) fn closed() -> Error {
    Error::closed().in_backend(NAME)
}
