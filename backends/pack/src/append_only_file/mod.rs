//! [`AppendOnlyFile`]: a file that only grows. Appends are gathered in a buffer; a flush writes them to
//! the file, an fsync makes them durable. Touches files through [`Disk`] only.
//!
//! # Offsets and states
//!
//! An offset is a `u64` of bytes, counted from the end of the *dead header*, an area at the beginning of
//! the file that nobody looks at (files of older formats have one). A byte goes through three states:
//!
//! ```text
//!       dead header   synced            flushed           buffered
//!     |=============|=================|=================|-----------------|
//!                   0            synced_end_poff   flushed_end_poff   end_poff
//!                   on the medium     in the file       in memory
//!                   `------------ readable ----------'
//! ```
//!
//! *Poff* is irmin-pack's word for such an offset. Where the file ends is not read off its length: who
//! owns the file records the end elsewhere (in a control file), gives it when the file is opened, and
//! records it anew when bytes have become what others may see. That makes them *published*.
//!
//! ```
//! use std::sync::Arc;
//! use larder::io::RealDisk;
//! use larder_pack::append_only_file::{AppendOnlyFile, AutoFlush};
//! # let dir = tempfile::tempdir()?;
//! let (disk, path) = (Arc::new(RealDisk), dir.path().join("suffix"));
//!
//! let mut file = AppendOnlyFile::create_rw(Arc::clone(&disk), &path, false, 1_000_000, AutoFlush::Internal)?;
//! let offset = file.append(b"hello")?;
//! assert!(file.read(offset, 5).is_err()); // it is only in the buffer
//! file.flush()?;
//! assert_eq!(file.read(offset, 5)?, b"hello");
//! file.fsync()?;
//! let end = file.end_poff(); // to be recorded somewhere
//! file.close()?;
//!
//! let file = AppendOnlyFile::open_ro(disk, &path, end, 0)?;
//! assert_eq!(file.read(1, 4)?, b"ello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where the shape comes from
//!
//! From irmin-pack, the append-only backend of Irmin: the calls, their order, their errors and the two
//! auto flush procedures are those of `Append_only_file` in its release 3.8.0
//! (`src/irmin-pack/unix/append_only_file_intf.ml`). As there, appended bytes cannot be read before they
//! are flushed; who appends keeps what it may want to read meanwhile.
//!
//! What is different, and why:
//!
//! - **A tail beyond the given end is cut off** by [`open_rw`](AppendOnlyFile::open_rw), and so are the
//!   remains of a failed flush by the next one. irmin-pack writes over the tail and leaves what sticks out,
//!   which then counts as data wherever a length is taken from the file.
//! - **An append that fails has not happened.** When the automatic flush fails, the bytes of this append are
//!   taken back from the buffer, what was in it before stays, and the same append may be made again. The
//!   one exception says so: [`AutoFlush`](AppendOnlyFileError::AutoFlush) with `appended`. irmin-pack keeps
//!   the bytes and fails an assertion at the next append.
//! - **An external procedure that does not flush is an error**, no assertion. It may append; that starts
//!   no second procedure.
//! - **A write that makes no progress is an error**; there it counts as success.
//! - **A failed fsync poisons the handle**: the system may have dropped what it could not write, and the
//!   next fsync may well succeed and say nothing of it (Rebello et al., "Can Applications Recover from fsync
//!   Failures?", USENIX ATC 2020). Reads go on; a poisoned handle can be closed, whatever its buffer holds.
//! - **The first fsync of a handle syncs the directory too**, so that a file cannot be lost with its name.
//! - **Missing is told from unreachable**: only where nothing stands is it
//!   [`NoSuchFileOrDirectory`](AppendOnlyFileError::NoSuchFileOrDirectory); there every failure to look is.
//!   Symbolic links are not followed.
//! - **Offsets cannot be negative**, and sums of them are checked: the dead header cannot be read.
//! - **The file may be kept longer than its content** ([`preallocate`](AppendOnlyFile::preallocate)), if asked to:
//!   then zeros follow its end until it is [trimmed](AppendOnlyFile::trim) or opened for writing again.
//! - **`append` answers with the offset** at which the bytes begin. [`append_pieces`](AppendOnlyFile::append_pieces),
//!   [`take_back`](AppendOnlyFile::take_back), [`reader`](AppendOnlyFile::reader) and
//!   [`read_exact_at_cached`](AppendOnlyFile::read_exact_at_cached) are new.
//! - A handle that is closed says [`Closed`](AppendOnlyFileError::Closed) whatever is asked of it, except for
//!   the accessors, which go on answering.
//!
//! # Readers beside the writer
//!
//! Whoever appends needs the handle for itself (`&mut`), so there is one writer by construction; nothing
//! here keeps a second process or a second handle out, so **take a lock before you open or create a file
//! for writing**. A [`Reader`] shares the open file and the flushed end, and nothing else: reading takes
//! no lock, and the writer's flushes and fsyncs are never waited for. Bytes below the flushed end do not change,
//! and a reader that sees an end sees all bytes below it. Memory is bounded: a buffer that has reached the
//! threshold is flushed, so it never holds more than the threshold and one append, and gives back what
//! a larger append made it take.
//!
//! # What holds of the medium
//!
//! Assumed: a sync that succeeds has made durable the file's bytes, its length, and for a directory its
//! names; a write or a cut that is not synced may be there after a crash, in parts and in any order, or
//! not. Then, after a crash at any moment:
//!
//! - all bytes below the last [`synced_end_poff`](AppendOnlyFile::synced_end_poff) are in the file, under its
//!   name. Nothing here ever writes below the flushed end;
//! - beyond it there may be anything: bytes, parts of them, zeros, the remains of earlier tails. Whoever
//!   takes an end from there must be able to tell (checksums);
//! - a length that was set ahead is one of the things that may be there or not: it is never relied on;
//! - `create_rw` with `overwrite` empties a file at once. Until the first fsync the old bytes may come back.
//!
//! After a killed process all flushed bytes are in the file. Bytes that are only buffered are lost with
//! the handle: dropping it writes nothing.
//!
//! So the owner's order is: append, flush, fsync, and then record the end. An end that was recorded before
//! the fsync may lie beyond the file after a crash: [`InconsistentStore`](AppendOnlyFileError::InconsistentStore).

mod buffer;
mod error;
mod handle;
mod open;
mod options;
mod reader;
mod room;
mod write;

pub use error::{AppendOnlyFileError, Bound};
pub use handle::AppendOnlyFile;
pub use options::{AutoFlush, DEFAULT_AUTO_FLUSH_THRESHOLD};
pub use reader::Reader;

#[cfg(doc)]
use larder::io::Disk;

/// The result of a call on an append-only file.
type Result<T, E = AppendOnlyFileError> = std::result::Result<T, E>;
