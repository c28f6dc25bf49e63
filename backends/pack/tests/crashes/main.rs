//! Crashes, on a simulated disk. Runs are recorded; at every point of one, after every call that changed anything, the
//! power fails or the process is killed, and what each model of a crash may leave is opened and judged: it is what some
//! prefix of the operations left, with every acknowledged one among them; batches are whole; what is listed is there;
//! it can be written and opened again; nothing is left over; and a crash while it is recovered from changes nothing.
//!
//! Operations are drawn from seeds, which are printed. `PACK_CRASH_SEED` replaces them.

#[path = "../simulated/mod.rs"]
mod simulated;

mod blobs;
mod history;
mod judge;
mod making;
mod matrix;
mod recovery;
mod rotation;
mod workloads;

use larder_simulated::disk::{CrashModel, Exploration};

use history::History;

/// All models.
const MODELS: [CrashModel; 4] =
    [CrashModel::Killed, CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial];

/// The seed, or the one that the environment asks for.
fn seed(seed: u64) -> u64 {
    std::env::var("PACK_CRASH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(seed)
}

/// How many states to visit: of each crash, and of each crash during the recovery from it.
#[derive(Clone, Copy, Debug)]
struct Extent {
    cap: usize,
    nested: usize,
    before_syncs: bool,
}

/// Visits the crashes of a run, and fails at the first state that is wrong.
fn survives(name: &str, history: &History, models: &[CrashModel], extent: Extent) -> u64 {
    let mut judged = 0;
    for model in models {
        let mut exploration = Exploration::new(*model, extent.cap).until_wrong(1);
        if extent.nested > 0 {
            let inner = if *model == CrashModel::Killed { CrashModel::Adversarial } else { *model };
            exploration = exploration.then(inner, extent.nested);
        }
        if extent.before_syncs {
            exploration = exploration.before_syncs();
        }
        let explored = exploration.run(&history.recording, |crash| history.judge(crash, *model));
        println!("{name}, seed {}: {model:?}: {explored}", history.seed);
        assert!(explored.is_sound(), "{name}, seed {}, {model:?}: {}", history.seed, explored.violations[0]);
        assert!(explored.judged > 0, "{name}, {model:?}: nothing was visited");
        judged += explored.judged;
    }
    judged
}
