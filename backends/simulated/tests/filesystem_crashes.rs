//! The filesystem backend through crashes: at every call of every operation, in every state that a crash
//! may leave there, and again while it recovers.

#[path = "filesystem_crashes/failures.rs"]
mod failures;
#[path = "filesystem_crashes/flushed.rs"]
mod flushed;
#[path = "filesystem_crashes/larder.rs"]
mod larder;
#[path = "filesystem_crashes/mutants.rs"]
mod mutants;
#[path = "filesystem_crashes/opening.rs"]
mod opening;
#[path = "filesystem_crashes/processes.rs"]
mod processes;
#[path = "filesystem_crashes/records.rs"]
mod records;
#[path = "filesystem_crashes/rounds.rs"]
mod rounds;
#[path = "filesystem_crashes/support.rs"]
mod support;
