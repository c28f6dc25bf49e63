//! A backend of one's own: a sorted map behind a mutex. Eight methods, and the conformance suite to
//! prove them; `docs/backends.md` walks through it.
//!
//! `cargo run --example own_backend`

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use larder::{
    Backend, Batch, Bytes, Capabilities, Data, DataSum, Error, ErrorKind, Expect, Head, Key, Keys, Larder,
    Part, Record, Removed, Reply, Result, Stored, Version, Write, Written, path,
};

/// Records in a sorted map. Clones share it.
#[derive(Clone, Debug, Default)]
struct Sorted(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    records: BTreeMap<Key, (Head, Bytes, u64)>,
    writes: u64,
    closed: bool,
}

impl Sorted {
    /// Runs `work` on the map, unless the store was closed.
    fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T>) -> Result<T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return Err(Error::closed());
        }
        work(&mut state)
    }

    fn put(&self, key: Key, head: Head, data: Bytes, expect: Expect) -> Result<Written> {
        self.with(|state| {
            if !state.holds(&key, &expect) {
                return Ok(Written::Unmet);
            }
            state.writes += 1;
            let version = state.writes;
            state.records.insert(key, (head, data, version));
            Ok(Written::Done(version.into()))
        })
    }
}

impl State {
    /// Whether the expectation holds at this moment.
    fn holds(&self, key: &Key, expect: &Expect) -> bool {
        let present = self.records.get(key).map(|(.., version)| Version::from(*version));
        match expect {
            Expect::Any => true,
            Expect::Absent => present.is_none(),
            Expect::Version(version) => present.as_ref() == Some(version),
        }
    }
}

impl Backend for Sorted {
    fn read(&self, key: &Key, part: Part) -> Reply<Option<Stored>> {
        Reply::ready(self.with(|state| {
            Ok(state.records.get(key).map(|(head, data, version)| Stored {
                head: head.clone(),
                data: match part {
                    Part::All => Data::Bytes(data.clone()),
                    Part::Head => Data::None,
                    Part::Range(range) => {
                        let (start, end) = range.within(data.len() as u64);
                        Data::Bytes(data.slice(start as usize..end as usize))
                    }
                },
                version: (*version).into(),
                verified: true,
            }))
        }))
    }

    fn write(&self, key: &Key, record: Record, expect: Expect) -> Reply<Written> {
        let (this, key) = (self.clone(), key.clone());
        match record.into_parts() {
            (head, Data::Stream(chunks)) => Reply::future(async move {
                let data: Bytes = chunks.try_collect::<Vec<Bytes>>().await?.concat().into();
                this.put(key, head.seal(&DataSum::of(&data)), data, expect)
            }),
            (head, Data::Bytes(data)) => Reply::ready(this.put(key, head, data, expect)),
            (head, Data::None) => Reply::ready(this.put(key, head, Bytes::new(), expect)),
        }
    }

    fn remove(&self, key: &Key, expect: Expect) -> Reply<Removed> {
        Reply::ready(self.with(|state| {
            Ok(match (state.holds(key, &expect), state.records.contains_key(key)) {
                (false, _) => Removed::Unmet,
                (true, false) => Removed::Absent,
                (true, true) => {
                    state.records.remove(key);
                    Removed::Done
                }
            })
        }))
    }

    fn keys(&self, prefix: Option<&str>) -> Keys {
        // One key at a time, each the next after the last: no lock is held in between, and what is
        // present all the while appears exactly once.
        let (this, prefix) = (self.clone(), prefix.map(str::to_owned));
        let next = move |last: Option<Key>| {
            use std::ops::Bound::{Excluded, Unbounded};
            let from = last.map_or(Unbounded, Excluded);
            let found = this
                .with(|state| Ok(state.records.range((from, Unbounded)).next().map(|(key, _)| key.clone())));
            found.transpose()
        };
        stream::unfold(Some(None), move |last| {
            let key = last.and_then(&next);
            let state = key.as_ref().and_then(|key| key.as_ref().ok().cloned()).map(Some);
            std::future::ready(key.map(|key| (key, state)))
        })
        .try_filter(move |key| {
            let wanted = prefix
                .as_deref()
                .is_none_or(|prefix| key.as_text().is_some_and(|text| text.starts_with(prefix)));
            std::future::ready(wanted)
        })
        .boxed()
        .into()
    }

    fn write_batch(&self, _writes: Vec<Write>) -> Reply<Batch> {
        Reply::ready(Err(Error::new(ErrorKind::Unsupported, "this backend has no batches")))
    }

    fn sync(&self) -> Reply<()> {
        Reply::ready(self.with(|_| Ok(())))
    }

    fn close(&self) -> Reply<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { closed: true, ..State::default() };
        Reply::ready(Ok(()))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new("sorted")
    }
}

pub(crate) fn main() {
    let larder = Larder::new(Sorted::default()).blocking();
    larder.assoc_in(path!["ada", "born"], &1815).expect("a map in memory does not fail");
    let (_, born) =
        larder.update_in(path!["ada", "born"], |year: Option<u64>| year.unwrap_or(0) + 1).expect("nor here");
    println!("a backend of one's own says {born}");
    assert_eq!(born, 1816);
}
