//! A disk that fails: whatever call it is, nothing acknowledged is lost, nothing panics, and nothing
//! is left behind.

#[path = "faults/everywhere.rs"]
mod everywhere;
#[path = "faults/real.rs"]
mod real;
mod support;
