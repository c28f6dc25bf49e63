//! Scenario 16: a listing names every key that is there all the time, once, and none that is never
//! there, while others come and go.

use futures::StreamExt;
use larder_simulated::fault::Faults;

use crate::support::{On, Scene, play, profile};

#[test]
fn a_listing_names_what_is_there_throughout_and_nothing_that_never_is() {
    let mut listed = 0;
    for on in On::ALL {
        for name in ["local-disk", "redis-same-zone"] {
            for seed in 0..12 {
                listed += play(seed, on, profile(name), Faults::none(), |scene: Scene| async move {
                    let setup = scene.client(50);
                    for n in 0..30 {
                        setup.assoc(format!("stays {n}"), &n).await.unwrap();
                        if n % 2 == 0 {
                            setup.assoc(format!("goes {n}"), &n).await.unwrap();
                        }
                    }
                    let writer = scene.client(0);
                    let writing = scene.sim.spawn("writer", async move {
                        for n in 0..30 {
                            writer.assoc(format!("stays {n}"), &(n + 100)).await.unwrap();
                            if n % 2 == 0 {
                                assert!(writer.dissoc(format!("goes {n}")).await.unwrap());
                            } else {
                                writer.assoc(format!("comes {n}"), &n).await.unwrap();
                            }
                        }
                    });
                    let reader = scene.client(1);
                    let mut listed = 0;
                    while !writing.is_finished() {
                        let mut keys = Vec::new();
                        let mut listing = reader.keys();
                        while let Some(key) = listing.next().await {
                            keys.push(key.unwrap().to_string());
                        }
                        let count = keys.len();
                        keys.sort_unstable();
                        keys.dedup();
                        assert_eq!(keys.len(), count, "seed {seed}, {on:?}: a key is listed twice");
                        let stays = keys.iter().filter(|key| key.contains("stays")).count();
                        assert_eq!(stays, 30, "seed {seed}, {on:?}: {keys:?}");
                        let known = |key: &String| {
                            ["stays ", "goes ", "comes "].iter().any(|kind| key.contains(kind))
                        };
                        assert!(keys.iter().all(known), "seed {seed}, {on:?}: {keys:?}");
                        listed += 1;
                    }
                    writing.await;
                    scene.assert_linearizable("listings");
                    listed
                });
            }
        }
    }
    println!("{listed} listings");
    assert!(listed > 100);
}
