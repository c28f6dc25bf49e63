//! Damage at rest: whatever byte of a record is changed, the read reports it, or the record comes
//! back as it was. Never other data, never a panic, and the rest of the store is untouched.

use futures::StreamExt;
use larder::{Backend, ByteRange, DataSum, Durability, ErrorKind, Expect, Key, Part, Record, Removed};

use crate::random::Random;
use crate::states::*;
use crate::{Harness, Tamper};

/// The record, its neighbour, and access to what is at rest.
struct Scene<'a, B> {
    store: &'a B,
    tamper: Box<dyn Tamper + 'a>,
    key: Key,
    neighbour: Key,
    /// The record as it was written.
    whole: Record,
}

const LEN: usize = 40;

impl<B: Backend> Scene<'_, B> {
    /// Checks every way of reading the damaged record.
    async fn is_reported_or_harmless(&self, what: &str) {
        for part in [Part::All, Part::Head, Part::Range(ByteRange::new(5..25).unwrap())] {
            let stored = match self.store.read(&self.key, part).await {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}, {part:?}: {error}");
                    assert!(!error.to_string().contains('\n'));
                    continue;
                }
                Ok(None) => panic!("{what}, {part:?}: the damaged record is taken for an absent one"),
                Ok(Some(stored)) => stored,
            };
            assert_eq!(
                stored.head,
                *self.whole.head(),
                "{what}, {part:?}: another head is delivered as verified"
            );
            // A range proves its head only; of the whole, the head must be able to vouch.
            if part == Part::All {
                let verified = stored.verified;
                match bytes_of(stored.data).await {
                    Ok(bytes) if bytes == data_of(1, LEN) => {}
                    Ok(bytes) => {
                        assert!(!verified, "{what}: other data is delivered as verified");
                        stored.head.vouch(&DataSum::of(&bytes)).expect_err("other data has another checksum");
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
                }
            }
        }
    }

    /// The listing still names the record, or reports it, and nothing that was never written.
    async fn is_listed_or_reported(&self, what: &str) {
        let listing: Vec<_> = self.store.keys(None).collect().await;
        assert!(listing.iter().any(|key| key.as_ref().ok() == Some(&self.neighbour)), "{what}");
        for key in listing {
            match key {
                Ok(key) => {
                    assert!(key == self.key || key == self.neighbour, "{what}: {key} was never written")
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
            }
        }
    }
}

fn with_scene<H: Harness>(harness: &H, check: impl AsyncFnOnce(&Scene<'_, H::Backend>)) {
    let store = open(harness);
    if store.capabilities().durability == Durability::Volatile {
        return;
    }
    let tamper = harness.tamper().expect("a harness of a durable backend implements `tamper`");
    harness.block_on(async {
        let (key, neighbour) = (Key::from("damaged"), Key::from("neighbour"));
        put_len(&*store, &neighbour, 9, LEN).await;
        let whole = state(&key, 1, LEN);
        done(store.write(&key, state(&key, 1, LEN), Expect::Any).await.unwrap());
        store.sync().await.unwrap();
        let scene = Scene { store: &*store, tamper, key, neighbour, whole };
        check(&scene).await;
        assert_eq!(now(&*store, &scene.neighbour).await, Some(9), "the neighbour is untouched");
    });
}

/// Every byte of a stored record, changed in one bit, in all, and to zero.
pub fn damage_to_any_byte_is_reported_or_harmless<H: Harness>(harness: &H) {
    let mut random = Random::seeded();
    with_scene(harness, async |scene| {
        let whole = scene.tamper.bytes(&scene.key);
        assert!(whole.len() > LEN, "`Tamper::bytes` gives the whole record at rest");
        for at in 0..whole.len() {
            for damaged in [whole[at] ^ (1 << random.below(8)), !whole[at], 0] {
                if damaged == whole[at] {
                    continue;
                }
                let mut bytes = whole.clone();
                bytes[at] = damaged;
                assert!(scene.tamper.replace(&scene.key, &bytes), "bytes of the same length can be put back");
                let what = format!("byte {at} was {:02x} and is {damaged:02x}", whole[at]);
                scene.is_reported_or_harmless(&what).await;
                if at % 8 == 0 {
                    scene.is_listed_or_reported(&what).await;
                }
            }
        }
        assert!(scene.tamper.replace(&scene.key, &whole));
        assert_eq!(now(scene.store, &scene.key).await, Some(1), "what was put back is whole again");
    });
}

/// Runs of bytes overwritten, and bytes exchanged.
pub fn damage_to_many_bytes_is_reported_or_harmless<H: Harness>(harness: &H) {
    let mut random = Random::seeded();
    with_scene(harness, async |scene| {
        let whole = scene.tamper.bytes(&scene.key);
        for round in 0..200 {
            let mut bytes = whole.clone();
            let (start, len) = (random.below(bytes.len()), 1 + random.below(64));
            let end = bytes.len().min(start + len);
            match round % 3 {
                0 => bytes[start..end].fill(0),
                1 => bytes[start..end].copy_from_slice(&random.bytes(end - start)),
                _ => bytes[start..end].reverse(),
            }
            assert!(scene.tamper.replace(&scene.key, &bytes));
            scene.is_reported_or_harmless(&format!("bytes {start}..{end} were overwritten")).await;
        }
        assert!(scene.tamper.replace(&scene.key, &whole));
        assert_eq!(now(scene.store, &scene.key).await, Some(1));
    });
}

/// A record cut off at every length.
pub fn a_record_that_is_cut_off_is_reported<H: Harness>(harness: &H) {
    with_scene(harness, async |scene| {
        let whole = scene.tamper.bytes(&scene.key);
        for len in (0..whole.len()).rev() {
            if !scene.tamper.replace(&scene.key, &whole[..len]) {
                // The storage cannot express it: it keeps the length apart from the bytes.
                break;
            }
            scene.is_reported_or_harmless(&format!("cut off after {len} of {} bytes", whole.len())).await;
        }
    });
}

/// A damaged record can be replaced and removed: that is how it is healed.
pub fn a_damaged_record_can_be_replaced_and_removed<H: Harness>(harness: &H) {
    with_scene(harness, async |scene| {
        let (store, key) = (scene.store, &scene.key);
        for at in [0, 3, 40, LEN] {
            let damage = || {
                let mut bytes = scene.tamper.bytes(key);
                bytes[at] ^= 0xff;
                assert!(scene.tamper.replace(key, &bytes));
            };
            damage();
            done(store.write(key, state(key, 1, LEN), Expect::Any).await.unwrap());
            assert_eq!(now(store, key).await, Some(1), "a damaged record was replaced");
            store.sync().await.unwrap();
            damage();
            assert_eq!(store.remove(key, Expect::Any).await.unwrap(), Removed::Done);
            assert_eq!(now(store, key).await, None, "a damaged record was removed");
            done(store.write(key, state(key, 1, LEN), Expect::Absent).await.unwrap());
            store.sync().await.unwrap();
        }
    });
}

/// The head of a record whose data is damaged can still be read: it is read without its data.
pub fn a_head_is_read_though_its_data_is_damaged<H: Harness>(harness: &H) {
    with_scene(harness, async |scene| {
        let (whole, data) = (scene.tamper.bytes(&scene.key), data_of(1, LEN));
        // Of data that is encoded at rest in some way, nobody here can tell where it stands.
        let Some(at) = whole.windows(LEN).position(|window| window == data) else { return };
        for damaged in [at, at + LEN / 2, at + LEN - 1] {
            let mut bytes = whole.clone();
            bytes[damaged] ^= 0xff;
            assert!(scene.tamper.replace(&scene.key, &bytes));
            let head = scene.store.read(&scene.key, Part::Head).await;
            let head = head.expect("the damage is in the data alone").expect("the record is there");
            assert_eq!(head.head, *scene.whole.head());
        }
        assert!(scene.tamper.replace(&scene.key, &whole));
    });
}
