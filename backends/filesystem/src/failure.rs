//! How failures of the disk become errors: the kind, what was done, and the path.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use larder::{Error, ErrorKind};

/// The backend's name in errors and listings.
pub(crate) const NAME: &str = "filesystem";

/// A failure of this kind of this backend.
pub(crate) fn error(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(kind, message).in_backend(NAME)
}

/// A failed call on the disk: `doing` is a phrase such as "cannot read".
pub(crate) fn disk(doing: &str, path: &Path, cause: io::Error) -> Error {
    use io::ErrorKind as Os;
    let path = path.display();
    match cause.kind() {
        Os::IsADirectory | Os::NotADirectory => error(
            ErrorKind::Corrupt,
            format!("{doing} {path}: something else stands where this file belongs; move it away"),
        )
        .with_source(cause),
        _ => Error::io(format!("{doing} {path}"), cause).in_backend(NAME),
    }
}

/// Damage at this path; the cause says what kind.
pub(crate) fn corrupt(path: &Path, what: impl Into<Cow<'static, str>>) -> Error {
    error(ErrorKind::Corrupt, format!("{}: {}", path.display(), what.into()))
}

/// Adds the path to an error of the record's format.
pub(crate) fn in_file(path: &Path, cause: Error) -> Error {
    error(cause.kind(), format!("the file {} cannot be read", path.display())).with_source(cause)
}

/// The answer of a closed store.
pub(crate) fn closed() -> Error {
    Error::closed().in_backend(NAME)
}
