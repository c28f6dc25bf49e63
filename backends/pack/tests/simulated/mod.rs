//! What the tests on a simulated disk share: a store without threads, operations by chance, and what they leave.
#![allow(dead_code, reason = "each of the tests uses a part")]

pub(crate) mod clock;
pub(crate) mod ops;
pub(crate) mod store;

pub(crate) use ops::{Op, Script};
pub(crate) use store::{Content, STORE, contents, get, open, open_read_only, record};
