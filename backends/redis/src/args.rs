//! How expectations and records become arguments of scripts.

use larder::{Expect, Head};
use redis::{RedisWrite, ToRedisArgs};

use crate::stamp::Stamp;

/// How a script compares: the mode, and the stamp that must be there.
pub(crate) fn condition(expect: &Expect) -> (&'static str, &[u8]) {
    match expect {
        Expect::Any => ("any", b""),
        Expect::Absent => ("absent", b""),
        Expect::Version(version) => ("version", version.as_bytes()),
    }
}

/// A stamp, a head and data as one argument, put together in the command's own buffer.
#[derive(Clone, Copy)]
pub(crate) struct Whole<'a>(pub(crate) &'a Stamp, pub(crate) &'a Head, pub(crate) &'a [u8]);

impl Whole<'_> {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        self.0.len() + self.1.as_bytes().len() + self.2.len()
    }
}

impl ToRedisArgs for Whole<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        use std::io::Write as _;
        let mut to = out.writer_for_next_arg();
        for part in [&self.0[..], self.1.as_bytes(), self.2] {
            // Into memory: it cannot fail.
            _ = to.write_all(part);
        }
    }
}
