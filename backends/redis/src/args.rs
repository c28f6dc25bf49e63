//! How expectations and records become words of commands.

use larder::{Expect, Head};

use crate::request::Word;
use crate::stamp::Stamp;

/// How a script compares: the mode, and the stamp that must be there.
pub(crate) fn condition(expect: &Expect) -> (&'static str, &[u8]) {
    match expect {
        Expect::Any => ("any", b""),
        Expect::Absent => ("absent", b""),
        Expect::Version(version) => ("version", version.as_bytes()),
    }
}

/// A stamp, a head and data as one word, put together in the request's own buffer.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a>(pub(crate) &'a Stamp, pub(crate) &'a Head, pub(crate) &'a [u8]);

impl Word for Whole<'_> {
    fn pieces(&self, take: &mut impl FnMut(&[u8])) {
        take(&self.0[..]);
        take(self.1.as_bytes());
        take(self.2);
    }
}
