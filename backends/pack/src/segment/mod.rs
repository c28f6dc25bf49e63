//! Segments: the files of the log. Each begins with a [`SegmentHeader`]; frames follow without gaps. The
//! bytes, and why a crash leaves what it leaves, are in `docs/format.md`.

mod end;
mod header;
mod names;
mod scanner;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use end::{LogEnd, find_end, holds_frames, zeros_from};
pub(crate) use header::{Sealed, SegmentHeader};
pub(crate) use names::{file_name, parse_name};
pub(crate) use scanner::{Frame, Scanner, Step};
