//! [`Malformed`]: why a text is no history.

use std::fmt;

/// Why a text is no history: the line, counted from 1, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    line: usize,
    what: String,
}

impl Malformed {
    pub(super) fn new(what: impl Into<String>) -> Malformed {
        Malformed { line: 0, what: what.into() }
    }

    /// The same complaint, about this line.
    pub(super) fn at_line(mut self, line: usize) -> Malformed {
        self.line = line;
        self
    }

    /// The line, counted from 1; 0 if it is about the whole.
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.what)
    }
}

impl std::error::Error for Malformed {}
