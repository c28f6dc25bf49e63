//! Reports of what the other rooms of this crate know: the log of a store, a history, a verdict.

mod history;
mod storage;
mod verdict;
