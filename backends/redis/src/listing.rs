//! Listing keys by SCAN, page by page, as the reader pulls them. SCAN may name a key more than once, so the
//! hashes of those that were named are kept: about 20 bytes for each.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::stream;
use larder::{Key, Keys, Result};
use redis::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::failure;
use crate::nodes::{Lane, To};
use crate::request::{Effect, Request};
use crate::shared::Shared;

/// How many keys of the database the server looks at for one page.
const PAGE: usize = 1000;

struct Listing {
    shared: Arc<Shared>,
    pattern: Vec<u8>,
    text: Option<String>,
    /// `None` at the end.
    cursor: Option<Vec<u8>>,
    /// The connection that the cursor is of: a server that was started anew orders its keys otherwise.
    epoch: Option<u64>,
    page: VecDeque<Result<Key>>,
    named: HashSet<u128>,
}

/// All keys, or the text keys that begin with this text.
pub(crate) fn keys(shared: &Arc<Shared>, text: Option<&str>) -> Keys {
    let listing = Listing {
        shared: Arc::clone(shared),
        pattern: shared.names.pattern(text),
        text: text.map(str::to_owned),
        cursor: Some(b"0".to_vec()),
        epoch: None,
        page: VecDeque::new(),
        named: HashSet::new(),
    };
    let next = |mut listing: Listing| async move {
        loop {
            if let Some(key) = listing.page.pop_front() {
                return Some((key, listing));
            }
            let cursor = listing.cursor.take()?;
            if let Err(error) = listing.turn(cursor).await {
                return Some((Err(error), listing));
            }
        }
    };
    Keys::new(stream::unfold(listing, next))
}

impl Listing {
    /// Fetches the next page.
    async fn turn(&mut self, cursor: Vec<u8>) -> Result<()> {
        let make = |_| {
            let mut cmd = redis::cmd("SCAN");
            cmd.arg(&cursor).arg("MATCH").arg(&self.pattern).arg("COUNT").arg(PAGE);
            Request::One(cmd)
        };
        let answer = self.shared.ask(To::any(Lane::Main), Effect::Read, make).await?;
        let Value::Array(parts) = answer.value else { return Err(failure::nonsense("SCAN")) };
        let Ok([Value::BulkString(cursor), Value::Array(names)]) = <[Value; 2]>::try_from(parts) else {
            return Err(failure::nonsense("SCAN"));
        };
        for name in names {
            let Value::BulkString(name) = name else { return Err(failure::nonsense("SCAN")) };
            if !self.named.insert(xxh3_128(&name)) {
                continue;
            }
            match self.shared.names.key(&name) {
                Ok(None) => {}
                Ok(Some(key)) if !self.wants(&key) => {}
                Ok(Some(key)) => self.page.push_back(Ok(key)),
                Err(error) => self.page.push_back(Err(error)),
            }
        }
        let anew = self.epoch.is_some_and(|epoch| epoch != answer.epoch);
        self.epoch = Some(answer.epoch);
        self.cursor = match &cursor[..] {
            // Of another server's order the cursor means nothing: from the beginning, each key once.
            _ if anew => Some(b"0".to_vec()),
            b"0" => None,
            _ => Some(cursor),
        };
        Ok(())
    }

    fn wants(&self, key: &Key) -> bool {
        let Some(text) = &self.text else { return true };
        key.as_text().is_some_and(|key| key.starts_with(text.as_str()))
    }
}
