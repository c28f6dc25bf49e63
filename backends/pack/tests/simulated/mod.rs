//! What the tests on a simulated disk share: a store without threads, operations by chance, and what they leave.
#![allow(dead_code, reason = "each of the tests uses a part")]

pub(crate) mod clock;
pub(crate) mod ops;
pub(crate) mod store;
