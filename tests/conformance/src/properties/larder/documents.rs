//! Whole documents: what is stored comes back, whatever its shape; absence is not null.

use std::collections::BTreeMap;

use larder::{Document, ErrorKind, Key, Kind, MetaUpdate, Path, limits, path};

use crate::handle::{document, fails, larder};
use crate::{Harness, keys};

/// Nothing is there until something is stored: every call says so, and none fails.
pub fn what_was_never_stored_is_none<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        assert!(!larder.exists("ada").await.unwrap());
        assert_eq!(larder.get_meta("ada").await.unwrap(), None);
        assert_eq!(larder.get::<u64>("ada").await.unwrap(), None);
        assert_eq!(larder.get_document("ada").await.unwrap(), None);
        assert_eq!(larder.get_in::<u64>(path!["ada", "emails", 0]).await.unwrap(), None);
        assert_eq!(larder.get_or("ada", 7).await.unwrap(), 7);
        assert!(larder.bget("ada").await.unwrap().is_none());
        assert!(larder.bget_range("ada", 5..10).await.unwrap().is_none());
        assert_eq!(larder.log::<u64>("ada").await.unwrap(), None);
        assert!(!larder.dissoc("ada").await.unwrap());
        assert!(!larder.dissoc_in(path!["ada", "emails", 0]).await.unwrap());
        assert!(!larder.exists("ada").await.unwrap(), "asking creates nothing");
    });
}

/// A stored null, and a stored false, are values: they exist, and no default takes their place.
pub fn a_stored_null_is_not_absence<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("null", &()).await.unwrap();
        assert!(larder.exists("null").await.unwrap());
        assert_eq!(larder.get_document("null").await.unwrap(), Some(Document::null()));
        assert_eq!(larder.get::<Option<u64>>("null").await.unwrap(), Some(None));
        assert_eq!(larder.get_or::<Option<u64>>("null", Some(7)).await.unwrap(), None);
        assert_eq!(larder.get_in::<Option<u64>>(path!["null"]).await.unwrap(), Some(None));
        assert_eq!(larder.get_meta("null").await.unwrap().unwrap().kind(), Kind::Document);
        larder.assoc("false", &false).await.unwrap();
        assert!(!larder.get_or("false", true).await.unwrap());
        larder.assoc("map", &BTreeMap::from([("null", None::<u64>)])).await.unwrap();
        assert_eq!(larder.get_in::<Option<u64>>(path!["map", "null"]).await.unwrap(), Some(None));
        assert_eq!(larder.get_in::<Option<u64>>(path!["map", "absent"]).await.unwrap(), None);
        let (old, _) = larder.update_in("null", |old: Option<Option<u64>>| old.flatten()).await.unwrap();
        assert_eq!(old, Some(None), "an update tells null from absence");
        assert!(larder.dissoc("null").await.unwrap(), "what was removed was there");
        assert_eq!(larder.get::<Option<u64>>("null").await.unwrap(), None);
    });
}

/// Documents of every shape that CBOR has, up to the depth that is allowed.
pub fn every_shape_of_value_comes_back<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for value in shapes() {
            let path = Path::new("ada");
            larder.store().assoc_in(&path, value.clone(), MetaUpdate::new()).await.unwrap();
            assert_eq!(larder.get_document("ada").await.unwrap().as_ref(), Some(&value));
            let size = larder.get_meta("ada").await.unwrap().unwrap().size();
            assert_eq!(size, Some(value.as_cbor().len() as u64), "the size of {value:?}");
            let within = path![Key::from(5), "value"];
            larder
                .store()
                .assoc_in(&within, value.clone(), MetaUpdate::new())
                .await
                .map_or_else(|error| assert_eq!(error.kind(), ErrorKind::TooLarge, "{error}"), |()| ());
            if larder.exists(5).await.unwrap() {
                assert_eq!(larder.get_in::<Document>(within).await.unwrap().as_ref(), Some(&value));
                assert!(larder.dissoc(5).await.unwrap());
            }
        }
    });
}

fn shapes() -> Vec<Document> {
    let raw: [&[u8]; 24] = [
        b"\xf6",
        b"\xf5",
        b"\xf4",
        b"\x00",
        b"\x17",
        b"\x18\x18",
        b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x20",
        b"\x3b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xf9\x00\x00",
        b"\xf9\x80\x00",
        b"\xf9\x7e\x00",
        b"\xf9\x7c\x00",
        b"\xfb\x3f\xb9\x99\x99\x99\x99\x99\x9a",
        b"\x60",
        b"\x40",
        b"\x44\x00\x01\x02\xff",
        b"\x80",
        b"\xa0",
        b"\x83\x01\x82\x02\x03\xa1\x61a\x80",
        b"\xa2\x01\x02\x61a\xa1\x80\xf6",
        b"\xa1\xa1\x01\x02\x03",
        b"\xc0\x74\x32\x30\x32\x36-11-21T00:00:00Z",
        b"\xd8\x27\x69:keyword\x21",
    ];
    let mut shapes: Vec<Document> =
        raw.iter().filter_map(|raw| Document::from_cbor(raw.to_vec()).ok()).collect();
    assert!(shapes.len() >= raw.len() - 1, "the examples are well-formed");
    shapes.push(document(&"é日本👩‍👩‍👧‍👦\0\n".repeat(10)));
    shapes.push(document(&"long ".repeat(300_000)));
    shapes.push(document(&(0..30_000u64).collect::<Vec<_>>()));
    shapes.push(document(&(0..3_000u64).map(|i| (format!("member {i}"), i)).collect::<BTreeMap<_, _>>()));
    for depth in [20, limits::NESTING - 1] {
        let mut deep = vec![0x81; depth];
        deep.push(0x07);
        shapes.push(Document::from_cbor(deep).expect("nested within the limit"));
    }
    shapes
}

/// Every key holds a document of its own.
pub fn every_key_holds_a_document_of_its_own<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let keys = keys::all();
        for (i, key) in keys.iter().enumerate() {
            larder.assoc_in(path![key, "i"], &i).await.unwrap();
        }
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(larder.get_in::<usize>(path![key, "i"]).await.unwrap(), Some(i), "{key}");
            assert_eq!(larder.get_meta(key).await.unwrap().unwrap().key(), key);
        }
        for key in &keys {
            assert!(larder.dissoc(key).await.unwrap(), "{key}");
            assert!(!larder.dissoc(key).await.unwrap(), "{key}");
        }
    });
}

/// `assoc` replaces the whole, and `dissoc` tells whether anything was there.
pub fn assoc_replaces_and_dissoc_tells<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for round in 0..3 {
            assert!(!larder.dissoc("ada").await.unwrap());
            larder.assoc("ada", &BTreeMap::from([("a", 1), ("b", 2)])).await.unwrap();
            larder.assoc("ada", &BTreeMap::from([("c", round)])).await.unwrap();
            let expected = document(&BTreeMap::from([("c", round)]));
            assert_eq!(larder.get_document("ada").await.unwrap(), Some(expected));
            larder.assoc("ada", "text").await.unwrap();
            assert_eq!(larder.get::<String>("ada").await.unwrap().as_deref(), Some("text"));
            assert!(larder.dissoc("ada").await.unwrap());
            assert!(!larder.exists("ada").await.unwrap());
        }
    });
}

/// A document that does not fit the type is `Decode`, says where, and changes nothing.
pub fn a_document_that_does_not_fit_the_type_is_reported<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("ada", &BTreeMap::from([("name", "Ada")])).await.unwrap();
        let before = larder.get_meta("ada").await.unwrap();
        let error = fails(larder.get::<u64>("ada").await, ErrorKind::Decode);
        assert_eq!(error.key(), Some("\"ada\""), "the error names the key: {error}");
        fails(larder.get_in::<u64>(path!["ada", "name"]).await, ErrorKind::Decode);
        fails(larder.update_in(path!["ada", "name"], |_: Option<u64>| 1).await, ErrorKind::Decode);
        assert_eq!(larder.get_meta("ada").await.unwrap(), before, "nothing was written");
    });
}
