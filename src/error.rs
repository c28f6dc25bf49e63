//! The one error type: what kind of failure, of which operation, where, and what to do about it.
//! Stands at the bottom; everything else reports through it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is. Each kind exists because a caller acts differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What is stored is damaged. Restore it from a copy; the rest of the store stays usable.
    Corrupt,
    /// A document was asked for where a binary is stored, or the other way round. Use the call that
    /// the message names.
    WrongKind,
    /// The path leads through a scalar, or past the end of an array. Nothing was written.
    InvalidPath,
    /// The stored document does not fit the type that was asked for.
    Decode,
    /// A limit of the library ([`limits`](crate::limits)) or of the backend was passed.
    TooLarge,
    /// Other writers kept changing the entry. Nothing was written; it may be tried again.
    Conflict,
    /// The backend cannot do this, and says so before it changes anything.
    Unsupported,
    /// What the caller gave makes no sense here: a malformed URL, an unknown option, a value that
    /// cannot be encoded, a directory that is something else than a store.
    Invalid,
    /// The storage cannot be reached at the moment.
    Unavailable,
    /// The storage did not answer in time.
    TimedOut,
    /// The storage refused: permissions or credentials.
    Denied,
    /// The storage is full. The old value is intact.
    Full,
    /// Someone else holds the store exclusively.
    Locked,
    /// The store was closed, or the thread behind it is gone.
    Closed,
    /// A write to the medium failed earlier, so what is on it is not known. Reads go on; reopen
    /// the store to write again.
    Poisoned,
    /// Any other failure of input or output.
    Io,
}

/// A failure: its [`ErrorKind`], the operation, the backend, the key and the cause.
///
/// `Display` is one line and says what to do where that is known. Cloning shares the cause.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    operation: Option<&'static str>,
    backend: Option<Cow<'static, str>>,
    key: Option<String>,
    ambiguous: bool,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// A failure of this kind, told in one sentence without a final stop.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Error {
        Error(Arc::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            backend: None,
            key: None,
            ambiguous: false,
            source: None,
        }))
    }

    /// A failure of the operating system, sorted into the kind that tells a caller what to do.
    pub fn io(doing: impl Into<Cow<'static, str>>, error: io::Error) -> Error {
        use io::ErrorKind as Os;
        let kind = match error.kind() {
            Os::PermissionDenied | Os::ReadOnlyFilesystem => ErrorKind::Denied,
            Os::StorageFull | Os::QuotaExceeded | Os::FileTooLarge => ErrorKind::Full,
            Os::TimedOut => ErrorKind::TimedOut,
            Os::ConnectionRefused | Os::ConnectionReset | Os::ConnectionAborted | Os::NotConnected => {
                ErrorKind::Unavailable
            }
            Os::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Error::new(kind, doing).with_source(error)
    }

    /// The answer of a store that was closed.
    pub fn closed() -> Error {
        Error::new(ErrorKind::Closed, "the store is closed; open it again to go on")
    }

    /// Names the operation of the map that failed, unless a layer below already did.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Error {
        self.edit(|inner| _ = inner.operation.get_or_insert(operation));
        self
    }

    /// Names the backend, unless a layer below already did.
    #[must_use]
    pub fn in_backend(mut self, backend: impl Into<Cow<'static, str>>) -> Error {
        self.edit(|inner| _ = inner.backend.get_or_insert_with(|| backend.into()));
        self
    }

    /// Names the key (anything that prints as one), unless a layer below already did.
    #[must_use]
    pub fn at_key(mut self, key: impl fmt::Display) -> Error {
        const SHOWN: usize = 120;
        self.edit(|inner| {
            inner.key.get_or_insert_with(|| {
                let text = key.to_string();
                match text.char_indices().nth(SHOWN) {
                    Some((cut, _)) => format!("{}...", &text[..cut]),
                    None => text,
                }
            });
        });
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Error {
        self.edit(|inner| inner.source = Some(Arc::new(source)));
        self
    }

    /// Marks a write whose outcome is unknown: it may or may not have happened.
    #[must_use]
    pub fn ambiguous(mut self) -> Error {
        self.edit(|inner| inner.ambiguous = true);
        self
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The operation of the map that failed, such as `"assoc_in"`.
    pub fn operation(&self) -> Option<&'static str> {
        self.0.operation
    }

    /// The backend that reported it.
    pub fn backend(&self) -> Option<&str> {
        self.0.backend.as_deref()
    }

    /// The key, in diagnostic notation (cut if it is very long).
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Whether the write may have happened all the same. Read before you repeat it.
    pub fn is_ambiguous(&self) -> bool {
        self.0.ambiguous
    }

    /// Whether the same call may simply be made again. A write that may already have happened
    /// ([`Error::is_ambiguous`]) is not retryable.
    pub fn is_retryable(&self) -> bool {
        use ErrorKind::{Conflict, Locked, TimedOut, Unavailable};
        !self.0.ambiguous && matches!(self.0.kind, Conflict | Unavailable | TimedOut | Locked)
    }

    fn edit(&mut self, change: impl FnOnce(&mut Inner)) {
        change(Arc::make_mut(&mut self.0));
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}")?;
            if let Some(key) = &inner.key {
                write!(f, " of {key}")?;
            }
            if let Some(backend) = &inner.backend {
                write!(f, " in {backend}")?;
            }
            f.write_str(": ")?;
        } else if let Some(key) = &inner.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&inner.message)?;
        if let Some(source) = &inner.source {
            write!(f, ": {source}")?;
        }
        if inner.ambiguous {
            f.write_str(" (the write may have happened: read before you repeat it)")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_operation_key_backend_and_cause() {
        let error = Error::io("cannot write the file", io::Error::from(io::ErrorKind::StorageFull))
            .at_key("\"ada\"")
            .in_backend("filesystem")
            .during("assoc_in");
        assert_eq!(error.kind(), ErrorKind::Full);
        let line = error.to_string();
        assert!(line.starts_with("assoc_in of \"ada\" in filesystem: cannot write the file: "), "{line}");
        assert!(!line.contains('\n'));
    }

    #[test]
    fn an_ambiguous_failure_is_not_retryable_and_says_so() {
        let error = Error::new(ErrorKind::TimedOut, "no answer within 5 s");
        assert!(error.is_retryable());
        let error = error.ambiguous();
        assert!(!error.is_retryable());
        assert!(error.to_string().contains("may have happened"));
    }

    #[test]
    fn the_layer_nearest_to_the_failure_names_it() {
        let error = Error::closed().during("read").during("get");
        assert_eq!(error.operation(), Some("read"));
    }

    #[test]
    fn a_long_key_is_cut_at_a_character() {
        let error = Error::closed().at_key("ü".repeat(500));
        assert!(error.key().unwrap().len() < 300);
    }
}
