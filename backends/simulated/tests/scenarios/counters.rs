//! Scenario 12: a counter that many clients increment holds every increment that was acknowledged, and
//! none that was not asked for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder_simulated::fault::Faults;

use crate::support::{On, play, profile};

#[test]
fn a_counter_holds_every_acknowledged_increment_and_no_other() {
    let (mut all_acknowledged, mut all_unknown) = (0, 0);
    for on in On::ALL {
        for (name, faults) in [
            ("redis-same-zone", Faults::none()),
            ("redis-cross-zone", Faults::swarm().intensity(300_000)),
            ("s3-standard", Faults::swarm().intensity(300_000)),
        ] {
            for seed in 0..15 {
                let (acknowledged, unknown) = play(
                    seed,
                    on,
                    profile(name),
                    faults.clone(),
                    |scene| async move {
                        let counts = Arc::new([const { AtomicU64::new(0) }; 2]);
                        let of = Arc::clone(&counts);
                        scene
                            .clients(4, move |larder, _, _| {
                                let counts = Arc::clone(&of);
                                async move {
                                    for _ in 0..8 {
                                        match larder
                                            .update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1)
                                            .await
                                        {
                                            Ok(_) => counts[0].fetch_add(1, Ordering::Relaxed),
                                            Err(error) if error.is_ambiguous() => {
                                                counts[1].fetch_add(1, Ordering::Relaxed)
                                            }
                                            Err(_) => 0,
                                        };
                                    }
                                }
                            })
                            .await;
                        let [acknowledged, unknown] = [0, 1].map(|at| counts[at].load(Ordering::Relaxed));
                        let value = scene.client(99).get::<u64>("counter").await.unwrap().unwrap_or(0);
                        assert!(
                            (acknowledged..=acknowledged + unknown).contains(&value),
                            "seed {seed}, {on:?}: {value} after {acknowledged} acknowledged and {unknown} unknown"
                        );
                        scene.assert_linearizable("a counter");
                        (acknowledged, unknown)
                    },
                );
                all_acknowledged += acknowledged;
                all_unknown += unknown;
            }
        }
    }
    println!("{all_acknowledged} acknowledged, {all_unknown} unknown");
    assert!(all_acknowledged > 1500 && all_unknown > 50, "a run without failures would show little");
}

/// Clients of one process share a handle: their updates are combined, and none is lost to that.
#[test]
fn combined_updates_of_one_handle_race_with_another_process_and_lose_nothing() {
    for on in On::ALL {
        for seed in 0..20 {
            play(seed, on, profile("redis-same-zone"), Faults::none(), |scene| async move {
                let (here, there) = (scene.client(0), scene.client(1));
                let tasks: Vec<_> = (0..12)
                    .map(|n| {
                        let larder = if n % 3 == 0 { there.clone() } else { here.clone() };
                        scene.sim.spawn(format!("task {n}"), async move {
                            for _ in 0..5 {
                                larder.update_in("hot", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
                            }
                        })
                    })
                    .collect();
                for task in tasks {
                    task.await;
                }
                assert_eq!(here.get::<u64>("hot").await.unwrap(), Some(60), "seed {seed}, {on:?}");
            });
        }
    }
}

/// What one process remembers is not the truth: another may have written since.
#[test]
fn an_update_sees_what_another_process_wrote_after_the_last_one_here() {
    for on in On::ALL {
        for seed in 0..20 {
            play(seed, on, profile("redis-same-zone"), Faults::none(), |scene| async move {
                let (here, there) = (scene.client(0), scene.client(1));
                for round in 0..5u64 {
                    here.update_in("n", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
                    there.assoc("n", &(round * 100)).await.unwrap();
                    // An update that changes nothing is an answer, and must be a true one.
                    let (old, same) = here.update_in("n", |n: Option<u64>| n.unwrap_or(0)).await.unwrap();
                    assert_eq!((old, same), (Some(round * 100), round * 100), "seed {seed}, {on:?}");
                    let (old, new) = here.update_in("n", |n: Option<u64>| n.unwrap_or(0) + 1).await.unwrap();
                    assert_eq!((old, new), (Some(round * 100), round * 100 + 1), "seed {seed}, {on:?}");
                }
                scene.assert_linearizable("two processes");
            });
        }
    }
}
