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

/// What is asked for is what is done: the maps of this process say whether the log is one of them.
#[cfg(target_os = "linux")]
#[test]
fn the_log_is_mapped_only_where_that_is_asked_for() {
    for mapped in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        smol::block_on(async {
            let larder = Larder::new(Pack::options().mapped_reads(mapped).open(&dir).await.unwrap());
            larder.bassoc("key", Bytes::from_static(b"data")).await.unwrap();
            assert_eq!(larder.bget("key").await.unwrap().unwrap().bytes().await.unwrap(), "data");
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            let log = dir.join("00000001.log");
            assert_eq!(maps.contains(log.to_str().unwrap()), mapped);
            larder.close().await.unwrap();
        });
    }
}

/// Under steady overwriting the files stay below twice what is alive in them, whatever the sizes.
#[test]
fn files_stay_below_twice_the_live_data_under_steady_overwriting() {
    const SEGMENT: u64 = 256 << 10;
    for len in [10, 1000, 30_000] {
        let dir = tempfile::tempdir().unwrap();
        smol::block_on(async {
            let options = Pack::options().durability(Durability::Flushed).inline();
            let pack =
                options.segment_bytes(SEGMENT).checkpoint_bytes(SEGMENT).open(dir.path()).await.unwrap();
            let larder = Larder::new(pack.clone());
            // Live data of 4 MiB, or 10,000 records, overwritten four times in an order that is no order.
            let records = (4_usize << 20).div_ceil(len).min(10_000) as u64;
            for n in 0..records {
                larder.bassoc(n, vec![0; len]).await.unwrap();
            }
            for n in 0_u64..4 * records {
                larder.bassoc(n.wrapping_mul(7_919) % records, vec![n as u8; len]).await.unwrap();
                if n % (records / 16) == 0 {
                    let live = pack.stats().await.unwrap().live_bytes;
                    let files: u64 = fs::read_dir(dir.path())
                        .unwrap()
                        .map(|file| file.unwrap())
                        .filter(|file| file.path().extension().is_some_and(|end| end == "log"))
                        .map(|file| file.metadata().unwrap().len())
                        .sum();
                    assert!(files < 2 * live, "{len}: {files} bytes for {live} after {n}");
                }
            }
            larder.close().await.unwrap();
        });
    }
}
