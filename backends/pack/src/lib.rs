//! The embedded backend of [larder]: append-only files in one directory, without a server.
//!
//! [`append_only_file`] is what it stands on: a file that only grows, buffered while it is written,
//! published by whoever owns it, and read meanwhile.

pub mod append_only_file;
#[allow(dead_code, unused_imports, reason = "the engine that stands on it is not written yet")]
mod control;
#[allow(dead_code, unused_imports, reason = "the engine that stands on it is not written yet")]
mod failure;
#[allow(dead_code, unused_imports, reason = "the engine that stands on it is not written yet")]
mod frame;
#[allow(dead_code, unused_imports, reason = "the engine that stands on it is not written yet")]
mod place;
#[allow(dead_code, unused_imports, reason = "the engine that stands on it is not written yet")]
mod segment;

pub use append_only_file::{AppendOnlyFile, AppendOnlyFileError};
