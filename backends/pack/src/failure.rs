//! How failures become errors: the kind, what was done, and the file.

use std::borrow::Cow;
use std::fmt;
use std::io;

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
