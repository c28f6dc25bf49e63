//! The frames as text.

use larder::Backend;

use crate::support::{DIR, Store, key, open};

#[test]
fn every_frame_is_a_line_in_the_order_of_the_log() {
    let mut store = Store::new();
    let pack = open(&store.disk, DIR);
    store.put(&pack, 1, vec![1; 10]);
    store.batch(&pack, 2..4, 2);
    store.remove(&pack, 1);
    store.put(&pack, 5, vec![5; 1 << 20]);
    pack.close().wait().unwrap();
    let mut out = Vec::new();
    larder_pack::tools::dump(&store.disk, DIR.as_ref(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let field = |at: usize| lines.iter().map(|line| line[at]).collect::<Vec<_>>();
    assert_eq!(field(0), ["00000001.log"; 5]);
    assert_eq!(field(1)[0], "48");
    assert_eq!(field(2), ["record", "record", "record", "removal", "blob"]);
    assert_eq!(field(3), ["\"key/001\"", "\"key/002\"", "\"key/003\"", "\"key/001\"", "\"key/005\""]);
    assert_eq!(field(4), ["1", "2", "3", "4", "5"]);
    assert_eq!(field(6)[..3], ["10", "42", "43"]);
    assert_eq!(field(6)[4], "0000000000000001.blob:1048576");
    assert_eq!(field(7), ["alone", "member", "last", "alone", "alone"]);
    assert_eq!(field(8), ["ok"; 5]);
}

#[test]
fn what_is_damaged_is_said_to_be() {
    let store = Store::with_everything();
    let (path, offset) = store.last(&key(8));
    store.flip(&path, offset + 44 + 20);
    let frames = store.frames();
    let damaged: Vec<_> = frames.iter().filter(|frame| frame.4 == "damaged").collect();
    assert_eq!(damaged.len(), 1);
    assert_eq!((&damaged[0].0, damaged[0].1), (&path, offset));
}
