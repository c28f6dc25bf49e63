//! Listings of the whole: keys, keys by prefix, entries with their meta.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use larder::{Key, Kind, Larder, MetaUpdate};

use crate::Harness;
use crate::handle::larder;
use crate::race::while_running;

async fn sorted(keys: larder::Keys) -> Vec<Key> {
    let mut keys: Vec<Key> = keys.try_collect().await.unwrap();
    keys.sort();
    keys
}

/// Keys and entries name what is there, documents, binaries and logs alike, each once.
pub fn keys_and_entries_name_everything_once<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        assert_eq!(sorted(larder.keys()).await, []);
        larder.assoc("users/1", &1).await.unwrap();
        larder.with_meta(MetaUpdate::new().set("note", "n").unwrap()).assoc("users/2", &2).await.unwrap();
        larder.bassoc("users/2/photo", "bytes").await.unwrap();
        for element in 0..5 {
            larder.append("log", &element).await.unwrap();
        }
        larder.assoc(7, &7).await.unwrap();
        larder.assoc("gone", &7).await.unwrap();
        larder.dissoc("gone").await.unwrap();
        let mut expected: Vec<Key> = ["users/1", "users/2", "users/2/photo", "log"].map(Key::from).into();
        expected.push(7.into());
        expected.sort();
        assert_eq!(sorted(larder.keys()).await, expected);
        assert_eq!(
            sorted(larder.keys_with_prefix("users/2")).await,
            ["users/2", "users/2/photo"].map(Key::from)
        );

        let entries: Vec<larder::Meta> = larder.entries().try_collect().await.unwrap();
        assert_eq!(entries.len(), expected.len());
        for meta in &entries {
            assert_eq!(larder.get_meta(meta.key()).await.unwrap().as_ref(), Some(meta));
        }
        let kinds: BTreeMap<Key, Kind> =
            entries.iter().map(|meta| (meta.key().clone(), meta.kind())).collect();
        assert_eq!(kinds[&Key::from("users/2/photo")], Kind::Binary);
        assert_eq!(kinds[&Key::from("log")], Kind::AppendLog);
        assert_eq!(kinds[&Key::from(7)], Kind::Document);
    });
}

/// Entries that come and go while they are listed are no errors.
pub fn entries_that_come_and_go_are_no_errors<H: Harness>(harness: &H) {
    const STAY: u64 = 200;
    let (larder, _) = larder(harness);
    harness.block_on(async {
        for i in 0..STAY {
            larder.assoc(i, &i).await.unwrap();
        }
    });
    let come_and_go = |round: u64| {
        let larder: &Larder = &larder;
        async move {
            let key = format!("passing/{}", round % 20);
            larder.assoc(&key, &round).await.unwrap();
            larder.dissoc(&key).await.unwrap();
        }
    };
    while_running(harness, come_and_go, |rounds| {
        harness.block_on(async {
            let mut listings = 0;
            while listings < 5 || rounds.fewer_than(50) {
                listings += 1;
                let entries: Vec<larder::Meta> = larder.entries().try_collect().await.unwrap();
                let stayed = entries.iter().filter(|meta| meta.key().as_text().is_none()).count();
                assert_eq!(stayed as u64, STAY);
            }
        });
    });
}
