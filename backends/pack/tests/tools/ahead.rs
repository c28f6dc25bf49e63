//! A store that was not closed: the file of its newest segment is longer than its content.

use larder::Backend;

use crate::support::{DIR, SAVED, Store, bytes_below, content, key, len, open};

/// Killed in the middle of a segment, and how many zeros follow the content of that.
fn killed() -> (Store, u64) {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    (0..40).for_each(|number| store.put(&pack, number, vec![number as u8 | 1; 150 + number]));
    store.batch(&pack, 3..9, 0xbb);
    store.remove(&pack, 2);
    drop(pack);
    let path = store.segments().pop().unwrap();
    let zeros = len(&store.disk, &path) - store.verify().stats.end_offset;
    (store, zeros)
}

#[test]
fn zeros_that_were_set_ahead_are_neither_data_nor_damage() {
    let (store, zeros) = killed();
    assert!(zeros > 16, "{zeros}");
    let report = store.verify();
    assert!(report.is_whole(), "{:#?}", report.damage);
    assert!(report.index_compared);
    assert_eq!(report.torn_bytes, 0);
    assert!(store.frames().iter().all(|frame| frame.4 == "ok"));
    let saved = store.repair();
    assert!(saved.is_complete());
    assert_eq!(saved.torn_bytes, 0);
    assert!(content(&store.disk, SAVED) == store.model);
}

#[test]
fn they_are_in_no_figure_and_gone_once_the_store_is_closed() {
    let (store, _) = killed();
    let files = |store: &Store| -> u64 { store.segments().iter().map(|path| len(&store.disk, path)).sum() };
    let verified = store.verify().stats;
    let with_zeros = files(&store);
    let pack = open(&store.disk, DIR);
    let stats = pack.stats().wait().unwrap();
    assert_eq!((stats.live_bytes, stats.dead_bytes), (verified.live_bytes, verified.dead_bytes));
    assert_eq!(stats.end_offset, verified.end_offset);
    pack.close().wait().unwrap();
    assert_eq!(stats.live_bytes + stats.dead_bytes, files(&store));
    assert!(files(&store) < with_zeros);
}

#[test]
fn a_torn_write_before_them_is_counted_without_them() {
    let (store, zeros) = killed();
    let path = store.segments().pop().unwrap();
    let mut bytes = store.sim.bytes(&path).unwrap();
    let end = bytes.len() - zeros as usize;
    bytes[end..end + 20].fill(7);
    store.sim.replace(&path, &bytes).unwrap();
    let report = store.verify();
    assert!(report.is_whole(), "{:#?}", report.damage);
    assert_eq!(report.torn_bytes, 20);
    assert!(content(&store.disk, DIR) == store.model);
}

#[test]
fn damage_before_them_is_named_as_without_them() {
    let (store, zeros) = killed();
    let (path, offset) = store.last(&key(39));
    let cut = store.copy();
    let bytes = store.sim.bytes(&path).unwrap();
    cut.sim.replace(&path, &bytes[..bytes.len() - zeros as usize]).unwrap();
    for at in offset..offset + 60 {
        let [with, without] = [&store, &cut].map(|store| {
            let store = store.copy();
            store.flip(&path, at);
            let before = bytes_below(&store.sim, DIR);
            let report = store.verify();
            assert!(bytes_below(&store.sim, DIR) == before);
            report
        });
        let named = |report: &larder_pack::tools::Report| {
            report.damage.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(named(&with), named(&without), "byte {at}");
        assert!(!with.is_whole(), "byte {at}");
    }
}
