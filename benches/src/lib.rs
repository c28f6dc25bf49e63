//! Measurements of larder beside its peers, in one run, interleaved.
//!
//! `harness` runs contenders in rounds, `time` measures them, `report` prints what came of it,
//! `machine` names what it was measured on. `rows` holds the contests themselves, one module for each
//! part of the table; `results` keeps the figures and `chart` draws them. The benches of `cargo bench` run
//! the same code under criterion.

pub mod chart;
pub mod harness;
pub mod machine;
pub mod peers;
pub mod readme;
pub mod report;
pub mod results;
pub mod rows;
pub mod time;
pub mod warm;
