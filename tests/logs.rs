//! Append-only logs across processes: two stores over one backend stand for two processes that know
//! nothing of each other.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use larder::{
    Backend, Batch, Capabilities, ErrorKind, Expect, Key, Keys, Kind, Larder, Part, Record, Removed, Reply,
    Stored, Write, Written,
};
use larder_memory::Memory;

fn all_keys(memory: &Memory) -> Vec<Key> {
    pollster::block_on(memory.keys(None).try_collect()).unwrap()
}

#[test]
fn what_two_processes_append_is_all_there_each_in_its_order() {
    let memory = Memory::new();
    std::thread::scope(|scope| {
        for process in 0..4u64 {
            let memory = memory.clone();
            scope.spawn(move || {
                let larder = Larder::new(memory);
                pollster::block_on(async {
                    for n in 0..50u64 {
                        larder.append("log", &(process, n)).await.unwrap();
                    }
                });
            });
        }
    });
    let log: Vec<(u64, u64)> = pollster::block_on(Larder::new(memory).log("log")).unwrap().unwrap();
    assert_eq!(log.len(), 200);
    for process in 0..4 {
        let own: Vec<u64> = log.iter().filter(|(from, _)| *from == process).map(|(_, n)| *n).collect();
        assert_eq!(own, (0..50).collect::<Vec<_>>(), "of process {process}");
    }
}

#[test]
fn a_store_that_has_not_seen_the_log_yet_finds_its_end() {
    for len in [0u64, 1, 2, 3, 7, 8, 9, 33] {
        let memory = Memory::new();
        pollster::block_on(async {
            let larder = Larder::new(memory.clone());
            for n in 0..len {
                larder.append("log", &n).await.unwrap();
            }
            let later = Larder::new(memory.clone());
            later.append("log", &len).await.unwrap();
            assert_eq!(later.log("log").await.unwrap(), Some((0..=len).collect::<Vec<_>>()));
            let meta = Larder::new(memory).get_meta("log").await.unwrap().unwrap();
            assert_eq!((meta.kind(), meta.rev()), (Kind::AppendLog, len + 2));
        });
    }
}

#[test]
fn appending_rewrites_nothing_and_shares_its_writes() {
    let memory = Memory::new();
    let larder = Larder::new(memory.clone());
    pollster::block_on(async {
        larder.append("log", &0).await.unwrap();
        let before = versions(&memory);
        let appends = (1..=10).map(|n| {
            let larder = larder.clone();
            async move { larder.append("log", &n).await }
        });
        assert!(join_all(appends).await.into_iter().all(|result| result.is_ok()));
        let after = versions(&memory);
        assert!(before.iter().all(|state| after.contains(state)), "a record was rewritten");
        let log: Vec<i32> = larder.log("log").await.unwrap().unwrap();
        assert_eq!(log.len(), 11);
        assert_eq!(larder.reduce_log("log", 0, |sum, n: i32| sum + n).await.unwrap(), 55);
    });
}

/// Every record with the state that it is in.
fn versions(memory: &Memory) -> Vec<(Key, larder::Version)> {
    let version = |key: Key| {
        let stored = memory.read(&key, larder::Part::Head).wait().unwrap().unwrap();
        (key, stored.version)
    };
    all_keys(memory).into_iter().map(version).collect()
}

#[test]
fn the_records_of_a_log_are_nobodys_keys() {
    let memory = Memory::new();
    let larder = Larder::new(memory.clone());
    pollster::block_on(async {
        larder.append("log", "element").await.unwrap();
        larder.assoc("other", &1).await.unwrap();
        let mut keys: Vec<Key> = larder.keys().try_collect().await.unwrap();
        keys.sort();
        assert_eq!(keys, ["log".into(), Key::from("other")]);
        let inner = all_keys(&memory).into_iter().find(|key| key.as_text().is_none()).unwrap();
        assert_eq!(larder.get::<u64>(&inner).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(larder.dissoc(&inner).await.unwrap_err().kind(), ErrorKind::Invalid);
    });
}

#[test]
fn a_log_that_is_removed_or_replaced_leaves_nothing_behind() {
    let memory = Memory::new();
    let larder = Larder::new(memory.clone());
    pollster::block_on(async {
        for n in 0..5 {
            larder.append("removed", &n).await.unwrap();
            larder.append("replaced", &n).await.unwrap();
            larder.append("overwritten", &n).await.unwrap();
        }
        assert!(larder.dissoc("removed").await.unwrap());
        larder.assoc("replaced", "a document").await.unwrap();
        larder.bassoc("overwritten", "a binary").await.unwrap();
        assert_eq!(all_keys(&memory).len(), 2);
        // A log that is made anew has nothing of the old one.
        larder.append("removed", &7).await.unwrap();
        assert_eq!(larder.log::<i32>("removed").await.unwrap(), Some(vec![7]));
    });
}

#[test]
fn a_log_that_goes_while_it_is_read_is_an_error_and_not_a_short_log() {
    let larder = Larder::new(Memory::new());
    pollster::block_on(async {
        for n in 0..5u64 {
            larder.append("log", &n).await.unwrap();
        }
        let mut elements = larder.log_documents("log").await.unwrap().unwrap();
        assert!(elements.next().await.unwrap().is_ok());
        larder.dissoc("log").await.unwrap();
        let end = elements.by_ref().try_collect::<Vec<_>>().await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::Conflict);
    });
}

#[test]
fn a_log_another_process_removed_is_begun_anew() {
    let memory = Memory::new();
    let (one, other) = (Larder::new(memory.clone()), Larder::new(memory.clone()));
    pollster::block_on(async {
        one.append("log", &1).await.unwrap();
        other.dissoc("log").await.unwrap();
        one.append("log", &2).await.unwrap();
        assert_eq!(other.log::<i32>("log").await.unwrap(), Some(vec![2]));
    });
}

#[test]
fn kinds_are_not_confused() {
    let larder = Larder::new(Memory::new());
    pollster::block_on(async {
        larder.append("log", &1).await.unwrap();
        larder.assoc("document", &1).await.unwrap();
        larder.bassoc("binary", "x").await.unwrap();
        let wrong = |result: larder::Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::WrongKind);
        wrong(larder.get::<u64>("log").await.map(drop));
        wrong(larder.bget("log").await.map(drop));
        wrong(larder.update_in("log", |n: Option<u64>| n.unwrap_or(0)).await.map(drop));
        wrong(larder.append("document", &1).await);
        wrong(larder.append("binary", &1).await);
        wrong(larder.log::<u64>("document").await.map(drop));
        assert_eq!(larder.log::<u64>("absent").await.unwrap(), None);
    });
}

#[test]
fn several_elements_appear_together_and_the_meta_goes_with_the_log() {
    let larder = Larder::new(Memory::new());
    pollster::block_on(async {
        let owned = larder.with_meta(larder::MetaUpdate::new().set("owner", "ada").unwrap());
        owned.append_all("log", 0..5).await.unwrap();
        larder.append("log", &5).await.unwrap();
        assert_eq!(larder.log::<i32>("log").await.unwrap(), Some((0..6).collect::<Vec<_>>()));
        let meta = larder.get_meta("log").await.unwrap().unwrap();
        assert_eq!(meta.get::<String>("owner").unwrap().as_deref(), Some("ada"));
        larder.append_all("empty", std::iter::empty::<i32>()).await.unwrap();
        assert_eq!(larder.log::<i32>("empty").await.unwrap(), Some(vec![]));
    });
}

/// A memory store of which another process removes the log "log" right after a chunk was written to it.
#[derive(Debug)]
struct Raced {
    memory: Memory,
    left: AtomicU32,
}

#[deny(clippy::missing_trait_methods)]
impl Backend for Raced {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        self.memory.read(key, part)
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let is_chunk = key.as_text().is_none();
        let written = self.memory.write(key, record, expect);
        let once = |left: u32| left.checked_sub(1);
        if is_chunk && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, once).is_ok() {
            self.memory.remove(&"log".into(), Expect::Any).wait().unwrap();
        }
        written
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        self.memory.remove(key, expect)
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        self.memory.keys(prefix)
    }

    fn write_batch(&self, writes: Vec<Write>) -> Reply<Batch> {
        self.memory.write_batch(writes)
    }

    fn sync(&self) -> Reply<()> {
        self.memory.sync()
    }

    fn close(&self) -> Reply<()> {
        self.memory.close()
    }

    fn capabilities(&self) -> Capabilities {
        self.memory.capabilities()
    }
}

#[test]
fn what_was_appended_while_the_log_was_removed_is_in_the_log_that_comes_after_it() {
    pollster::block_on(async {
        let memory = Memory::new();
        Larder::new(memory.clone()).append("log", &1).await.unwrap();
        let larder = Larder::new(Raced { memory: memory.clone(), left: AtomicU32::new(3) });
        larder.append("log", &2).await.unwrap();
        let log: Vec<u32> = larder.log("log").await.unwrap().unwrap();
        assert_eq!(log, [2]);
    });
}
