//! Scenario 29: the wall clock steps back; what is written later never looks older.

use larder_simulated::draw::Ratio;
use larder_simulated::fault::{FaultKind, Faults};

use crate::support::{On, Scene, play, profile};

#[test]
fn last_write_never_goes_backwards_when_the_clock_does() {
    for on in On::ALL {
        for seed in 0..20 {
            let faults = Faults::none().rate(FaultKind::ClockStep, Ratio::percent(30));
            let steps = play(seed, on, profile("local-nvme"), faults, |scene: Scene| async move {
                let (one, two) = (scene.client(0), scene.client(1));
                let mut latest = None;
                for n in 0..20u64 {
                    let larder = if n % 3 == 0 { &two } else { &one };
                    if n % 2 == 0 {
                        larder.assoc("key", &n).await.unwrap();
                    } else {
                        larder.update_in("key", move |_: Option<u64>| n).await.unwrap();
                    }
                    let written = larder.get_meta("key").await.unwrap().unwrap().last_write();
                    assert!(Some(written) >= latest, "seed {seed}, {on:?}: {written} after {latest:?}");
                    latest = Some(written);
                }
                scene.store.counts().of(FaultKind::ClockStep).injected
            });
            assert!(steps > 0, "seed {seed}: the clock never stepped");
        }
    }
}
