//! Damage at rest, as an application sees it: reported, never delivered, and healed by writing.

use larder::{Backend, Durability, Error, ErrorKind, Key, Larder, Result};

use crate::handle::{fails, larder};
use crate::random::Random;
use crate::{Harness, Tamper};

fn durable_larder<H: Harness>(harness: &H) -> Option<(Larder, Box<dyn Tamper + '_>)> {
    let (larder, backend) = larder(harness);
    if backend.capabilities().durability == Durability::Volatile {
        return None;
    }
    let tamper = harness.tamper().expect("a harness of a durable backend implements `tamper`");
    Some((larder, tamper))
}

/// The answer is the right one, or the damage is reported as what it is and where.
#[track_caller]
fn right_or_reported<T: PartialEq + std::fmt::Debug>(what: &str, answer: Result<T>, right: &T) {
    match answer {
        Ok(answer) => assert_eq!(answer, *right, "{what}"),
        Err(error) => reported(what, &error),
    }
}

#[track_caller]
fn reported(what: &str, error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
    assert!(error.backend().is_some() && error.key().is_some(), "{what}: backend and key are named: {error}");
}

/// Of a document and a binary, every byte at rest: no operation ever gives a wrong answer.
pub fn damage_is_never_delivered<H: Harness>(harness: &H) {
    let Some((larder, tamper)) = durable_larder(harness) else { return };
    let mut random = Random::seeded();
    harness.block_on(async {
        let (text, bytes) = ("a document".to_owned(), b"the bytes of a binary".to_vec());
        larder.assoc("document", &text).await.unwrap();
        larder.bassoc("binary", bytes.clone()).await.unwrap();
        let meta = larder.get_meta("document").await.unwrap();
        larder.sync().await.unwrap();
        for name in ["document", "binary"] {
            let key = Key::from(name);
            let whole = tamper.bytes(&key);
            for at in 0..whole.len() {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << random.below(8);
                assert!(tamper.replace(&key, &damaged));
                let what = format!("{name}, byte {at} is {:02x}, was {:02x}", damaged[at], whole[at]);
                right_or_reported(&what, larder.exists(&key).await, &true);
                if name == "document" {
                    right_or_reported(&what, larder.get::<String>(&key).await, &Some(text.clone()));
                    right_or_reported(&what, larder.get_in::<String>(&key).await, &Some(text.clone()));
                    right_or_reported(&what, larder.get_meta(&key).await, &meta);
                } else {
                    let read = async { larder.bget(&key).await?.expect("a binary").bytes().await };
                    right_or_reported(&what, read.await.map(|read| read.to_vec()), &bytes);
                }
            }
            assert!(tamper.replace(&key, &whole));
        }
        assert_eq!(larder.get::<String>("document").await.unwrap(), Some(text));
    });
}

/// What is damaged is not updated, but it can be replaced and removed.
pub fn what_is_damaged_can_be_replaced_and_not_updated<H: Harness>(harness: &H) {
    let Some((larder, tamper)) = durable_larder(harness) else { return };
    harness.block_on(async {
        let key = Key::from("ada");
        let visit = |n: Option<u64>| n.unwrap_or(0) + 1;
        for heal in 0..3 {
            larder.bassoc("ada", "a longer record that goes").await.unwrap();
            larder.assoc("ada", &1).await.unwrap();
            larder.update_in("ada", visit).await.unwrap();
            larder.sync().await.unwrap();
            let mut bytes = tamper.bytes(&key);
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x55;
            assert!(tamper.replace(&key, &bytes));
            reported("get", &fails(larder.get::<u64>("ada").await, ErrorKind::Corrupt));
            match heal {
                0 => larder.assoc("ada", &7).await.unwrap(),
                1 => {
                    assert!(larder.dissoc("ada").await.unwrap(), "what was removed was there");
                    assert!(!larder.exists("ada").await.unwrap());
                    larder.assoc("ada", &7).await.unwrap();
                }
                _ => {
                    larder.bassoc("ada", "bytes").await.unwrap();
                    larder.assoc("ada", &7).await.unwrap();
                }
            }
            assert_eq!(larder.get::<u64>("ada").await.unwrap(), Some(7));
            assert_eq!(larder.update_in("ada", visit).await.unwrap(), (Some(7), 8));
        }
    });
}
