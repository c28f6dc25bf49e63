//! Listing keys by SCAN, page by page, as the reader pulls them: server after server. SCAN may name a key more
//! than once, so the hashes of those that were named are kept: about 20 bytes for each.
//!
//! While slots of a cluster move, a key may go from a server that is still to be scanned to one that has been.
//! So how the slots lie is asked before and after; the servers that have received any since, or still are
//! receiving, are scanned again, until nothing has changed meanwhile. A key that is there all the time is
//! thus named, and once.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures::stream;
use larder::{ErrorKind, Key, Keys, Result};
use redis::Value;
use xxhash_rust::xxh3::xxh3_128;

use crate::failure;
use crate::layout::{Layout, layout};
use crate::nodes::{Lane, To};
use crate::request::{Effect, Request};
use crate::shared::Shared;
use crate::slots::Place;

/// How many keys of the database the server looks at for one page.
const PAGE: usize = 1000;

/// How often servers are scanned again, at the most, while slots move all the time.
const ROUNDS: u32 = 64;

struct Listing {
    shared: Arc<Shared>,
    pattern: Vec<u8>,
    text: Option<String>,
    /// How the slots lay before the servers of this round were scanned; `None` before the first.
    layout: Option<Layout>,
    rounds: u32,
    /// The servers that are still to be scanned in this round.
    servers: VecDeque<Option<Place>>,
    scan: Option<Scan>,
    ended: bool,
    page: VecDeque<Result<Key>>,
    named: HashSet<u128>,
}

/// Where the scan of one server stands.
struct Scan {
    server: Option<Place>,
    cursor: Vec<u8>,
    /// The connection that the cursor is of: a server that was started anew orders its keys otherwise.
    epoch: Option<u64>,
}

/// All keys, or the text keys that begin with this text.
pub(crate) fn keys(shared: &Arc<Shared>, text: Option<&str>) -> Keys {
    let listing = Listing {
        shared: Arc::clone(shared),
        pattern: shared.names.pattern(text),
        text: text.map(str::to_owned),
        layout: None,
        rounds: 0,
        servers: VecDeque::new(),
        scan: None,
        ended: false,
        page: VecDeque::new(),
        named: HashSet::new(),
    };
    let next = |mut listing: Listing| async move {
        loop {
            if let Some(key) = listing.page.pop_front() {
                return Some((key, listing));
            }
            if listing.ended {
                return None;
            }
            if let Err(error) = listing.go_on().await {
                listing.ended = true;
                return Some((Err(error), listing));
            }
        }
    };
    Keys::new(stream::unfold(listing, next))
}

impl Listing {
    /// Fetches the next page, or finds out which server it comes from, or that there is none.
    async fn go_on(&mut self) -> Result<()> {
        if let Some(scan) = self.scan.take() {
            return self.turn(scan).await;
        }
        if let Some(server) = self.servers.pop_front() {
            self.scan = Some(Scan { server, cursor: b"0".to_vec(), epoch: None });
            return Ok(());
        }
        let single = self.layout.as_ref().is_some_and(|layout| layout.contains_key(&None));
        if single {
            self.ended = true;
            return Ok(());
        }
        let now = layout(&self.shared).await?;
        self.servers = again(self.layout.as_ref(), &now, self.rounds > 1).into();
        self.ended = self.servers.is_empty();
        self.layout = Some(now);
        self.rounds += 1;
        if self.rounds > ROUNDS {
            return Err(failure::error(
                ErrorKind::Unavailable,
                "slots of the cluster move all the time; list the keys when they are at rest",
            ));
        }
        Ok(())
    }

    /// Fetches the next page of a server.
    async fn turn(&mut self, scan: Scan) -> Result<()> {
        let make = |_| {
            let mut request = Request::new("SCAN");
            request.word(&scan.cursor).word("MATCH").word(&self.pattern).word("COUNT").word(PAGE);
            request
        };
        let to = To::primary(Lane::Main, scan.server.as_ref());
        let answer = match self.shared.ask(to, Effect::Read, make).await {
            Ok(answer) => answer,
            // It holds no slots any more: whoever does is scanned in the next round.
            Err(_) if scan.server.as_ref().is_some_and(|server| !self.shared.nodes.holds(server)) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        };
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
        let anew = scan.epoch.is_some_and(|epoch| epoch != answer.epoch);
        let epoch = Some(answer.epoch);
        self.scan = match &cursor[..] {
            // Of another server's order the cursor means nothing: from the beginning, each key once.
            _ if anew => Some(Scan { cursor: b"0".to_vec(), epoch, ..scan }),
            b"0" => None,
            _ => Some(Scan { cursor, epoch, ..scan }),
        };
        Ok(())
    }

    fn wants(&self, key: &Key) -> bool {
        let Some(text) = &self.text else { return true };
        key.as_text().is_some_and(|key| key.starts_with(text.as_str()))
    }
}

/// The servers that must be scanned after a round: all before the first; then those that may have received
/// keys of others that had not been scanned. Whoever is still receiving was to be scanned after the others
/// once, as long as nothing else has changed.
fn again(before: Option<&Layout>, now: &Layout, repeated: bool) -> Vec<Option<Place>> {
    let Some(before) = before else { return now.keys().cloned().collect() };
    if before == now && repeated {
        return Vec::new();
    }
    let received = now.iter().filter(|(place, holding)| {
        before.get(*place) != Some(*holding) || holding.as_ref().is_some_and(|holding| holding.receives)
    });
    received.map(|(place, _)| place.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Holding;

    #[test]
    fn whoever_may_have_received_keys_is_scanned_again() {
        let place = |port| Some(Place { host: "h".into(), port });
        let layout = |holdings: &[(u16, &str, bool)]| -> Layout {
            let holding = |slots: &str, receives| Some(Holding { slots: slots.into(), receives });
            holdings.iter().map(|(port, slots, receives)| (place(*port), holding(slots, *receives))).collect()
        };
        let rest = layout(&[(1, "1 0-9", false), (2, "2 10-19", false)]);
        assert_eq!(again(None, &rest, false), [place(1), place(2)]);
        assert_eq!(again(Some(&rest), &rest, false), []);
        let moving = layout(&[(1, "1 0-9 [9->-b]", false), (2, "2 10-19 [9-<-a]", true)]);
        assert_eq!(again(Some(&rest), &moving, false), [place(1), place(2)]);
        assert_eq!(again(Some(&moving), &moving, false), [place(2)]);
        assert_eq!(again(Some(&moving), &moving, true), []);
        let moved = layout(&[(1, "1 0-8", false), (2, "3 9-19", false)]);
        assert_eq!(again(Some(&moving), &moved, true), [place(1), place(2)]);
        assert_eq!(again(Some(&moved), &moved, true), []);
        let taken = layout(&[(1, "1 0-8", false), (3, "4 9-19", false)]);
        assert_eq!(again(Some(&moved), &taken, false), [place(3)]);
    }
}
