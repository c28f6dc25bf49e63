//! Faults, on a simulated disk: a workload is run again and again, and the n-th of its calls fails, for every n. An error
//! comes back, nothing acknowledged is lost, and what was refused, and not in doubt, is not there: not now, not when the
//! store is opened again, not after a power cut. The store goes on, or says that it is `Poisoned` and is opened again.

#[path = "../simulated/mod.rs"]
mod simulated;

mod every_call;
mod for_a_while;
mod trial;

/// The seed, or the one that the environment asks for.
fn seed(seed: u64) -> u64 {
    std::env::var("PACK_FAULTS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed)
}
