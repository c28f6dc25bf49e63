//! How many simulated operations a second go through a larder on memory, on one thread.
//!
//! ```text
//! cargo run --release -p larder-simulated --example throughput [-- "no latency"]
//! ```

use std::sync::Arc;
use std::time::Duration;

use larder::{Clock, Key, Larder, RealClock};
use larder_memory::Memory;
use larder_simulated::latency::{Class, Latency, Legs, Profile};
use larder_simulated::store::Simulated;
use larder_simulated::time::{Sim, VirtualClock};

/// Operations of each measurement.
const OPERATIONS: u64 = 1_000_000;

/// Different keys.
const KEYS: u64 = 1_000;

fn main() {
    let constant = |effect_percent| {
        let legs = Legs::Whole { latency: Latency::constant(Duration::from_micros(100)), effect_percent };
        Profile::none().legs(Class::Read, legs.clone()).legs(Class::Write, legs)
    };
    let services = [
        ("no latency", Profile::none()),
        ("100 us, effect at the end", constant(100)),
        ("100 us, effect in the middle", constant(50)),
        ("redis-same-zone", Profile::named("redis-same-zone").unwrap_or_else(|_| Profile::none())),
    ];
    println!("{:<30} {:>8} {:>12} {:>12}", "millions of operations/s", "clients", "get", "assoc");
    let only = std::env::args().nth(1);
    for (name, profile) in services {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        for clients in [1, 50] {
            let get = measure(&profile, clients, false);
            let assoc = measure(&profile, clients, true);
            println!("{name:<30} {clients:>8} {get:>12.2} {assoc:>12.2}");
        }
    }
}

/// Millions of operations per second of real time.
fn measure(profile: &Profile, clients: u64, writes: bool) -> f64 {
    let start = RealClock.now();
    let run = Sim::run(1, |sim| run(sim, profile.clone(), clients, writes));
    let elapsed = RealClock.now() - start;
    assert_eq!(run.map_err(|stall| stall.to_string()), Ok(OPERATIONS / clients * clients));
    OPERATIONS as f64 / elapsed.as_secs_f64() / 1e6
}

async fn run(sim: Sim, profile: Profile, clients: u64, writes: bool) -> u64 {
    let clock: Arc<VirtualClock> = Arc::new(sim.clock().clone());
    let timeline = Arc::new(VirtualClock::clone(&clock));
    let store = Simulated::builder(Memory::new(), timeline, 1).profile(profile).build();
    let keys: Arc<[Key]> = (0..KEYS).map(|n| Key::from(format!("key/{n}"))).collect();
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let larder = Larder::with_clock(store.client(client), Arc::<VirtualClock>::clone(&clock));
            let keys = Arc::clone(&keys);
            sim.spawn("client", async move {
                let mut done = 0;
                for n in 0..OPERATIONS / clients {
                    let key = &keys[((client * 7919 + n * 31) % KEYS) as usize];
                    let happened = match writes {
                        true => larder.assoc(key, &n).await.is_ok(),
                        false => larder.get::<u64>(key).await.is_ok(),
                    };
                    done += u64::from(happened);
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await;
    }
    done
}
