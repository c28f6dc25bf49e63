//! Scenario 33: a cold cache before which everybody stands at once asks the storage once for each key, if
//! those who ask together wait together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt, Shared};
use larder::Larder;
use larder_simulated::run;

use crate::support::{Count, steady, store};

type Answer = Shared<BoxFuture<'static, Option<u64>>>;

/// A cache of reads, those under way included.
#[derive(Clone)]
struct Cache {
    larder: Larder,
    reads: Arc<Mutex<BTreeMap<String, Answer>>>,
    asked: Count,
}

impl Cache {
    async fn get(&self, key: String, together: bool) -> Option<u64> {
        let read = {
            let (larder, asked, name) = (self.larder.clone(), self.asked.clone(), key.clone());
            async move {
                asked.add(1);
                larder.get::<u64>(name).await.ok().flatten()
            }
        };
        if !together {
            return read.await;
        }
        let answer = self.reads.lock().unwrap().entry(key).or_insert_with(|| read.boxed().shared()).clone();
        answer.await
    }
}

fn stampede(together: bool) -> u64 {
    const KEYS: u64 = 10;
    let asked = Count::default();
    let count = asked.clone();
    run::seeds([3]).run(move |cx| {
        let asked = count.clone();
        async move {
            let store = store(&cx, steady("s3-standard"));
            let larder = store.larder(0);
            for n in 0..KEYS {
                larder.assoc(format!("key {n}"), &n).await?;
            }
            let cache = Cache { larder, reads: Arc::default(), asked };
            cx.clients(500, move |client| {
                let cache = cache.clone();
                async move {
                    let n = client.id() % KEYS;
                    assert_eq!(cache.get(format!("key {n}"), together).await, Some(n));
                }
            })
            .each()
            .await;
            Ok(())
        }
    });
    asked.get()
}

#[test]
fn a_cold_cache_asks_once_for_each_key() {
    assert_eq!(stampede(true), 10);
    assert_eq!(stampede(false), 500);
}
