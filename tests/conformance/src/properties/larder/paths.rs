//! Paths: into maps and arrays, creating what is missing, refusing what makes no sense.

use std::collections::BTreeMap;

use larder::{Document, ErrorKind, Key, Larder, path};

use crate::Harness;
use crate::handle::{document, fails, larder};

type Map<T> = BTreeMap<String, T>;

fn map<T>(entries: impl IntoIterator<Item = (&'static str, T)>) -> Map<T> {
    entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// `{"emails": ["a@x", "b@x"], "name": "Ada", "nested": {"deep": {"er": 1}}, 7: "seven"}`
async fn ada(larder: &Larder) {
    larder.assoc("ada", &map([("emails", ["a@x", "b@x"])])).await.unwrap();
    larder.assoc_in(path!["ada", "name"], "Ada").await.unwrap();
    larder.assoc_in(path!["ada", "nested"], &map([("deep", map([("er", 1)]))])).await.unwrap();
    larder.assoc_in(path!["ada", 7], "seven").await.unwrap();
}

/// `get_in` follows map keys and indexes; a missing step, or one into a scalar, is `None`.
pub fn get_in_follows_the_path_and_no_further<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        ada(&larder).await;
        let text = async |path: larder::Path| larder.get_in::<String>(path).await.unwrap();
        assert_eq!(text(path!["ada", "emails", 0]).await.as_deref(), Some("a@x"));
        assert_eq!(text(path!["ada", "emails", 1]).await.as_deref(), Some("b@x"));
        assert_eq!(text(path!["ada", "name"]).await.as_deref(), Some("Ada"));
        assert_eq!(text(path!["ada", 7]).await.as_deref(), Some("seven"));
        assert_eq!(larder.get_in::<u64>(path!["ada", "nested", "deep", "er"]).await.unwrap(), Some(1));
        let deep = larder.get_in::<Map<u64>>(path!["ada", "nested", "deep"]).await.unwrap();
        assert_eq!(deep, Some(map([("er", 1)])));
        for path in [
            path!["ada", "emails", 2],
            path!["ada", "emails", "0"],
            path!["ada", "emails", -1],
            path!["ada", "nobody"],
            path!["ada", "7"],
            path!["ada", 7.0],
            path!["ada", Key::keyword("name")],
            path!["ada", "name", "first"],
            path!["ada", "name", 0],
            path!["ada", "nested", "deep", "er", "more"],
            path!["bob", "name"],
        ] {
            assert_eq!(larder.get_in::<Document>(path.clone()).await.unwrap(), None, "{path}");
        }
    });
}

/// `assoc_in` creates the maps that are missing, keeps everything beside the path, and replaces what
/// stands at its end.
pub fn assoc_in_creates_what_is_missing_and_keeps_the_rest<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc_in(path!["new", "a", 1, "b"], "deep").await.unwrap();
        let b = map([("b", "deep")]);
        let expected = document(&map([("a", BTreeMap::from([(1, b)]))]));
        assert_eq!(larder.get_document("new").await.unwrap(), Some(expected));

        ada(&larder).await;
        larder.assoc_in(path!["ada", "nested", "deep", "beside"], &2).await.unwrap();
        larder.assoc_in(path!["ada", "emails", 1], "c@x").await.unwrap();
        larder.assoc_in(path!["ada", "born", "year"], &1815).await.unwrap();
        larder.assoc_in(path!["ada", Key::array(["a".into()]), Key::null()], &true).await.unwrap();
        let emails = larder.get_in::<Vec<String>>(path!["ada", "emails"]).await.unwrap().unwrap();
        assert_eq!(emails, ["a@x", "c@x"]);
        let deep = larder.get_in::<Map<u64>>(path!["ada", "nested", "deep"]).await.unwrap().unwrap();
        assert_eq!(deep, map([("er", 1), ("beside", 2)]));
        assert_eq!(larder.get_in::<u64>(path!["ada", "born", "year"]).await.unwrap(), Some(1815));
        let odd = path!["ada", Key::array(["a".into()]), Key::null()];
        assert_eq!(larder.get_in::<bool>(odd).await.unwrap(), Some(true));
        assert_eq!(larder.get_in::<String>(path!["ada", "name"]).await.unwrap().as_deref(), Some("Ada"));
        assert_eq!(larder.get_in::<String>(path!["ada", 7]).await.unwrap().as_deref(), Some("seven"));

        larder.assoc_in(path!["ada", "nested"], "no longer a map").await.unwrap();
        let nested = larder.get_in::<String>(path!["ada", "nested"]).await.unwrap();
        assert_eq!(nested.as_deref(), Some("no longer a map"));
        larder.assoc_in(path!["ada"], &1).await.unwrap();
        assert_eq!(larder.get::<u64>("ada").await.unwrap(), Some(1), "a path of a key alone is the whole");
    });
}

/// An index just past the end appends, also past the heads that CBOR gives short arrays.
pub fn an_index_at_the_end_of_an_array_appends<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        larder.assoc("list", &Vec::<u64>::new()).await.unwrap();
        for i in 0..300usize {
            larder.assoc_in(path!["list", i], &i).await.unwrap();
        }
        assert_eq!(larder.get::<Vec<usize>>("list").await.unwrap(), Some((0..300).collect()));
        larder.assoc_in(path!["list", 300, "inside"], &1).await.unwrap();
        assert_eq!(larder.get_in::<u64>(path!["list", 300, "inside"]).await.unwrap(), Some(1));
        let (old, new) =
            larder.update_in(path!["list", 301], |old: Option<u64>| old.map_or(5, |n| n + 1)).await.unwrap();
        assert_eq!((old, new), (None, 5));
    });
}

/// A path that leads through a scalar, past the end of an array, or into one by a name: refused as
/// `InvalidPath`, by every operation that writes, and nothing is written.
pub fn a_path_that_makes_no_sense_is_refused_and_nothing_written<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        ada(&larder).await;
        let before = (larder.get_document("ada").await.unwrap(), larder.get_meta("ada").await.unwrap());
        for path in [
            path!["ada", "emails", 3],
            path!["ada", "emails", 1_000_000],
            path!["ada", "emails", u64::MAX],
            path!["ada", "emails", -1],
            path!["ada", "emails", "first"],
            path!["ada", "emails", 0, "local"],
            path!["ada", "name", "first"],
            path!["ada", "name", 0],
            path!["ada", "nested", "deep", "er", "more", "still"],
        ] {
            let error = fails(larder.assoc_in(path.clone(), &1).await, ErrorKind::InvalidPath);
            assert_eq!(error.key(), Some("\"ada\""), "{error}");
            fails(larder.update_in(path.clone(), |_: Option<u64>| 1).await, ErrorKind::InvalidPath);
            assert!(!larder.dissoc_in(path.clone()).await.unwrap(), "nothing stands at {path}");
        }
        let after = (larder.get_document("ada").await.unwrap(), larder.get_meta("ada").await.unwrap());
        assert_eq!(after, before, "nothing was written");
    });
}

/// `dissoc_in` takes out a member or an element, tells whether it was there, and keeps the rest.
pub fn dissoc_in_takes_out_what_the_path_names<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        ada(&larder).await;
        assert!(larder.dissoc_in(path!["ada", "emails", 0]).await.unwrap());
        assert_eq!(larder.get_in::<Vec<String>>(path!["ada", "emails"]).await.unwrap().unwrap(), ["b@x"]);
        assert!(larder.dissoc_in(path!["ada", "nested", "deep", "er"]).await.unwrap());
        assert_eq!(larder.get_in::<Map<u64>>(path!["ada", "nested", "deep"]).await.unwrap(), Some(map([])));
        assert!(larder.dissoc_in(path!["ada", 7]).await.unwrap());
        assert!(larder.dissoc_in(path!["ada", "nested"]).await.unwrap());
        let before = larder.get_meta("ada").await.unwrap();
        for path in
            [path!["ada", 7], path!["ada", "nested", "deep"], path!["ada", "emails", 1], path!["bob", 1]]
        {
            assert!(!larder.dissoc_in(path.clone()).await.unwrap(), "{path} is gone");
        }
        assert_eq!(larder.get_meta("ada").await.unwrap(), before, "taking out nothing writes nothing");
        assert_eq!(larder.get_in::<String>(path!["ada", "name"]).await.unwrap().as_deref(), Some("Ada"));
        assert!(larder.dissoc_in("ada").await.unwrap(), "a path of a key alone is the whole");
        assert!(!larder.exists("ada").await.unwrap());
    });
}
