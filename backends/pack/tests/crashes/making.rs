//! Making a store.

use larder::{Bytes, Durability, Key};
use larder_simulated::disk::SimDisk;

use crate::history::History;
use crate::simulated::ops::Op;
use crate::{Extent, MODELS, survives};

fn history(durability: Durability) -> History {
    let keys = vec![Key::from("first"), Key::from("second")];
    let put = |key: &Key| Op::Put(key.clone(), Bytes::from_static(b"value"));
    let ops = [put(&keys[0]), Op::Sync, put(&keys[1])];
    History::run(0, &ops, keys, durability, &SimDisk::new(31))
}

#[test]
fn a_new_store_survives_every_crash() {
    for durability in [Durability::Synced, Durability::Flushed] {
        survives(
            "new store",
            &history(durability),
            &MODELS,
            Extent { cap: 200, nested: 0, before_syncs: false },
        );
    }
}

#[test]
fn a_new_store_survives_crashes_while_it_is_opened_again() {
    let extent = Extent { cap: 12, nested: 3, before_syncs: false };
    survives("new store again", &history(Durability::Synced), &MODELS, extent);
}
