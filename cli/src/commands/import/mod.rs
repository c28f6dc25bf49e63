//! `import`: many entries from JSON. A thread of its own reads and understands the input (`reader`);
//! the writes run side by side here.
//!
//! Two entries with the same key are written one after the other, in the order of the input.

mod reader;
mod upload;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use futures::channel::mpsc;
use futures::future::{self, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{pin_mut, select};
use larder::{Bytes, Document, Durability, Key, Larder, MetaUpdate};

use self::upload::Upload;
use super::counted;
use crate::failure::{Failure, Outcome, Result};
use crate::notation;
use crate::progress::{self, Total};

/// An entry to be stored.
pub(crate) struct Entry {
    key: Key,
    meta: MetaUpdate,
    value: Value,
}

enum Value {
    Document(Document),
    Binary(Bytes),
    /// A binary whose parts are still to come.
    Upload(Upload),
    Log(Vec<Document>),
}

/// What is to be imported.
pub(crate) struct Input {
    source: Box<dyn Read + Send>,
    bytes: Option<u64>,
    /// The member that holds the key of each object.
    field: Option<String>,
}

/// Opens the file before the store is touched.
pub(crate) fn open(file: &Path, field: Option<String>) -> Result<Input> {
    if file == Path::new("-") {
        return Ok(Input { source: Box::new(io::stdin()), bytes: None, field });
    }
    let unreadable = |error| Failure::unreadable(file, &error);
    let opened = File::open(file).map_err(unreadable)?;
    let there = opened.metadata().map_err(unreadable)?;
    if there.is_dir() {
        return Err(Failure::usage(format!("{} is a directory; name a file", file.display())));
    }
    Ok(Input { bytes: there.is_file().then_some(there.len()), source: Box::new(opened), field })
}

pub(crate) async fn run(larder: Larder, input: Input, jobs: usize, acks: bool) -> Result<Outcome> {
    let durability = larder.capabilities().durability;
    if acks && durability == Durability::Volatile {
        return Err(Failure::usage(
            "--acks needs a store on a stable medium, and this one is gone with the process",
        ));
    }
    let bar = progress::bar("import", Total::Bytes(input.bytes));
    let entries = reader::start(Input { source: Box::new(bar.wrap_read(input.source)), ..input }, jobs);
    let acks = acks.then(|| Acks { sync: durability != Durability::Synced, open: true });
    let (stored, failure) = write_all(&larder, entries, jobs, acks).await;
    bar.finish_and_clear();
    let stored = counted(stored, "entry", "entries");
    match failure {
        None => {
            if !bar.is_hidden() {
                crate::complain(&format!("imported {stored}"));
            }
            Ok(Outcome::Done)
        }
        Some(Failure::Usage(message)) => {
            Err(Failure::Usage(format!("{message}; {stored} before it were imported")))
        }
        Some(Failure::Storage(message)) => {
            Err(Failure::Storage(format!("{message}; {stored} were imported")))
        }
        Some(Failure::OutputClosed) => Err(Failure::OutputClosed),
    }
}

/// Writes what comes, so many entries at a time. Answers with how many were stored, and the first
/// failure: after it nothing more is begun, and what was begun is finished.
async fn write_all(
    larder: &Larder,
    mut entries: mpsc::Receiver<Result<Entry>>,
    jobs: usize,
    mut acks: Option<Acks>,
) -> (u64, Option<Failure>) {
    let mut running = FuturesUnordered::new();
    let mut busy = HashSet::new();
    let mut held: Option<Entry> = None;
    let mut failure = None;
    let (mut ended, mut stored) = (false, 0);
    loop {
        if let Some(entry) = held.take() {
            if busy.contains(&entry.key) {
                held = Some(entry);
            } else {
                busy.insert(entry.key.clone());
                running.push(store(larder, entry));
            }
        }
        let wanted = !ended && held.is_none() && running.len() < jobs;
        if !wanted && running.is_empty() {
            return (stored, failure);
        }
        let next = async { if wanted { entries.next().await } else { future::pending().await } }.fuse();
        let done =
            async { if running.is_empty() { future::pending().await } else { running.next().await } }.fuse();
        pin_mut!(next, done);
        let event = select! {
            entry = next => Event::Came(entry),
            done = done => Event::Done(done),
        };
        match event {
            Event::Came(Some(Ok(entry))) => held = Some(entry),
            Event::Came(Some(Err(malformed))) => {
                failure.get_or_insert(malformed);
                ended = true;
            }
            Event::Came(None) => ended = true,
            Event::Done(done) => {
                let mut finished = Vec::from_iter(done);
                while let Some(Some(more)) = running.next().now_or_never() {
                    finished.push(more);
                }
                let mut keys = Vec::with_capacity(finished.len());
                for (key, result) in finished {
                    busy.remove(&key);
                    match result {
                        Ok(true) => keys.push(key),
                        Ok(false) => {}
                        Err(error) => {
                            // A binary whose parts broke off fails because the input is malformed: the
                            // reader says so before it lets go of the parts.
                            let cause = match entries.next().now_or_never() {
                                Some(Some(Err(malformed))) => malformed,
                                _ => error.into(),
                            };
                            failure.get_or_insert(cause);
                            ended = true;
                            held = None;
                        }
                    }
                }
                stored += keys.len() as u64;
                let given = match &mut acks {
                    Some(acks) => acks.give(larder, &keys).await,
                    None => Ok(()),
                };
                if let Err(error) = given {
                    failure.get_or_insert(error);
                    ended = true;
                    held = None;
                }
            }
        }
    }
}

enum Event {
    Came(Option<Result<Entry>>),
    Done(Option<(Key, larder::Result<bool>)>),
}

/// Stores the entry; tells whether there was anything to store.
async fn store(larder: &Larder, entry: Entry) -> (Key, larder::Result<bool>) {
    let Entry { key, meta, value } = entry;
    let store = larder.store();
    let result = match value {
        Value::Document(document) => {
            store.assoc_in(&larder::Path::new(&key), document, meta).await.map(|()| true)
        }
        Value::Binary(bytes) => store.bassoc(&key, bytes.into(), meta).await.map(|()| true),
        Value::Upload(upload) => {
            let (source, fate) = upload.into_source();
            match store.bassoc(&key, source, meta).await {
                Err(_) if fate.was_abandoned() => Ok(false),
                result => result.map(|()| true),
            }
        }
        Value::Log(elements) => replace_log(larder, &key, elements, meta).await.map(|()| true),
    };
    (key, result)
}

async fn replace_log(
    larder: &Larder,
    key: &Key,
    elements: Vec<Document>,
    meta: MetaUpdate,
) -> larder::Result<()> {
    larder.dissoc(key).await?;
    larder.store().append(key, elements, meta).await
}

/// Prints the keys that are on stable storage.
struct Acks {
    /// Whether an acknowledged write still has to be made durable.
    sync: bool,
    /// Whether there is anybody left who reads them.
    open: bool,
}

impl Acks {
    async fn give(&mut self, larder: &Larder, keys: &[Key]) -> Result {
        if keys.is_empty() || !self.open {
            return Ok(());
        }
        if self.sync {
            larder.sync().await?;
        }
        let mut out = io::stdout().lock();
        for key in keys {
            let written = writeln!(out, "{}", notation::print(key)).and_then(|()| out.flush());
            match written.map_err(|error| Failure::output(&error)) {
                // The import was asked for, whoever listens.
                Err(Failure::OutputClosed) => {
                    self.open = false;
                    return Ok(());
                }
                written => written?,
            }
        }
        Ok(())
    }
}
