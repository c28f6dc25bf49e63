//! Runs, by seed.
