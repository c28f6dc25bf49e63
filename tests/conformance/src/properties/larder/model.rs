//! Random operations of the handle against a model: a map from key to value.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use larder::{Backend, Change, Document, Durability, ErrorKind, Key, Kind, Larder, MetaUpdate, Result};

use crate::Harness;
use crate::handle::{document, larder};
use crate::random::Random;
use crate::value::{Segment, Value, path};

/// What must be stored under a key, and how often it was written.
#[derive(Clone, Debug)]
struct Entry {
    stored: Stored,
    rev: u64,
}

#[derive(Clone, Debug)]
enum Stored {
    Document(Value),
    Binary(Vec<u8>),
}

type Model = BTreeMap<Key, Entry>;

/// Random operations on documents and binaries, at any path, and reopening if the backend is durable:
/// every answer is the one that a map of trees would give.
pub fn random_operations_answer_like_a_map_of_trees<H: Harness>(harness: &H) {
    const OPERATIONS: usize = 500;
    let mut random = Random::seeded();
    let (mut larder, backend) = larder(harness);
    let durable = backend.capabilities().durability > Durability::Volatile;
    let keys: Vec<Key> = ["a".into(), "b".into(), 7.into(), Key::null(), "../d".into()].into();
    let mut model = Model::new();
    harness.block_on(async {
        for operation in 0..OPERATIONS {
            let key = random.pick(&keys).clone();
            match random.below(20) {
                0..3 => assoc(&larder, &mut model, &mut random, &key).await,
                3..8 => assoc_in(&larder, &mut model, &mut random, &key).await,
                8..12 => update_in(&larder, &mut model, &mut random, &key).await,
                12..15 => dissoc_in(&larder, &mut model, &mut random, &key).await,
                15 => assert_eq!(larder.dissoc(&key).await.unwrap(), model.remove(&key).is_some()),
                16 => {
                    let len = random.below(2000);
                    let bytes = random.bytes(len);
                    larder.bassoc(&key, bytes.clone()).await.unwrap();
                    put(&mut model, &key, Stored::Binary(bytes));
                }
                17..19 => get_in(&larder, &model, &mut random, &key).await,
                _ if durable && random.chance(8) => {
                    larder.close().await.unwrap();
                    let again =
                        harness.reopen().await.expect("a harness of a durable backend implements `reopen`");
                    larder = Larder::new(again.expect("the store opens again"));
                }
                _ => agrees(&larder, &model, &keys).await,
            }
            if operation % 10 == 0 {
                agrees(&larder, &model, &keys).await;
            }
        }
        agrees(&larder, &model, &keys).await;
    });
}

fn put(model: &mut Model, key: &Key, stored: Stored) {
    let rev = model.get(key).map_or(0, |entry| entry.rev) + 1;
    model.insert(key.clone(), Entry { stored, rev });
}

/// A path, mostly one that leads somewhere in what is stored.
fn some_path(model: &Model, random: &mut Random, key: &Key) -> Vec<Segment> {
    match model.get(key).map(|entry| &entry.stored) {
        Some(Stored::Document(value)) => value.random_path(random),
        _ => (0..random.below(4)).map(|_| Segment::random(random)).collect(),
    }
}

/// What the model makes of a value at a path: the new document, or the kind of failure.
fn assoced(model: &Model, key: &Key, segments: &[Segment], value: &Value) -> Result<Value, ErrorKind> {
    match model.get(key).map(|entry| &entry.stored) {
        None => Ok(Value::nested(segments, value.clone())),
        Some(Stored::Binary(_)) => Err(ErrorKind::WrongKind),
        Some(Stored::Document(document)) => {
            let mut document = document.clone();
            match document.assoc_in(segments, value.clone()) {
                Ok(()) => Ok(document),
                Err(crate::value::InvalidPath) => Err(ErrorKind::InvalidPath),
            }
        }
    }
}

async fn assoc(larder: &Larder, model: &mut Model, random: &mut Random, key: &Key) {
    let value = Value::random(random, 3);
    larder.assoc(key, &value).await.unwrap();
    put(model, key, Stored::Document(value));
}

async fn assoc_in(larder: &Larder, model: &mut Model, random: &mut Random, key: &Key) {
    let mut segments = some_path(model, random, key);
    if segments.is_empty() {
        segments.push(Segment::random(random));
    }
    let value = Value::random(random, 2);
    let answer = larder.assoc_in(path(key, &segments), &value).await;
    match assoced(model, key, &segments, &value) {
        Ok(document) => {
            answer.unwrap();
            put(model, key, Stored::Document(document));
        }
        Err(kind) => assert_eq!(answer.unwrap_err().kind(), kind, "{}", path(key, &segments)),
    }
}

async fn update_in(larder: &Larder, model: &mut Model, random: &mut Random, key: &Key) {
    let segments = some_path(model, random, key);
    let value = Value::random(random, 2);
    let old = match model.get(key).map(|entry| &entry.stored) {
        Some(Stored::Document(stored)) => stored.get_in(&segments).map(document),
        _ => None,
    };
    let new = document(&value);
    let (seen, set) = (std::sync::Arc::new(std::sync::Mutex::new(None)), new.clone());
    let shown = std::sync::Arc::clone(&seen);
    let update = Box::new(move |old: Option<Document>| {
        *shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(old);
        Ok(Change::Set(set.clone()))
    });
    let answer = larder.store().update_in(&path(key, &segments), update, MetaUpdate::new()).await;
    match assoced(model, key, &segments, &value) {
        Ok(stored) => {
            assert_eq!(answer.unwrap(), (old.clone(), Some(new)), "{}", path(key, &segments));
            let seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
            assert_eq!(seen, Some(old), "the closure was given what stands there");
            put(model, key, Stored::Document(stored));
        }
        Err(kind) => assert_eq!(answer.unwrap_err().kind(), kind, "{}", path(key, &segments)),
    }
}

async fn dissoc_in(larder: &Larder, model: &mut Model, random: &mut Random, key: &Key) {
    let segments = some_path(model, random, key);
    let answer = larder.dissoc_in(path(key, &segments)).await;
    if segments.is_empty() {
        assert_eq!(answer.unwrap(), model.remove(key).is_some());
        return;
    }
    match model.get(key).map(|entry| entry.stored.clone()) {
        None => assert!(!answer.unwrap()),
        Some(Stored::Binary(_)) => assert_eq!(answer.unwrap_err().kind(), ErrorKind::WrongKind),
        Some(Stored::Document(mut value)) => {
            let there = value.dissoc_in(&segments);
            assert_eq!(answer.unwrap(), there, "{}", path(key, &segments));
            if there {
                put(model, key, Stored::Document(value));
            }
        }
    }
}

async fn get_in(larder: &Larder, model: &Model, random: &mut Random, key: &Key) {
    let segments = some_path(model, random, key);
    let answer = larder.get_in::<Document>(path(key, &segments)).await;
    match model.get(key).map(|entry| &entry.stored) {
        None => assert_eq!(answer.unwrap(), None),
        Some(Stored::Binary(_)) => assert_eq!(answer.unwrap_err().kind(), ErrorKind::WrongKind),
        Some(Stored::Document(value)) => {
            assert_eq!(answer.unwrap(), value.get_in(&segments).map(document), "{}", path(key, &segments));
        }
    }
}

/// Everything that the model has is stored, and nothing else.
async fn agrees(larder: &Larder, model: &Model, keys: &[Key]) {
    for key in keys {
        let meta = larder.get_meta(key).await.unwrap();
        assert_eq!(meta.as_ref().map(larder::Meta::rev), model.get(key).map(|entry| entry.rev), "{key}");
        match model.get(key).map(|entry| &entry.stored) {
            None => assert!(!larder.exists(key).await.unwrap()),
            Some(Stored::Document(value)) => {
                assert_eq!(larder.get_document(key).await.unwrap(), Some(document(value)), "{key}");
            }
            Some(Stored::Binary(bytes)) => {
                assert_eq!(meta.map(|meta| meta.kind()), Some(Kind::Binary));
                let read = larder.bget(key).await.unwrap().unwrap().bytes().await.unwrap();
                assert!(read == *bytes, "{key}");
            }
        }
    }
    let mut listed: Vec<Key> = larder.keys().try_collect().await.unwrap();
    listed.sort();
    assert_eq!(listed, model.keys().cloned().collect::<Vec<_>>());
}
