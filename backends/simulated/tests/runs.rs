//! Runs by seed: what a body can do, how it fails, and how a failure is seen again.

mod runs {
    mod bodies;
    mod failures;
    mod replays;
    mod shrinking;
}
