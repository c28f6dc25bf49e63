//! Traffic for a store: what a client does, drawn by its seed.

#![expect(
    clippy::disallowed_methods,
    reason = "measures real time and starts threads; no part of a simulated run"
)]

use std::sync::{Arc, Barrier};
use std::thread;

use futures::TryStreamExt;
use larder::{Change, Document, Key, Larder, MetaUpdate, Path, Together, path};
use larder_simulated::draw::{Draws, below};
use larder_simulated::history::{History, Recorder};

/// How much traffic there is.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    pub(crate) seed: u64,
    pub(crate) clients: u64,
    /// Operations of each client.
    pub(crate) operations: u64,
    /// Keys of each kind.
    pub(crate) keys: u64,
    pub(crate) batches: bool,
}

/// Real threads, each a client, on these larders by turns; what they saw.
pub(crate) fn record(larders: &[Larder], traffic: Traffic) -> History {
    println!("seed {}", traffic.seed);
    let recorder = Recorder::new();
    let barrier = Arc::new(Barrier::new(traffic.clients as usize));
    let clients = (0..traffic.clients).map(|client| {
        let larder = recorder.larder(client, &larders[client as usize % larders.len()]);
        let barrier = Arc::clone(&barrier);
        thread::spawn(move || {
            barrier.wait();
            let mut client = Client { larder, traffic, id: client, number: 0 };
            (0..traffic.operations)
                .for_each(|_| pollster::block_on(client.act()).expect("nothing fails here"));
        })
    });
    let clients: Vec<_> = clients.collect();
    clients.into_iter().for_each(|client| client.join().expect("no client panics"));
    recorder.history()
}

struct Client {
    larder: Larder,
    traffic: Traffic,
    id: u64,
    number: u64,
}

impl Client {
    fn draw(&self, purpose: &str, bound: u64) -> u64 {
        let draws = Draws::new(self.traffic.seed).domain(purpose).of(self.id);
        below(draws.at(self.number), bound)
    }

    fn key(&self, kind: &str) -> Key {
        Key::from(format!("{kind}-{}", self.draw("key", self.traffic.keys)))
    }

    /// A value that nobody else ever writes.
    fn value(&self) -> u64 {
        self.id << 32 | self.number
    }

    async fn act(&mut self) -> larder::Result<()> {
        self.number += 1;
        let larder = &self.larder;
        match self.draw("what", 100) {
            0..30 => _ = larder.get::<u64>(self.key("value")).await?,
            30..45 => larder.assoc(self.key("value"), &self.value()).await?,
            45..60 => {
                _ = larder
                    .update_in(Path::new(self.key("count")), |n: Option<u64>| n.unwrap_or(0) + 1)
                    .await?
            }
            60..66 => {
                let path = path![self.key("deep"), "visits", "all"];
                _ = larder.update_in(path, |n: Option<u64>| n.unwrap_or(0) + 1).await?;
            }
            66..70 => larder.assoc_in(path![self.key("deep"), "last"], &self.id).await?,
            70..74 => _ = larder.get_document(self.key("deep")).await?,
            74..80 => _ = larder.dissoc(self.key("value")).await?,
            80..84 => _ = larder.exists(self.key("value")).await?,
            84..86 => _ = larder.get_meta(self.key("value")).await?,
            86..89 => {
                larder
                    .bassoc(self.key("binary"), vec![self.id as u8; 100 + self.number as usize % 900])
                    .await?
            }
            89..92 => {
                if let Some(binary) = larder.bget(self.key("binary")).await? {
                    binary.bytes().await?;
                }
            }
            92..94 => larder.append(self.key("log"), &self.value()).await?,
            94 => _ = larder.log::<u64>(self.key("log")).await?,
            95 if self.number.is_multiple_of(8) => _ = larder.keys().try_collect::<Vec<_>>().await?,
            96 => self.dissoc_count().await?,
            97 if self.traffic.batches => {
                let entries = (0..2).map(|key| (format!("pair-{key}"), self.value()));
                larder.multi_assoc(entries, Together::Atomic).await?;
            }
            98 if self.traffic.batches => {
                _ = larder.multi_dissoc(["pair-0", "pair-1"], Together::Atomic).await?;
            }
            _ => _ = larder.get::<u64>(format!("pair-{}", self.draw("pair", 2))).await?,
        }
        Ok(())
    }

    /// Takes the count away if it is even, and leaves it otherwise.
    async fn dissoc_count(&self) -> larder::Result<()> {
        let update = |old: Option<Document>| {
            let even = old.as_ref().is_some_and(|old| old.decode::<u64>().is_ok_and(|n| n % 2 == 0));
            Ok(if even { Change::Remove } else { Change::Keep })
        };
        let path = Path::new(self.key("count"));
        self.larder.store().update_in(&path, Box::new(update), MetaUpdate::new()).await.map(|_| ())
    }
}
