//! What authors of applications want to know before their users find out: retries, hedging, caches,
//! slow readers, large objects, objectives, overload and fairness, each under a storage that behaves as
//! real ones do. Every scenario also shows that the naive way would not pass, so that passing means
//! something.

mod caches;
mod fairness;
mod hedging;
mod large_objects;
mod objectives;
mod overload;
mod retries;
mod support;
