//! Random operations against a model: a map from key to the state and length that must be stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use larder::{
    Backend, Batch, ByteRange, Capabilities, Durability, Expect, Key, Part, Removed, Version, Write, Written,
};

use super::durable::reopened;
use crate::Harness;
use crate::random::Random;
use crate::states::*;

/// What must be stored under a key.
#[derive(Clone, Debug)]
struct Model {
    n: u64,
    len: usize,
    version: Version,
}

#[derive(Default)]
struct World {
    there: BTreeMap<Key, Model>,
    /// Versions of states that are gone.
    stale: Vec<Version>,
    states: u64,
}

/// Random reads, writes, removals, batches and listings, and reopening if the backend is durable: every
/// answer is the one that a map would give.
pub fn random_operations_answer_like_a_map<H: Harness>(harness: &H) {
    const OPERATIONS: usize = 600;
    let mut random = Random::seeded();
    let mut store = open(harness);
    let capabilities = store.capabilities();
    let keys: Vec<Key> = crate::keys::all().into_iter().step_by(12).chain(["a".into(), "b".into()]).collect();
    let mut world = World::default();
    harness.block_on(async {
        for operation in 0..OPERATIONS {
            let key = random.pick(&keys);
            match random.below(100) {
                0..40 => write(&*store, &mut world, &mut random, key).await,
                40..55 => remove(&*store, &mut world, &mut random, key).await,
                55..80 => read(&*store, &world, &mut random, key).await,
                80..90 if capabilities.batches => batch(&*store, &mut world, &mut random, &keys).await,
                90..95 => list(&*store, &world, &mut random).await,
                _ if random.chance(8) => reopen(harness, &mut store, &mut world, &capabilities).await,
                _ => store.sync().await.unwrap(),
            }
            if operation % 100 == 99 {
                agrees(&*store, &world, &keys).await;
            }
        }
        reopen(harness, &mut store, &mut world, &capabilities).await;
        agrees(&*store, &world, &keys).await;
    });
}

impl World {
    /// An expectation that may or may not hold, and whether it does.
    fn expectation(&self, random: &mut Random, key: &Key) -> (Expect, bool) {
        let there = self.there.get(key);
        match random.below(4) {
            0 => (Expect::Absent, there.is_none()),
            1 => match there {
                Some(model) => (Expect::Version(model.version.clone()), true),
                None => (Expect::Any, true),
            },
            2 if !self.stale.is_empty() => (Expect::Version(random.pick(&self.stale).clone()), false),
            _ => (Expect::Any, true),
        }
    }

    fn new_state(&mut self, random: &mut Random) -> (u64, usize) {
        const LENGTHS: [usize; 7] = [0, 1, 30, 500, 4096, 10_000, 70_000];
        self.states += 1;
        (self.states, *random.pick(&LENGTHS) + random.below(9))
    }

    fn set(&mut self, key: &Key, model: Option<Model>) {
        let old = match model {
            Some(model) => self.there.insert(key.clone(), model),
            None => self.there.remove(key),
        };
        self.stale.extend(old.map(|old| old.version));
    }
}

async fn write<B: Backend>(store: &B, world: &mut World, random: &mut Random, key: &Key) {
    let (expect, holds) = world.expectation(random, key);
    let (n, len) = world.new_state(random);
    let record = if random.chance(3) { streamed_state(key, n, len, 3000) } else { state(key, n, len) };
    match store.write(key, record, expect.clone()).await.unwrap() {
        Written::Done(version) => {
            assert!(holds, "a write of {key} under {expect:?} was done, and is unmet");
            world.set(key, Some(Model { n, len, version }));
        }
        Written::Unmet => assert!(!holds, "a write of {key} under {expect:?} was unmet, and holds"),
    }
}

async fn remove<B: Backend>(store: &B, world: &mut World, random: &mut Random, key: &Key) {
    let (expect, holds) = world.expectation(random, key);
    let expected = match (holds, world.there.contains_key(key)) {
        (false, _) => Removed::Unmet,
        (true, true) => Removed::Done,
        (true, false) => Removed::Absent,
    };
    assert_eq!(
        store.remove(key, expect.clone()).await.unwrap(),
        expected,
        "a removal of {key} under {expect:?}"
    );
    if holds {
        world.set(key, None);
    }
}

async fn read<B: Backend>(store: &B, world: &World, random: &mut Random, key: &Key) {
    let part = match random.below(3) {
        0 => Part::All,
        1 => Part::Head,
        _ => {
            let start = random.below(6000) as u64;
            Part::Range(ByteRange::new(start..start + random.below(6000) as u64).unwrap())
        }
    };
    let stored = store.read(key, part).await.unwrap();
    let Some(model) = world.there.get(key) else {
        assert!(stored.is_none(), "{key} is absent");
        return;
    };
    let stored = stored.unwrap_or_else(|| panic!("{key} is there"));
    assert_eq!(state_of_head(key, &stored.head), model.n);
    assert_eq!(stored.head.size(), Some(model.len as u64));
    assert_eq!(stored.version, model.version, "the version of {key}");
    let (start, end) = match part {
        Part::All => (0, model.len as u64),
        Part::Head => (0, 0),
        Part::Range(range) => range.within(model.len as u64),
    };
    let bytes = bytes_of(stored.data).await.unwrap();
    assert!(bytes == data_of(model.n, model.len).slice(start as usize..end as usize), "{part:?} of {key}");
}

async fn batch<B: Backend>(store: &B, world: &mut World, random: &mut Random, keys: &[Key]) {
    let mut chosen: Vec<Key> = (0..1 + random.below(5)).map(|_| random.pick(keys).clone()).collect();
    chosen.sort();
    chosen.dedup();
    let (mut writes, mut changes, mut all_hold, mut before) = (Vec::new(), Vec::new(), true, Vec::new());
    for key in chosen {
        // Mostly those that hold, or hardly any batch would be done.
        let (expect, holds) = match random.chance(8) {
            true => world.expectation(random, &key),
            false => (Expect::Any, true),
        };
        all_hold &= holds;
        before.push(world.there.contains_key(&key));
        let new = (!random.chance(4)).then(|| world.new_state(random));
        let record = new.map(|(n, len)| state(&key, n, len));
        writes.push(Write { key: key.clone(), record, expect });
        changes.push((key, new));
    }
    match store.write_batch(writes).await.unwrap() {
        Batch::Unmet => assert!(!all_hold, "a batch was unmet, and every expectation holds"),
        Batch::Done(were_there) => {
            assert!(all_hold, "a batch was done, and one of its expectations does not hold");
            assert_eq!(were_there, before);
            for (key, new) in changes {
                let model = match new {
                    Some((n, len)) => Some(Model { n, len, version: version(store, &key).await }),
                    None => None,
                };
                world.set(&key, model);
            }
        }
    }
}

async fn list<B: Backend>(store: &B, world: &World, random: &mut Random) {
    let prefix = *random.pick(&[None, Some("a"), Some("n"), Some("")]);
    let selected =
        |key: &&Key| prefix.is_none_or(|prefix| key.as_text().is_some_and(|text| text.starts_with(prefix)));
    let expected: Vec<Key> = world.there.keys().filter(selected).cloned().collect();
    assert_eq!(listed(store, prefix).await, expected, "with the prefix {prefix:?}");
}

/// Closes and opens a durable store. Versions need not outlive the handle that gave them.
async fn reopen<H: Harness>(
    harness: &H,
    store: &mut Arc<H::Backend>,
    world: &mut World,
    capabilities: &Capabilities,
) {
    if capabilities.durability > Durability::Volatile {
        *store = Arc::new(reopened(harness, &**store).await);
        world.stale.clear();
        for (key, model) in &mut world.there {
            model.version = version(&**store, key).await;
        }
    }
}

/// Everything that the model has is stored, and nothing else.
async fn agrees<B: Backend>(store: &B, world: &World, keys: &[Key]) {
    for key in keys {
        assert_eq!(now(store, key).await, world.there.get(key).map(|model| model.n), "{key}");
    }
    assert_eq!(listed(store, None).await, world.there.keys().cloned().collect::<Vec<_>>());
}
