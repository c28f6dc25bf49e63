//! The embedded backend of [larder]: append-only files in one directory, without a server.
//!
//! [`append_only_file`] is what it stands on: a file that only grows, buffered while it is written,
//! published by whoever owns it, and read meanwhile.

pub mod append_only_file;
#[allow(dead_code, unused_imports, reason = "what stands over it is not there yet")]
mod index;
#[allow(dead_code, reason = "what stands over it is not there yet")]
mod place;

pub use append_only_file::{AppendOnlyFile, AppendOnlyFileError};
