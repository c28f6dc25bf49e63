//! What an application finds again after closing and opening: everything.

use futures::TryStreamExt;
use larder::{Backend, Durability, Larder, Meta, MetaUpdate, path};

use crate::Harness;
use crate::handle::larder;
use crate::states::data_of;

/// Documents, binaries, logs and their meta are there after reopening, and go on from where they were.
pub fn reopening_finds_everything_as_it_was<H: Harness>(harness: &H) {
    let (larder, backend) = larder(harness);
    if backend.capabilities().durability == Durability::Volatile {
        return;
    }
    let visit = |n: Option<u64>| n.unwrap_or(0) + 1;
    harness.block_on(async {
        let with = larder.with_meta(MetaUpdate::new().set("note", "kept").unwrap());
        with.assoc_in(path!["ada", "visits"], &1).await.unwrap();
        larder.update_in(path!["ada", "visits"], visit).await.unwrap();
        larder.bassoc("photo", data_of(1, 600_000)).await.unwrap();
        larder.assoc("gone", &1).await.unwrap();
        larder.dissoc("gone").await.unwrap();
        for n in 0..10u64 {
            larder.append("log", &n).await.unwrap();
        }
        let entries = async |larder: &Larder| {
            let mut entries: Vec<Meta> = larder.entries().try_collect().await.unwrap();
            entries.sort_by(|one, other| one.key().cmp(other.key()));
            entries
        };
        let before = entries(&larder).await;
        larder.close().await.unwrap();

        let backend = harness.reopen().await.expect("a harness of a durable backend implements `reopen`");
        let larder = Larder::new(backend.expect("the store opens again"));
        assert_eq!(entries(&larder).await, before);
        assert_eq!(before.len(), 3);
        let photo = larder.bget("photo").await.unwrap().unwrap();
        assert_eq!(photo.bytes().await.unwrap(), data_of(1, 600_000));
        assert_eq!(larder.update_in(path!["ada", "visits"], visit).await.unwrap(), (Some(2), 3));
        larder.append("log", &10u64).await.unwrap();
        assert_eq!(larder.log::<u64>("log").await.unwrap(), Some((0..11).collect()));
        let meta = larder.get_meta("ada").await.unwrap().unwrap();
        assert_eq!(meta.get::<String>("note").unwrap().as_deref(), Some("kept"));
        let old = before.iter().find(|meta| meta.key() == &"ada".into()).expect("it was there");
        assert_eq!(meta.rev(), old.rev() + 1);
        assert!(meta.last_write() >= old.last_write());
    });
}
