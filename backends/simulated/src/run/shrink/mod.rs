//! Leaving things out of a failing run for as long as it still fails.
//!
//! Delta debugging (Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input, IEEE Transactions
//! on Software Engineering 28(2), 2002), first over whole clients and keys, then over single items. It works
//! because draws are keyed: leaving an item out changes nothing about the others.

mod ddmin;
mod shrinker;

pub use ddmin::{shrink, shrink_end, shrink_groups};
pub use shrinker::{Shrinker, Shrunk};
