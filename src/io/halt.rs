//! [`Halt`]: why a read that may have to wait came to no end.

use crate::error::{Error, ErrorKind};

/// Why a read did not come to its end.
#[derive(Debug)]
pub enum Halt {
    /// It would have to wait for the medium, and must not. Only reads of what is cached halt so.
    Waits,
    /// It failed.
    Failed(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Halt {
        Halt::Failed(error)
    }
}

impl Halt {
    /// What is told to somebody who was ready to wait. A method and no `From`, so that `?` on a result of
    /// this crate still tells the compiler which error is meant.
    pub fn into_error(self) -> Error {
        match self {
            Halt::Failed(error) => error,
            Halt::Waits => Error::new(ErrorKind::Io, "the read would have had to wait"),
        }
    }
}
