//! Many tasks, one store: an append-only log of events, a counter that all tasks increment, and a
//! hook that watches. On a runtime of your choice; here tokio.
//!
//! `cargo run --example jobs`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::{Larder, Operation};
use larder_memory::Memory;

async fn run() -> larder::Result<()> {
    let larder = Larder::new(Memory::new());
    let appended = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&appended);
    larder.add_hook(move |event| {
        if event.operation == Operation::Append {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });

    let tasks: Vec<_> = (0..8u64)
        .map(|task| {
            let larder = larder.clone();
            tokio::spawn(async move {
                for step in 0..25u64 {
                    larder.append("events", &(task, step)).await?;
                    larder.update_in("done", |n: Option<u64>| n.unwrap_or(0) + 1).await?;
                }
                Ok::<(), larder::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics")?;
    }

    let done: Option<u64> = larder.get("done").await?;
    let sum = larder.reduce_log("events", 0, |sum, (_, step): (u64, u64)| sum + step).await?;
    println!(
        "{} steps done, {} events, steps add up to {sum}",
        done.unwrap_or(0),
        appended.load(Ordering::Relaxed)
    );
    assert_eq!((done, appended.load(Ordering::Relaxed), sum), (Some(200), 200, 8 * 300));
    Ok(())
}

pub(crate) fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().expect("a runtime");
    runtime.block_on(run()).expect("memory does not fail");
}
