//! What the tests share: a disk in memory that fails on command.

mod disk;
mod world;

pub(crate) use disk::FaultyDisk;
pub(crate) use world::{Call, Fault, Planned};
