//! Virtual time under the executors of others.

mod park;
mod turn;

pub use park::ParkDriver;
pub use turn::turn;
