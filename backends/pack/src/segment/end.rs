//! Where the log ends.

use larder::Result;
use larder::io::DiskFile;

use super::names::file_name;
use super::scanner::{Frame, Scanner, Step};
use super::window::Window;
use crate::failure;
use crate::frame::Batch;

/// Where the log ends in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogEnd {
    /// Here: what the file has beyond was never promised to anybody.
    At(u64),
    /// It cannot be told: what stood at this offset was synced, and is damaged or gone.
    Damaged {
        /// The offset in the file.
        at: u64,
    },
}

/// The offset from which on a file holds nothing but zeros, up to its end: not before `from`. A writer keeps the newest
/// segment's file longer than its content, so zeros at its end are neither data nor damage.
///
/// # Errors
///
/// Those of reading.
pub(crate) fn zeros_from(file: &dyn DiskFile, id: u32, from: u64) -> Result<u64> {
    let end = len(file, id)?;
    let mut window = Window::new(file, end);
    let cannot_read = |cause| failure::disk("cannot read", file_name(id), cause);
    let (mut at, mut zeros_from) = (from, from);
    while at < end {
        let zeros = window.zeros(at).map_err(cannot_read)?;
        at += zeros.max(1);
        if zeros == 0 {
            zeros_from = at;
        }
    }
    Ok(zeros_from)
}

/// Goes through a segment from a known start to where the log ends, and delivers all frames that count,
/// in order: those of a batch when its last one has been seen.
///
/// `from` is a place where a frame begins or the log ended, and not inside a batch. `known_durable`: what
/// lies before this offset is known to have been synced; for a segment that is not the newest one, this is
/// its length.
///
/// The first place without a valid frame, be it one of the zeros at the end of the file, is a torn write, unless it is known, or any header after it says,
/// that more than this was synced. A header is believed without its payload: it was written at its
/// place, whatever became of the rest.
///
/// A batch without its last frame does not count, and the log ends where it began. Within a batch there
/// is no other frame; if there is one, no crash explains it, and it is `Damaged`.
///
/// # Errors
///
/// Those of reading, and of `deliver`, which end it.
pub(crate) fn find_end(
    file: &dyn DiskFile,
    salt: u64,
    id: u32,
    from: u64,
    known_durable: u64,
    deliver: &mut dyn FnMut(Frame<'_>) -> Result<()>,
) -> Result<LogEnd> {
    let end = len(file, id)?;
    if from > end {
        return Ok(LogEnd::Damaged { at: end });
    }
    let mut scanner = Scanner::new(file, salt, id, from, end);
    // Where the batch began that is not complete yet.
    let mut batch = None;
    while let Some(header) = scanner.here()? {
        let at = scanner.at();
        match (header.batch, batch) {
            (Batch::Alone | Batch::Last, None) => match scanner.take(header)? {
                Some(frame) => deliver(frame)?,
                None => return Ok(LogEnd::Damaged { at }),
            },
            (Batch::Member, first) => {
                scanner.skip(header);
                batch = first.or(Some(at));
            }
            (Batch::Last, Some(first)) => {
                scanner.skip(header);
                batch = None;
                // It is read twice, so that memory does not depend on its size.
                let mut again = Scanner::new(file, salt, id, first, scanner.at());
                while let Some(step) = again.next()? {
                    match step {
                        Step::Frame(frame) => deliver(frame)?,
                        Step::Damage { at, .. } => return Ok(LogEnd::Damaged { at }),
                    }
                }
            }
            (Batch::Alone, Some(_)) => return Ok(LogEnd::Damaged { at }),
        }
    }
    let at = scanner.at();
    if known_durable > at || scanner.any_header(|_, header| header.durable > at)? {
        return Ok(LogEnd::Damaged { at });
    }
    Ok(LogEnd::At(batch.unwrap_or(at)))
}

/// Whether the header of any frame is found in a segment, wherever. A file whose creation was not finished
/// has none; so one that has, and no [header](super::SegmentHeader), is damaged.
pub(crate) fn holds_frames(file: &dyn DiskFile, salt: u64, id: u32) -> Result<bool> {
    let end = len(file, id)?;
    Scanner::new(file, salt, id, 0, end).any_header(|_, _| true)
}

fn len(file: &dyn DiskFile, id: u32) -> Result<u64> {
    file.len().map_err(|cause| failure::disk("cannot read", file_name(id), cause))
}
