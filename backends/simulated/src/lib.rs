//! Simulation testing for [larder](https://docs.rs/larder): any backend behind realistic latency and
//! faults, in virtual time or in real time; a disk that crashes; and a checker that says whether what
//! was seen is linearizable. The same seed is the same run.

#![forbid(unsafe_code)]

pub mod check;
pub mod disk;
pub mod draw;
pub mod fault;
pub mod history;
pub mod latency;
pub mod report;
pub mod run;
pub mod stage;
pub mod store;
pub mod time;
pub mod workload;
