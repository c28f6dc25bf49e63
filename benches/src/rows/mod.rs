//! The rows of the table, by theme.

use std::path::Path;

use crate::harness::Effort;
use crate::report::Section;

pub mod combined;
pub mod data;
pub mod documents;
pub mod files;
pub mod filesystem;
pub mod memory;
pub mod pack;
pub mod redis;
pub mod simulated;

/// Whatever stopped a measurement.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures one theme, with its files in this directory.
pub type Measure = fn(Effort, &Path) -> Result<Section, Failure>;

/// All themes, by name.
pub const THEMES: [(&str, Measure); 7] = [
    ("memory", |effort, _| Ok(memory::section(effort)?)),
    ("documents", |effort, _| Ok(documents::section(effort)?)),
    ("combined", combined::section),
    ("filesystem", filesystem::section),
    ("pack", pack::section),
    ("redis", |effort, _| redis::section(effort)),
    ("simulated", |effort, _| simulated::section(effort)),
];
