//! How failures of the index become errors.

use std::io;
use std::path::Path;

use larder::{Error, ErrorKind};

/// The backend's name in errors and listings.
const NAME: &str = "pack";

/// A failure of this kind.
pub(super) fn error(kind: ErrorKind, message: impl Into<String>) -> Error {
    Error::new(kind, message.into()).in_backend(NAME)
}

/// A failed call on the disk: `doing` is a phrase such as "cannot read".
pub(super) fn disk(doing: &str, path: &Path, cause: io::Error) -> Error {
    Error::io(format!("{doing} {}", path.display()), cause).in_backend(NAME)
}

/// A checkpoint is damaged.
pub(super) fn damaged(path: &Path, what: &str) -> Error {
    let path = path.display();
    error(ErrorKind::Corrupt, format!("{path}: {what}; no data is lost, rebuild the index from the log"))
}

/// A change speaks of a place that the index does not hold.
pub(super) fn unknown_place() -> Error {
    let message = "the index does not hold the place that is to be replaced; rebuild it from the log";
    error(ErrorKind::Corrupt, message)
}
