//! What a store must keep whatever the storage does: the scenarios of store semantics, each in virtual
//! time, over memory and over files on a simulated disk, behind latency and faults. Every failure names
//! the seed that repeats it.

mod batches;
mod clocks;
mod counters;
mod linearizable;
mod listings;
mod locks;
mod logs;
mod processes;
mod support;
