//! Random operations, against a map.

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

use super::super::Found;
use super::*;

#[derive(Clone, Debug)]
enum Step {
    Put(u16),
    Remove(u16),
    /// So many changes at once, from this one on.
    Batch(u16, u8),
    Checkpoint,
    Reopen,
    /// Loads the shard of a key.
    Find(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..300u16).prop_map(Step::Put),
        6 => (0..300u16).prop_map(Step::Remove),
        3 => (0..300u16, 1..80u8).prop_map(|(first, count)| Step::Batch(first, count)),
        1 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        2 => (0..300u16).prop_map(Step::Find),
    ]
}

/// Keys of many kinds and lengths.
fn bytes(number: u16) -> Vec<u8> {
    let key = match number % 5 {
        0 => Key::from(u64::from(number) * 1000),
        1 => Key::from("x".repeat(usize::from(number))),
        2 => Key::bytes(&number.to_be_bytes()),
        3 => Key::array([Key::from(u64::from(number)), Key::null()]),
        _ => key(u32::from(number)),
    };
    key.as_cbor().to_vec()
}

fn run(steps: &[Step], hasher: Option<fn(&[u8], u64) -> u64>) {
    let made = |index: Index| match hasher {
        Some(hasher) => index.hashing(hasher),
        None => index,
    };
    let disk = disk();
    let mut index = made(Index::new(SALT));
    let (mut model, mut stored, mut number, mut unit) = (Model::new(), Model::new(), 0, 0);
    for step in steps {
        match step {
            Step::Put(which) => {
                unit += 1;
                let key = bytes(*which);
                let old = model.insert(key.clone(), at(1, unit));
                index.set(&key, old, Some(at(1, unit)));
            }
            Step::Remove(which) => {
                let key = bytes(*which);
                let old = model.remove(&key);
                index.set(&key, old, None);
            }
            Step::Batch(first, count) => {
                let keys: Vec<Vec<u8>> = (*first..*first + u16::from(*count)).map(bytes).collect();
                let mut changes = Vec::new();
                for key in &keys {
                    unit += 1;
                    let new = (unit % 3 > 0).then(|| at(2, unit));
                    let old = match new {
                        Some(new) => model.insert(key.clone(), new),
                        None => model.remove(key),
                    };
                    changes.push(Change { hash: index.hash(key), key, old, new });
                }
                index.apply(&changes).unwrap();
            }
            Step::Checkpoint => {
                number += 1;
                write(&index, &disk, number);
                stored = model.clone();
            }
            Step::Reopen if number > 0 => {
                let opened = open(&disk);
                assert_eq!(opened.number, number);
                index = made(opened.index);
                model = stored.clone();
            }
            Step::Reopen => {}
            Step::Find(which) => {
                let hash = index.hash(&bytes(*which));
                let found = index.find_waiting(hash).unwrap();
                assert_ne!(found, Found::NotLoaded);
                assert_eq!(found, index.find(hash));
            }
        }
        assert_eq!(index.len(), model.len() as u64);
    }
    index.assert_sound();
    index.compare(&model).unwrap();
    // Once more from its own checkpoint.
    write(&index, &disk, number + 1);
    index.compare(&model).unwrap();
    made(open(&disk).index).compare(&model).unwrap();
}

/// A seed that fails is printed and kept beside the test.
fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 60,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn it_holds_what_a_map_holds(steps in prop::collection::vec(step(), 1..200)) {
        run(&steps, None);
    }

    #[test]
    fn it_holds_what_a_map_holds_when_hashes_collide(steps in prop::collection::vec(step(), 1..120)) {
        run(&steps, Some(few_hashes));
    }

    #[test]
    fn it_holds_what_a_map_holds_when_all_are_in_one_shard(steps in prop::collection::vec(step(), 1..200)) {
        run(&steps, Some(one_shard));
    }
}
