//! Scenarios 18 and 22: callers that go away, and stores that do.

use crate::*;

/// The names of all files of records, those of unfinished writes included.
fn files(dir: &TempDir) -> Vec<String> {
    let dirs = std::fs::read_dir(dir.path().join("records")).unwrap();
    let entries = dirs.flat_map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap());
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Lets time go on step by step, and drops the future after so many steps. Whether it had finished.
fn dropped_after(time: &Virtual, steps: u64, future: impl Future<Output = larder::Result<()>>) -> bool {
    let mut future = pin!(future);
    for _ in 0..steps {
        if let Some(result) = future.as_mut().now_or_never() {
            result.unwrap();
            return true;
        }
        _ = time.clock.advance();
    }
    false
}

#[test]
fn scenario_18_a_put_that_is_cancelled_at_any_point_happened_or_did_not() {
    for (streamed, on_cancel) in [
        (false, OnCancel::Detach),
        (false, OnCancel::Abort),
        (true, OnCancel::Detach),
        (true, OnCancel::Abort),
    ] {
        let (time, dir) = (Virtual::new(1), crate::store_support::scratch());
        let profile = redis().per_byte(1_000_000);
        let store =
            over_directory(&time, dir.path(), |builder| builder.profile(profile).on_cancel(on_cancel));
        let (larder, other) = (larder(&time, &store, 1), larder(&time, &store, 2));
        let (mut steps, mut outcomes, mut keys) = (0, Vec::new(), Vec::new());
        loop {
            let key = format!("{steps:02}");
            time.block_on(larder.bassoc(&*key, Bytes::from("old"))).unwrap();
            let source = match streamed {
                true => {
                    Source::stream(futures::stream::iter(["ne", "w"].map(|chunk| Ok(Bytes::from(chunk)))))
                }
                false => Source::from("new"),
            };
            let finished = dropped_after(&time, steps, larder.bassoc(&*key, source));
            time.settle();
            let found = time.block_on(async { other.bget(&*key).await?.unwrap().bytes().await }).unwrap();
            assert!(found == "new" || (found == "old" && !finished), "{found:?} after {steps} steps");
            // Nothing is locked, nothing is left behind.
            time.block_on(other.bassoc(&*key, Bytes::from("other"))).unwrap();
            time.block_on(larder.update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1)).unwrap();
            keys.push(key);
            let expected: Vec<String> = keys.iter().cloned().chain(["counter".to_owned()]).collect();
            assert_eq!(files(&dir), expected, "after {steps} steps");
            outcomes.push(found == "new");
            if finished {
                break;
            }
            steps += 1;
        }
        assert!(outcomes.is_sorted() && !outcomes[0], "{outcomes:?}");
        assert!(outcomes.len() > 4, "{outcomes:?}");
        // Dropped on its way it still happens, unless it is to be aborted, or was not yet complete.
        let unheard = outcomes.iter().filter(|new| **new).count() - 1;
        assert!(unheard > 0, "{outcomes:?}");
    }
}

#[test]
fn scenario_22_a_store_that_crashes_again_while_it_comes_back_keeps_what_was_acknowledged() {
    let dir = crate::store_support::scratch();
    let time = Virtual::new(1);
    let opened = Arc::new(AtomicU64::new(0));
    let (path, count, clock) = (dir.path().to_owned(), Arc::clone(&opened), time.clock.clone());
    let store = over_directory(&time, dir.path(), |builder| {
        builder.profile(redis()).reopen(move || {
            count.fetch_add(1, Ordering::Relaxed);
            let (path, clock) = (path.clone(), clock.clone());
            async move {
                // Recovery takes its time, in which it can crash again.
                let store = Filesystem::options().durability(Durability::Flushed).inline().open(path).await?;
                clock.sleep_for(Duration::from_millis(300)).await;
                Ok(store)
            }
        })
    });
    let mut acknowledged = 0u64;
    for round in 1..=10u64 {
        let clients: Vec<Larder> = (0..4).map(|client| larder(&time, &store, round * 10 + client)).collect();
        let crash = async {
            time.clock.sleep_for(Duration::from_millis(3 + round)).await;
            store.crash(Duration::from_millis(100));
            // Twice more: while it is down, and in the middle of its recovery.
            time.clock.sleep_for(Duration::from_millis(50)).await;
            store.crash(Duration::from_millis(100));
            time.clock.sleep_for(Duration::from_millis(200)).await;
            assert!(!store.is_up(), "it is still recovering");
            store.crash(Duration::from_millis(100));
            time.clock.sleep_for(Duration::from_millis(250)).await;
            assert!(!store.is_up(), "the recovery that was cut short brings nothing back");
        };
        let work = join_all(clients.iter().map(|larder| async move {
            let mut done = [0u64, 0];
            loop {
                match larder.update_in("counter", |n: Option<u64>| n.unwrap_or(0) + 1).await {
                    Ok(_) => done[0] += 1,
                    Err(error) if error.is_ambiguous() => done[1] += 1,
                    // It is down.
                    Err(_) => return done,
                }
            }
        }));
        let (done, ()) = time.block_on(futures::future::join(work, crash));
        time.settle();
        assert!(store.is_up(), "round {round}: {:?}", store.failed());
        let count: u64 = time.block_on(larder(&time, &store, round * 10 + 5).get_or("counter", 0)).unwrap();
        let [sure, unknown] = done.iter().fold([0, 0], |sum, one| [sum[0] + one[0], sum[1] + one[1]]);
        assert!(sure > 0 && unknown > 0, "round {round}: {sure} {unknown}");
        let allowed = acknowledged + sure..=acknowledged + sure + unknown;
        assert!(allowed.contains(&count), "round {round}: {count} is not in {allowed:?}");
        acknowledged = count;
    }
    assert_eq!(opened.load(Ordering::Relaxed), 20, "twice in every round: the first never came so far");
    assert_eq!(files(&dir), ["counter"], "unfinished writes are swept away");
}
