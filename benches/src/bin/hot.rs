//! Runs one operation again and again, for a profiler: `perf record -g target/release/hot get-bytes`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use bytes::Bytes;
use larder::Durability;
use larder_benches::peers::stores::Store;
use larder_benches::rows::files::stop_on_failure;
use larder_benches::rows::{Failure, data, documents, memory};
use pollster::block_on;

const SECONDS: u64 = 4;

fn main() -> ExitCode {
    match run(&std::env::args().nth(1).unwrap_or_default()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("hot: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: &str) -> Result<(), Failure> {
    let bytes = data::bytes(100, 1);
    match what {
        "bare-get" => {
            let maps = memory::Maps::of_binaries(1000, 100)?;
            repeat(|| drop(maps.bare_bytes()));
        }
        "backend-read" => {
            let maps = memory::Maps::of_binaries(1000, 100)?;
            repeat(|| drop(maps.backend_bytes()));
        }
        "get-bytes" => {
            let maps = memory::Maps::of_binaries(1000, 100)?;
            repeat_async(async || drop(maps.larder_bytes().await));
        }
        "assoc-bytes" => {
            let maps = memory::Maps::of_binaries(1000, 100)?;
            repeat_async(async || maps.larder_write_bytes(&bytes).await);
        }
        "get-value" => {
            let maps = memory::Maps::of_documents(1000, data::person)?;
            repeat_async(async || drop(maps.larder_value::<data::Person>().await));
        }
        "assoc-value" => {
            let maps = memory::Maps::of_documents(1000, data::person)?;
            let person = data::person(1);
            repeat_async(async || maps.larder_write_value(&person).await);
        }
        "get-in" | "update-in" => {
            for (name, field, _) in documents::fields()?.into_iter().take(1) {
                eprintln!("{name}");
                match what {
                    "get-in" => repeat_async(async || _ = field.larder_get().await),
                    _ => repeat_async(async || _ = field.larder_update().await),
                }
            }
        }
        "fs-write-durable" | "fs-write-flushed" | "fs-get-1k" | "fs-get-64k" => files(what)?,
        _ => {
            return Err(
                "say one of bare-get, backend-read, get-bytes, assoc-bytes, get-value, assoc-value, \
                        get-in, update-in, fs-write-durable, fs-write-flushed, fs-get-1k, fs-get-64k"
                    .into(),
            );
        }
    }
    Ok(())
}

/// In a directory of its own under the one that `TMPDIR` names.
fn files(what: &str) -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let durability = if what == "fs-write-durable" { Durability::Synced } else { Durability::Flushed };
    let store = Store::larder(dir.path(), durability)?;
    let bytes = Bytes::from(data::bytes(if what == "fs-get-64k" { 64 * 1024 } else { 1024 }, 1));
    let keys = data::keys(1000);
    keys.iter().try_for_each(|key| block_on(store.put(key, bytes.clone())))?;
    let mut at = 0;
    let mut next = || {
        at += 1;
        &keys[at % keys.len()]
    };
    match what {
        "fs-get-1k" | "fs-get-64k" => repeat(|| _ = stop_on_failure(block_on(store.get(next())))),
        _ => {
            let mut n = 0;
            repeat(|| {
                n += 1;
                stop_on_failure(block_on(store.put(&format!("new-{n}"), bytes.clone())));
            });
        }
    }
    Ok(())
}

fn repeat(mut each: impl FnMut()) {
    repeat_async(async || each());
}

/// All within one `block_on`, as in a task of a program. The best stretch is what it takes while nobody else
/// takes the processor.
fn repeat_async(mut each: impl AsyncFnMut()) {
    const STRETCH: u32 = 1000;
    block_on(async {
        let start = Instant::now();
        let (mut stretches, mut best) = (0, Duration::MAX);
        while start.elapsed() < Duration::from_secs(SECONDS) {
            let stretch = Instant::now();
            for _ in 0..STRETCH {
                each().await;
            }
            stretches += 1;
            best = best.min(stretch.elapsed());
        }
        let nanos = |time: Duration, count: u32| time.as_nanos() as f64 / f64::from(count);
        let mean = nanos(start.elapsed() / stretches, STRETCH);
        println!("{mean:.1} ns each, {:.1} at best", nanos(best, STRETCH));
    });
}
