//! Records a million operations of real threads on `larder-memory` and checks them.
//!
//! `cargo run --release -p larder-simulated --example million -- [OPERATIONS] [THREADS] [KEYS]`

#![expect(
    clippy::disallowed_methods,
    reason = "measures real time and starts threads; no part of a simulated run"
)]

use std::time::Instant;

use futures::TryStreamExt;
use larder::{Larder, Path};
use larder_memory::Memory;
use larder_simulated::check::Checker;
use larder_simulated::draw::{Draws, below};
use larder_simulated::history::Recorder;

/// What one client does: reads, writes, updates, removals, and now and then a log, a binary or a listing.
async fn act(larder: &Larder, client: u64, number: u64, keys: u64) -> larder::Result<()> {
    let draws = Draws::new(1).domain("million").of(client);
    let draw = |purpose: u64, bound: u64| below(draws.of(purpose).at(number), bound);
    let key = |kind: &str| format!("{kind}-{}", draw(0, keys));
    match draw(1, 1_000) {
        0..400 => _ = larder.get::<u64>(key("value")).await?,
        400..550 => larder.assoc(key("value"), &(client << 32 | number)).await?,
        550..600 => _ = larder.dissoc(key("value")).await?,
        600..650 => _ = larder.exists(key("value")).await?,
        650..750 => {
            _ = larder.update_in(Path::new(key("count")), |n: Option<u64>| n.unwrap_or(0) + 1).await?
        }
        750..850 => _ = larder.get::<u64>(key("count")).await?,
        850..900 => larder.bassoc(key("binary"), number.to_le_bytes().to_vec()).await?,
        900..950 => {
            if let Some(binary) = larder.bget(key("binary")).await? {
                binary.bytes().await?;
            }
        }
        950..998 => larder.append(key("log"), &(client << 32 | number)).await?,
        998 if draw(2, 20) == 0 => _ = larder.log::<u64>(key("log")).await?,
        _ if draw(2, 20) == 0 => _ = larder.keys().try_collect::<Vec<_>>().await?,
        _ => _ = larder.get::<u64>(key("value")).await?,
    }
    Ok(())
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let mut argument = |default: u64| arguments.next().unwrap_or(default);
    let (operations, threads, keys) = (argument(1_000_000), argument(8), argument(16));
    let (recorder, larder) = (Recorder::new(), Larder::new(Memory::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for client in 0..threads {
            let larder = recorder.larder(client, &larder);
            scope.spawn(move || {
                for number in 0..operations / threads {
                    pollster::block_on(act(&larder, client, number, keys)).expect("memory does not fail");
                }
            });
        }
    });
    let history = recorder.history();
    println!("{} operations of {threads} threads recorded in {:.2?}", history.len(), start.elapsed());
    let start = Instant::now();
    let decided = Checker::new().decide(&history);
    println!("checked in {:.2?}: {}", start.elapsed(), decided.verdict);
    println!("{} keys: {} by zones, {} by searching", decided.keys, decided.by_zones, decided.by_search);
}
