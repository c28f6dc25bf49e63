//! Scenario 13: a lock made of an update never has two holders.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_simulated::fault::Faults;

use crate::support::{On, play, profile};

#[test]
fn a_lock_never_has_two_holders() {
    let mut taken = 0;
    for on in On::ALL {
        for name in ["local-disk", "redis-cross-zone"] {
            for seed in 0..15 {
                let faults = if seed % 2 == 0 { Faults::none() } else { Faults::swarm().intensity(200_000) };
                taken += play(seed, on, profile(name), faults, |scene| async move {
                    let (holders, times) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
                    let (inside, count) = (Arc::clone(&holders), Arc::clone(&times));
                    let clock = scene.sim.clock().clone();
                    scene
                        .clients(4, move |larder, mut dice, client| {
                            let (inside, count, clock) =
                                (Arc::clone(&inside), Arc::clone(&count), clock.clone());
                            async move {
                                for _ in 0..6 {
                                    let mine = client + 1;
                                    let take = move |held: Option<u64>| match held {
                                        None | Some(0) => mine,
                                        Some(other) => other,
                                    };
                                    let took = larder.update_in("lock", take).await;
                                    // Who cannot know whether it has the lock does not act on it.
                                    let held = matches!(took, Ok((None | Some(0), now)) if now == mine);
                                    if held {
                                        assert_eq!(
                                            inside.fetch_add(1, Ordering::Relaxed),
                                            0,
                                            "two holders, seed {seed}"
                                        );
                                        count.fetch_add(1, Ordering::Relaxed);
                                        clock.sleep_for(Duration::from_micros(dice.below(2_000))).await;
                                        inside.fetch_sub(1, Ordering::Relaxed);
                                    }
                                    // Also what was perhaps taken is given back, until that is known to be done.
                                    if held || took.is_err() {
                                        let release = move |held: Option<u64>| {
                                            held.filter(|held| *held != mine).unwrap_or(0)
                                        };
                                        while larder.update_in("lock", release).await.is_err() {
                                            clock.sleep_for(Duration::from_millis(10)).await;
                                        }
                                    }
                                    clock.sleep_for(Duration::from_micros(dice.below(5_000))).await;
                                }
                            }
                        })
                        .await;
                    times.load(Ordering::Relaxed)
                });
            }
        }
    }
    println!("taken {taken} times");
    assert!(taken > 300);
}
