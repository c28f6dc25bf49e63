//! What is particular to the memory backend. Everything else is in the conformance suite, whose tests
//! run on it.

use futures::{StreamExt, TryStreamExt};
use larder::{
    Backend, Bytes, Data, ErrorKind, Expect, Key, Kind, Meta, Part, Record, Removed, Timestamp, Written,
};
use larder_memory::Memory;

fn record(key: &Key, data: impl Into<Bytes>) -> Record {
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1));
    Record::new(&meta, data.into()).unwrap()
}

fn put(memory: &Memory, key: &Key, data: impl Into<Bytes>) {
    let written = memory.write(key, record(key, data), Expect::Any).wait().unwrap();
    assert!(matches!(written, Written::Done(_)));
}

fn bytes(memory: &Memory, key: &Key) -> Option<Bytes> {
    match memory.read(key, Part::All).wait().unwrap()?.data {
        Data::Bytes(bytes) => Some(bytes),
        other => panic!("memory answers with {other:?}"),
    }
}

#[test]
fn a_read_shares_the_bytes_that_were_written() {
    let (memory, key) = (Memory::new(), Key::from("ada"));
    let data = Bytes::from(vec![7; 1000]);
    put(&memory, &key, data.clone());
    assert_eq!(bytes(&memory, &key).unwrap().as_ptr(), data.as_ptr());
    let part = Part::Range(larder::ByteRange::new(10..20).unwrap());
    let Data::Bytes(range) = memory.read(&key, part).wait().unwrap().unwrap().data else {
        panic!("memory answers with bytes");
    };
    assert_eq!(range.as_ptr(), data[10..].as_ptr());
}

#[test]
fn everything_but_a_stream_is_answered_at_once() {
    let (memory, key) = (Memory::new(), Key::from("ada"));
    assert!(memory.write(&key, record(&key, "data"), Expect::Any).is_ready());
    assert!(memory.read(&key, Part::All).is_ready());
    assert!(memory.remove(&key, Expect::Any).is_ready());
    assert!(memory.write_batch(Vec::new()).is_ready());
    assert!(memory.sync().is_ready());
    assert!(memory.close().is_ready());
}

#[test]
fn clones_share_the_store() {
    let (memory, key) = (Memory::new(), Key::from("ada"));
    let clone = memory.clone();
    put(&memory, &key, "data");
    assert_eq!(bytes(&clone, &key).unwrap(), "data");
    assert_eq!(clone.remove(&key, Expect::Any).wait().unwrap(), Removed::Done);
    assert_eq!(bytes(&memory, &key), None);
    clone.close().wait().unwrap();
    assert_eq!(memory.read(&key, Part::All).wait().unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn closing_frees_what_was_stored() {
    let (memory, key) = (Memory::new(), Key::from("ada"));
    let data = Bytes::from(vec![7; 1000]);
    put(&memory, &key, data.clone());
    assert!(!data.is_unique());
    memory.close().wait().unwrap();
    assert!(data.is_unique());
}

#[test]
fn a_listing_has_the_same_order_in_every_store() {
    let keys: Vec<Key> = (0..1000).map(|i| Key::from(format!("key {i}"))).collect();
    let listing = |keys: &mut dyn Iterator<Item = &Key>| {
        let memory = Memory::new();
        keys.for_each(|key| put(&memory, key, "data"));
        pollster::block_on(memory.keys(None).try_collect::<Vec<Key>>()).unwrap()
    };
    let one = listing(&mut keys.iter());
    let other = listing(&mut keys.iter().rev());
    assert_eq!(one.len(), keys.len());
    assert_eq!(one, other);
}

#[test]
fn a_listing_that_meets_the_end_of_the_store_says_so_once() {
    let memory = Memory::new();
    (0..1000u64).for_each(|i| put(&memory, &Key::from(i), "data"));
    let mut listing = memory.keys(None);
    pollster::block_on(async {
        listing.next().await.unwrap().unwrap();
        memory.close().await.unwrap();
        let rest: Vec<_> = listing.collect().await;
        let errors: Vec<_> = rest.iter().filter_map(|key| key.as_ref().err()).collect();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].kind(), ErrorKind::Closed);
        assert!(rest.last().unwrap().is_err());
    });
}

#[test]
fn a_stream_that_ends_after_the_store_was_closed_is_refused() {
    let (memory, key) = (Memory::new(), Key::from("ada"));
    let meta = Meta::new(key.clone(), Kind::Binary, Timestamp::from_millis(1));
    let closing = memory.clone();
    let chunks = futures::stream::iter([0, 1]).then(move |_| {
        let closing = closing.clone();
        async move {
            closing.close().await?;
            Ok(Bytes::from("chunk"))
        }
    });
    let write = memory.write(&key, Record::streamed(&meta, chunks.boxed()).unwrap(), Expect::Any);
    assert_eq!(write.wait().unwrap_err().kind(), ErrorKind::Closed);
}
