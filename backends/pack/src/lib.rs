//! The embedded backend of [larder]: append-only files in one directory, without a server.
//!
//! [`append_only_file`] is what it stands on: a file that only grows, buffered while it is written,
//! published by whoever owns it, and read meanwhile.

pub mod append_only_file;

pub use append_only_file::{AppendOnlyFile, AppendOnlyFileError};
