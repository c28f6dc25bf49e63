//! A closed larder answers `Closed`, whatever it is asked.

use futures::TryStreamExt;
use larder::{ErrorKind, Together, path};

use crate::Harness;
use crate::handle::{fails, larder};

/// Every operation of a closed larder is `Closed`, of its clones too, and also if the answer could be
/// remembered.
pub fn a_closed_larder_answers_closed<H: Harness>(harness: &H) {
    let (larder, _) = larder(harness);
    harness.block_on(async {
        let visit = |n: Option<u64>| n.unwrap_or(0) + 1;
        larder.assoc("ada", &1).await.unwrap();
        larder.update_in("ada", visit).await.unwrap();
        larder.append("log", &1).await.unwrap();
        let clone = larder.clone();
        larder.close().await.unwrap();
        let kind = ErrorKind::Closed;
        for larder in [larder, clone] {
            fails(larder.exists("ada").await, kind);
            fails(larder.get_meta("ada").await, kind);
            fails(larder.get::<u64>("ada").await, kind);
            fails(larder.get_in::<u64>(path!["ada", 1]).await, kind);
            fails(larder.assoc("ada", &1).await, kind);
            fails(larder.assoc_in(path!["bob", 1], &1).await, kind);
            fails(larder.update_in("ada", visit).await, kind);
            fails(larder.update_in("bob", visit).await, kind);
            fails(larder.dissoc("ada").await, kind);
            fails(larder.dissoc_in(path!["ada", 1]).await, kind);
            fails(larder.bget("ada").await, kind);
            fails(larder.bassoc("ada", "bytes").await, kind);
            fails(larder.append("log", &1).await, kind);
            fails(larder.log::<u64>("log").await, kind);
            fails(larder.multi_get::<u64, _>(["ada"]).await, kind);
            fails(larder.multi_assoc([("ada", 1)], Together::OneByOne).await, kind);
            fails(larder.multi_dissoc(["ada"], Together::OneByOne).await, kind);
            if larder.capabilities().batches {
                fails(larder.multi_assoc([("ada", 1)], Together::Atomic).await, kind);
                fails(larder.multi_dissoc(["ada"], Together::Atomic).await, kind);
            }
            fails(larder.keys().try_collect::<Vec<_>>().await, kind);
            fails(larder.entries().try_collect::<Vec<_>>().await, kind);
            fails(larder.sync().await, kind);
            larder.close().await.expect("closing twice is no error");
        }
    });
}
