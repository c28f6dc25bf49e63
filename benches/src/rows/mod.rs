//! The rows of the table, by theme.

pub mod data;
pub mod documents;
pub mod memory;
