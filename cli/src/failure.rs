//! [`Failure`]: why a command did not do what was asked, as one line for people and one exit code for
//! scripts.

use std::fmt;
use std::io;
use std::path::Path;

use larder::ErrorKind;

pub(crate) type Result<T = (), E = Failure> = std::result::Result<T, E>;

/// What a command ends with when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Exit code 0.
    Done,
    /// Exit code 1: what was asked about is not there, or is not so.
    Absent,
    /// Exit code 4: it could not be found out.
    Undecided,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Exit code 2: what was given makes no sense.
    Usage(String),
    /// Exit code 3: the storage, or the system around it, failed.
    Storage(String),
    /// Whoever read our output has seen enough. Not worth a word.
    OutputClosed,
}

impl Failure {
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure::Usage(message.into())
    }

    pub(crate) fn storage(message: impl Into<String>) -> Failure {
        Failure::Storage(message.into())
    }

    /// A file that was named on the command line and cannot be read.
    pub(crate) fn unreadable(file: &Path, error: &io::Error) -> Failure {
        Failure::Usage(format!("{} cannot be read: {error}", file.display()))
    }

    /// Standard output, which may be a pipe that nobody reads any more.
    pub(crate) fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::OutputClosed,
            _ => Failure::Storage(format!("the output cannot be written: {error}")),
        }
    }

    /// The same failure, found while reading this line of an input.
    pub(crate) fn at_line(self, line: u64) -> Failure {
        match self {
            Failure::Usage(message) => Failure::Usage(format!("line {line}: {message}")),
            Failure::Storage(message) => Failure::Storage(format!("line {line}: {message}")),
            Failure::OutputClosed => Failure::OutputClosed,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::OutputClosed => 0,
            Failure::Usage(_) => 2,
            Failure::Storage(_) => 3,
        }
    }
}

impl From<larder::Error> for Failure {
    fn from(error: larder::Error) -> Failure {
        match error.kind() {
            // Another command, or other words, would have worked.
            ErrorKind::Invalid | ErrorKind::InvalidPath | ErrorKind::WrongKind | ErrorKind::TooLarge => {
                Failure::Usage(advised(&error))
            }
            _ => Failure::Storage(advised(&error)),
        }
    }
}

/// The error, in the words of this command where the library names its own calls.
fn advised(error: &larder::Error) -> String {
    let advice = match error.kind() {
        ErrorKind::WrongKind => " (larder meta KEY tells the kind; bget reads binaries, export reads all)",
        ErrorKind::Corrupt => " (restore the entry from a copy; larder verify finds all that are damaged)",
        ErrorKind::Full => " (the old value is intact; make room and try again)",
        ErrorKind::Denied => " (check who owns the store and its files)",
        ErrorKind::Conflict => " (nothing was written; try again)",
        _ => "",
    };
    format!("{error}{advice}")
}

impl fmt::Display for Failure {
    /// One line, whatever the names in it hold.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(message) | Failure::Storage(message) => {
                f.write_str(&crate::notation::visible(message))
            }
            Failure::OutputClosed => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_names_are_in_it() {
        let failure = Failure::unreadable(Path::new("a\nb\x1b[2J"), &io::Error::other("no"));
        assert_eq!(failure.to_string(), "a\\u000ab\\u001b[2J cannot be read: no");
        assert_eq!(failure.exit_code(), 2);
    }

    #[test]
    fn kinds_of_errors_have_the_exit_codes_of_their_remedy() {
        let code = |kind| Failure::from(larder::Error::new(kind, "x")).exit_code();
        assert_eq!(code(ErrorKind::Invalid), 2);
        assert_eq!(code(ErrorKind::WrongKind), 2);
        assert_eq!(code(ErrorKind::Corrupt), 3);
        assert_eq!(code(ErrorKind::Full), 3);
        assert_eq!(Failure::output(&io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(), 0);
    }
}
