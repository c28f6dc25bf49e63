//! Properties of the trait [`Backend`](larder::Backend): records, conditions, versions, listings.

pub mod batches;
pub mod closing;
pub mod conditions;
pub mod damage;
pub mod dropping;
pub mod durable;
pub mod listing;
pub mod mixing;
pub mod model;
pub mod reading;
pub mod streams;
