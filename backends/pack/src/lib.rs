//! The embedded backend of [larder]: an append-only log in one directory, without a server.
//!
//! ```
//! use larder::Larder;
//! use larder_pack::Pack;
//! # let dir = tempfile::tempdir().unwrap();
//! # let dir = dir.path();
//! # smol::block_on(async {
//! let larder = Larder::new(Pack::open(dir.join("data")).await?);
//! larder.assoc("ada", &"Lovelace").await?;
//! assert_eq!(larder.get::<String>("ada").await?.as_deref(), Some("Lovelace"));
//! larder.close().await?;
//! # Ok::<(), larder::Error>(())
//! # }).unwrap();
//! ```
//!
//! # What is in the directory
//!
//! | name | what |
//! |---|---|
//! | `00000001.log` .. | the log, in segments: every write is a frame that is appended |
//! | `00000001.index` .. | the index as it was at some point of the log; it can be made again from the log |
//! | `control` | where the durable log ends, in two slots |
//! | `blobs/` | large data, one file each |
//! | `lock`, `lock.holder` | held by the one writer, and which process that is |
//!
//! The bytes are in `docs/format.md`.
//!
//! # Promises
//!
//! There is one writing handle at a time, in all processes; others may [read](Pack::open_read_only). With
//! [`Durability::Synced`](larder::Durability::Synced) an acknowledged write survives a power cut, and no reader has seen
//! it before that was so. With [`Durability::Flushed`](larder::Durability::Flushed) it survives a killed process; after
//! a power cut the log ends somewhere after the last [`sync`](larder::Backend::sync), and everything before that
//! is there. A batch is all or nothing, for readers and after a crash. After a failed sync the store is `Poisoned`:
//! it can be read, and must be opened again to be written.
//!
//! # Why it is built so
//!
//! - One thread writes. It takes all changes that have queued, appends them, syncs once and answers all: what
//!   arrives together shares its sync, without timers. Conditions are judged there, against the index, so an update
//!   costs one hop.
//! - Reads are `preadv2` with `RWF_NOWAIT` on the caller's thread: a page that is not cached is read by an IO thread,
//!   so no runtime waits for the medium, and a medium that fails is an error, not a signal as with mapped files.
//!   Every read is compared with its checksums.
//! - The index keeps 16 bytes for a key, and no key: the frame tells whose it is.
//!
//! [`tools`] verify a store down to its bytes, save what can be saved of a damaged one, and show its frames as text.
//!
//! [`append_only_file`] is what it stands on: a file that only grows, buffered while it is written, published by
//! whoever owns it, and read meanwhile.

#![forbid(unsafe_code)]

pub mod append_only_file;
mod blob;
mod change;
mod control;
mod failure;
mod follow;
mod frame;
mod head;
mod index;
mod layout;
mod listing;
mod log;
mod lookup;
mod open;
mod pack;
mod place;
mod read;
mod scheme;
mod segment;
mod segments;
mod shared;
mod stats;
pub mod tools;
mod usage;
mod writer;

pub use append_only_file::{AppendOnlyFile, AppendOnlyFileError};
pub use pack::{Options, Pack};
pub use scheme::{open as open_address, scheme};
