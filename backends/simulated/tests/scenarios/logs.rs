//! Scenario 14: what was appended to a log is in it once, in the order of its client.

use std::sync::{Arc, Mutex};

use larder_simulated::fault::Faults;

use crate::support::{On, play, profile};

#[test]
fn what_was_appended_is_there_once_and_in_order() {
    for on in On::ALL {
        for name in ["local-nvme", "redis-same-zone"] {
            for seed in 0..20 {
                let faults = if seed % 2 == 0 { Faults::none() } else { Faults::swarm().intensity(200_000) };
                play(seed, on, profile(name), faults, |scene| async move {
                    let outcomes: Arc<Mutex<Vec<(u64, bool)>>> = Arc::default();
                    let noted = Arc::clone(&outcomes);
                    scene
                        .clients(4, move |larder, _, client| {
                            let noted = Arc::clone(&noted);
                            async move {
                                for n in 0..8 {
                                    let element = client * 100 + n;
                                    let appended = larder.append("log", &element).await;
                                    match appended {
                                        Ok(()) => noted.lock().unwrap().push((element, true)),
                                        Err(error) if error.is_ambiguous() => {
                                            noted.lock().unwrap().push((element, false))
                                        }
                                        Err(_) => {}
                                    }
                                }
                            }
                        })
                        .await;
                    let log: Vec<u64> = scene.client(99).log("log").await.unwrap().unwrap_or_default();
                    let outcomes = outcomes.lock().unwrap().clone();
                    for (element, acknowledged) in &outcomes {
                        let times = log.iter().filter(|there| *there == element).count();
                        let fine = if *acknowledged { times == 1 } else { times <= 1 };
                        assert!(fine, "seed {seed}, {on:?}: {element} is there {times} times: {log:?}");
                    }
                    for element in &log {
                        let known = outcomes.iter().any(|(noted, _)| noted == element);
                        assert!(known, "seed {seed}, {on:?}: {element}, whose append has failed, is there");
                    }
                    for client in 0..4 {
                        let sure = |element: &&u64| {
                            **element / 100 == client && outcomes.contains(&(**element, true))
                        };
                        let own: Vec<&u64> = log.iter().filter(sure).collect();
                        assert!(
                            own.is_sorted(),
                            "seed {seed}, {on:?}: client {client} appended in another order: {own:?}"
                        );
                    }
                });
            }
        }
    }
}

/// A log that is removed while others append to it: what was acknowledged after the removal is in the
/// log that is there then.
#[test]
fn an_append_that_races_with_the_removal_of_its_log_is_in_the_new_log_or_the_old() {
    for on in On::ALL {
        for seed in 0..60 {
            play(seed, on, profile("redis-same-zone"), Faults::none(), |scene| async move {
                let (writer, remover) = (scene.client(0), scene.client(1));
                writer.append("log", &0u64).await.unwrap();
                let clock = scene.sim.clock().clone();
                let mut dice = scene.draws("when");
                let wait = std::time::Duration::from_micros(dice.below(6_000));
                let removing = scene.sim.spawn("remover", async move {
                    clock.sleep_for(wait).await;
                    remover.dissoc("log").await.unwrap();
                });
                for n in 1..6u64 {
                    writer.append("log", &n).await.unwrap();
                }
                removing.await;
                // The last appends may have come before the removal; from the first that did not, all are there.
                let log: Vec<u64> = writer.log("log").await.unwrap().unwrap_or_default();
                let first = log.first().copied().unwrap_or(6);
                assert_eq!(log, (first..6).collect::<Vec<_>>(), "seed {seed}, {on:?}");
                // After the removal has been answered, appends are there for certain.
                writer.append("log", &6u64).await.unwrap();
                let log: Vec<u64> = writer.log("log").await.unwrap().unwrap();
                assert_eq!(log.last(), Some(&6), "seed {seed}, {on:?}");
            });
        }
    }
}

/// The end of a long log is found by halving: no chunk may be lost at any length.
#[test]
fn a_log_of_any_length_is_continued_at_its_end_by_a_new_process() {
    for on in On::ALL {
        play(1, on, profile("memory"), Faults::none(), |scene| async move {
            for n in 0..70u64 {
                // A new client each time knows nothing of the end.
                scene.client(n).append("log", &n).await.unwrap();
                let log: Vec<u64> = scene.client(1000 + n).log("log").await.unwrap().unwrap();
                assert_eq!(log, (0..=n).collect::<Vec<_>>(), "{on:?}");
            }
        });
    }
}
