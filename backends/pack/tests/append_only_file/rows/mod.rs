//! A module for each row of irmin-pack's interface, and a test for each of its promises.

mod accessors;
mod append;
mod auto_flush_external;
mod auto_flush_internal;
mod close;
mod create_rw;
mod end_poff;
mod errors;
mod flush;
mod fsync;
mod open_ro;
mod open_rw;
mod read;
mod read_exact_at;
mod refresh_end_poff;
