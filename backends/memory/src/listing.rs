//! The listing: one shard at a time, so that it holds no lock while nobody polls it.

use std::hash::BuildHasher;
use std::sync::Arc;

use futures::stream;
use larder::{Key, Keys, Result};

use crate::shards::Shards;

/// The keys of shard after shard, sorted within each. A key never changes its shard, and each shard
/// is looked at once: so what is there throughout appears exactly once.
pub(crate) fn keys<S>(shards: Arc<Shards<S>>, prefix: Option<&str>) -> Keys
where
    S: BuildHasher + Send + Sync + 'static,
{
    let prefix = prefix.map(str::to_owned);
    Keys::from_pages(stream::unfold(Some(0), move |shard| {
        let found = shard.map(|shard| (shard, of_shard(&shards, shard, prefix.as_deref())));
        async move {
            match found? {
                (shard, Ok(keys)) => Some((Ok(keys?), Some(shard + 1))),
                (_, Err(closed)) => Some((Err(closed), None)),
            }
        }
    }))
}

fn of_shard<S: BuildHasher>(
    shards: &Shards<S>,
    shard: usize,
    prefix: Option<&str>,
) -> Result<Option<Vec<Key>>> {
    shards.sorted_keys(shard, |key| {
        prefix.is_none_or(|prefix| key.as_text().is_some_and(|text| text.starts_with(prefix)))
    })
}
