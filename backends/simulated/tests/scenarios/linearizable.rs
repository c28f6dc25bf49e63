//! Scenario 11: every key is linearizable, under every profile, with and without faults.

use larder::Larder;
use larder_simulated::fault::Faults;
use larder_simulated::latency::Profile;

use crate::support::{Dice, On, Scene, play, profile};

const KEYS: [&str; 3] = ["a", "b", "c"];

/// Everything that can be done with one key, in any order. Every value is written once.
async fn mixed(larder: Larder, mut dice: Dice, client: u64, operations: u64) {
    for number in 0..operations {
        let key = dice.pick(&KEYS);
        let value = client * 1_000_000 + number;
        // What fails has failed; the record says how, and the check judges it.
        match dice.below(10) {
            0..3 => drop(larder.get::<u64>(key).await),
            3..5 => drop(larder.assoc(key, &value).await),
            5 => drop(larder.dissoc(key).await),
            6 => drop(larder.exists(key).await),
            7 => drop(larder.update_in(key, move |_: Option<u64>| value).await),
            8 => drop(larder.bassoc(key, value.to_be_bytes().to_vec()).await),
            _ => {
                if let Ok(Some(binary)) = larder.bget(key).await {
                    drop(binary.bytes().await);
                }
            }
        }
    }
}

fn run(seed: u64, on: On, profile: Profile, faults: Faults, clients: u64, operations: u64) -> usize {
    let of = format!("{on:?}, {}", profile.name());
    play(seed, on, profile, faults, |scene: Scene| async move {
        scene.clients(clients, move |larder, dice, client| mixed(larder, dice, client, operations)).await;
        scene.assert_linearizable(&of);
        scene.recorder.history().len()
    })
}

#[test]
fn every_key_is_linearizable_under_every_profile() {
    let mut operations = 0;
    for on in On::ALL {
        for name in Profile::names() {
            for seed in 0..10 {
                operations += run(seed, on, profile(name), Faults::none(), 4, 20);
            }
        }
    }
    println!("{operations} operations");
    assert!(operations > 10_000);
}

#[test]
fn every_key_is_linearizable_whatever_goes_wrong() {
    for on in On::ALL {
        for name in ["local-nvme", "redis-same-zone", "s3-standard"] {
            for seed in 0..40 {
                run(seed, on, profile(name), Faults::swarm().intensity(200_000), 4, 12);
            }
        }
    }
}

/// The seeds that CI goes through: many short runs find more than a few long ones.
#[test]
fn ten_thousand_seeds_of_a_mixed_workload_are_linearizable() {
    let operations: usize = (0..10_000)
        .map(|seed| {
            run(seed, On::Memory, profile("redis-same-zone"), Faults::swarm().intensity(100_000), 3, 5)
        })
        .sum();
    assert_eq!(operations, 10_000 * 3 * 5);
}
