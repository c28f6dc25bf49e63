//! What the options of opening and compacting promise.

use std::fs;
use std::sync::{Arc, Mutex};

use larder::{Bytes, Durability, ErrorKind, Larder};
use larder_pack::Pack;

#[test]
fn damaged_data_is_handed_out_only_where_checksums_are_off() {
    let dir = tempfile::tempdir().unwrap();
    smol::block_on(async {
        let larder = Larder::new(Pack::options().open(dir.path()).await.unwrap());
        larder.bassoc("key", Bytes::from_static(b"the data that is damaged")).await.unwrap();
        larder.close().await.unwrap();
        let log = dir.path().join("00000001.log");
        let mut bytes = fs::read(&log).unwrap();
        let at = bytes.windows(8).position(|part| part == b"the data").unwrap();
        bytes[at] ^= 0x20;
        fs::write(&log, bytes).unwrap();
        for mapped in [false, true] {
            let options = || Pack::options().mapped_reads(mapped);
            let larder = Larder::new(options().open(dir.path()).await.unwrap());
            assert_eq!(larder.bget("key").await.unwrap_err().kind(), ErrorKind::Corrupt);
            larder.close().await.unwrap();
            let larder = Larder::new(options().checksums(false).open(dir.path()).await.unwrap());
            let read = larder.bget("key").await.unwrap().unwrap().bytes().await.unwrap();
            assert_eq!(read, "The data that is damaged");
            larder.close().await.unwrap();
        }
    });
}

#[test]
fn compaction_tells_how_far_it_has_come_and_ends_with_all_of_it() {
    let dir = tempfile::tempdir().unwrap();
    smol::block_on(async {
        let options =
            Pack::options().durability(Durability::Flushed).compaction(false).segment_bytes(64 << 10);
        let pack = options.open(dir.path()).await.unwrap();
        let larder = Larder::new(pack.clone());
        for round in 0..2 {
            for key in 0..200 {
                larder.bassoc(key, vec![round; 1000]).await.unwrap();
            }
        }
        let told = Arc::new(Mutex::new(Vec::new()));
        let watch = Arc::clone(&told);
        pack.compact_with(move |done, total| watch.lock().unwrap().push((done, total))).await.unwrap();
        larder.close().await.unwrap();
        let told = told.lock().unwrap();
        assert!(told.len() >= 3 && told.is_sorted(), "{told:?}");
        let (done, total) = *told.last().unwrap();
        assert!(done == total && total > 200 * 1000, "{told:?}");
    });
}
