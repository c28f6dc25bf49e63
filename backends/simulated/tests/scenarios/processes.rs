//! Two handles of one directory of real files, each with its own threads, as two processes have: what
//! keeps them apart are the locks in the file system alone.

use larder::{Durability, Larder};
use larder_filesystem::Filesystem;
use larder_simulated::check;
use larder_simulated::history::Recorder;
use std::sync::Arc;

use larder::Records;

#[test]
fn two_processes_that_update_one_directory_lose_nothing() {
    const EACH: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::new();
    let open = || {
        pollster::block_on(Filesystem::options().durability(Durability::Flushed).open(dir.path())).unwrap()
    };
    let handles: Vec<Larder> = (0..2)
        .map(|id| Larder::over(Arc::new(recorder.record(id, Arc::new(Records::new(open()))))))
        .collect();
    std::thread::scope(|scope| {
        for larder in &handles {
            scope.spawn(move || {
                for n in 0..EACH {
                    // Two keys that share nothing, and one that everybody wants.
                    let increment = |n: Option<u64>| n.unwrap_or(0) + 1;
                    pollster::block_on(larder.update_in("counter", increment)).unwrap();
                    if n % 8 == 0 {
                        pollster::block_on(larder.get::<u64>("counter")).unwrap();
                    }
                }
            });
        }
    });
    let value = pollster::block_on(handles[0].get::<u64>("counter")).unwrap();
    assert_eq!(value, Some(2 * EACH));
    assert!(check::check(&recorder.history()).is_linearizable());
}
