//! One slot of the control file.

use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
use larder::{ErrorKind, Result};

use super::State;
use crate::failure;
use crate::place::Place;

const MAGIC: &[u8; 11] = b"larder-pack";
const VERSION: u8 = 1;
/// The bit of the flags that says clean.
const CLEAN: u32 = 1;

/// A state, and how many were recorded before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) sequence: u64,
    pub(super) state: State,
}

impl Slot {
    /// The length in bytes, of this version and of all others.
    pub(super) const LEN: usize = 64;

    pub(super) fn encode(&self) -> [u8; Slot::LEN] {
        let mut bytes = [0; Slot::LEN];
        bytes[..11].copy_from_slice(MAGIC);
        bytes[11] = VERSION;
        BigEndian::write_u32(&mut bytes[12..], if self.state.clean { CLEAN } else { 0 });
        BigEndian::write_u64(&mut bytes[16..], self.sequence);
        BigEndian::write_u64(&mut bytes[24..], self.state.salt);
        BigEndian::write_u64(&mut bytes[32..], self.state.seq);
        BigEndian::write_u64(&mut bytes[40..], self.state.end.offset);
        BigEndian::write_u32(&mut bytes[48..], self.state.end.segment);
        BigEndian::write_u64(&mut bytes[52..], self.state.published);
        let crc = crc32fast::hash(&bytes[..60]);
        BigEndian::write_u32(&mut bytes[60..], crc);
        bytes
    }

    /// `None` if it is damaged; the path is for the message of `Unsupported`, if another version wrote it.
    pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Option<Slot>> {
        let Ok(bytes) = <&[u8; Slot::LEN]>::try_from(bytes) else { return Ok(None) };
        if bytes[..11] != *MAGIC || BigEndian::read_u32(&bytes[60..]) != crc32fast::hash(&bytes[..60]) {
            return Ok(None);
        }
        if bytes[11] != VERSION {
            let message = format!(
                "{}: a store of version {}; this program knows version {VERSION}, use a newer one",
                path.display(),
                bytes[11]
            );
            return Err(failure::error(ErrorKind::Unsupported, message));
        }
        let flags = BigEndian::read_u32(&bytes[12..]);
        if flags > CLEAN {
            return Ok(None);
        }
        Ok(Some(Slot {
            sequence: BigEndian::read_u64(&bytes[16..]),
            state: State {
                salt: BigEndian::read_u64(&bytes[24..]),
                seq: BigEndian::read_u64(&bytes[32..]),
                end: Place {
                    segment: BigEndian::read_u32(&bytes[48..]),
                    offset: BigEndian::read_u64(&bytes[40..]),
                },
                published: BigEndian::read_u64(&bytes[52..]),
                clean: flags == CLEAN,
            },
        }))
    }
}
