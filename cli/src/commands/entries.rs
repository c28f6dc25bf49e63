//! The commands about one entry's document and meta, and the listing of keys.

use std::io::Read;

use futures::{StreamExt, TryStreamExt};
use larder::{Change, Document, Key, Kind, Larder, Meta, MetaUpdate, Path};
use serde_json::{Map, Value};

use super::absent;
use crate::failure::{Failure, Outcome, Result};
use crate::output::{self, Output};
use crate::segments::{self, Segment};
use crate::{json, notation};

pub(crate) async fn get(larder: Larder, key: String, texts: Vec<String>) -> Result<Outcome> {
    let (key, segments) = (notation::parse(&key)?, Segment::parse_all(&texts)?);
    let Some(document) = larder.get_document(&key).await? else { return Ok(absent(&key, &texts)) };
    let keys = segments::resolve(Some(&document), &segments)?;
    match document.get_in(&keys)? {
        Some(part) => output::json(&json::from_document(&part)?).map(|()| Outcome::Done),
        None => Ok(absent(&key, &texts)),
    }
}

pub(crate) async fn exists(larder: Larder, key: String) -> Result<Outcome> {
    let exists = larder.exists(notation::parse(&key)?).await?;
    say(exists)
}

pub(crate) async fn dissoc(larder: Larder, key: String) -> Result<Outcome> {
    let existed = larder.dissoc(notation::parse(&key)?).await?;
    say(existed)
}

fn say(truth: bool) -> Result<Outcome> {
    output::line(if truth { "true" } else { "false" })?;
    Ok(if truth { Outcome::Done } else { Outcome::Absent })
}

pub(crate) async fn meta(larder: Larder, key: String) -> Result<Outcome> {
    let key = notation::parse(&key)?;
    let Some(meta) = larder.get_meta(&key).await? else { return Ok(absent(&key, &[])) };
    let mut members = Map::new();
    members.insert("key".into(), notation::print(meta.key()).into());
    members.insert("kind".into(), kind(&meta).into());
    members.insert("last-write".into(), meta.last_write().to_string().into());
    members.insert("rev".into(), meta.rev().into());
    // The data of a log's own record is its id, not what was appended.
    if meta.kind() != Kind::AppendLog {
        if let Some(size) = meta.size() {
            members.insert("size".into(), size.into());
        }
        if let Some(sums) = meta.sums() {
            members.insert("sum".into(), format!("{:08x}", sums.data).into());
        }
    }
    members.insert("user".into(), user(&meta)?);
    output::json(&Value::Object(members))?;
    Ok(Outcome::Done)
}

/// The word for a kind.
pub(crate) fn kind(meta: &Meta) -> &'static str {
    match meta.kind() {
        Kind::Document => "document",
        Kind::Binary => "binary",
        Kind::AppendLog => "log",
    }
}

/// The user's meta as JSON. Its names are keys, written as keys are.
pub(crate) fn user(meta: &Meta) -> Result<Value> {
    let members =
        meta.user().iter().map(|(name, value)| Ok((notation::print(name), json::from_document(value)?)));
    members.collect::<Result<Map<_, _>>>().map(Value::Object)
}

pub(crate) async fn keys(larder: Larder, prefix: Option<String>, long: bool) -> Result<Outcome> {
    const AT_ONCE: usize = 16;
    let mut out = Output::open(None)?;
    let keys = larder.store().keys(prefix.as_deref());
    let mut lines = keys
        .map(|key| {
            let larder = larder.clone();
            async move {
                let key = key?;
                if !long {
                    return Ok(Some(notation::print(&key)));
                }
                // It may be gone by now.
                Ok::<_, Failure>(larder.get_meta(&key).await?.as_ref().map(long_line))
            }
        })
        .buffered(AT_ONCE);
    let mut failure = None;
    while let Some(line) = lines.next().await {
        match line {
            Ok(Some(line)) => out.write(format!("{line}\n").as_bytes())?,
            Ok(None) => {}
            // The listing goes on: what can be listed is.
            Err(error) => {
                super::complain_of(None, &error);
                failure = Some(error);
            }
        }
    }
    out.finish()?;
    match failure {
        None => Ok(Outcome::Done),
        Some(_) => Err(Failure::storage("not every key could be listed; larder verify tells more")),
    }
}

fn long_line(meta: &Meta) -> String {
    let size = match meta.kind() {
        Kind::AppendLog => None,
        _ => meta.size(),
    };
    let size = size.map_or_else(|| "-".to_owned(), |size| size.to_string());
    format!("{}\t{}\t{size}\t{}", notation::print(meta.key()), kind(meta), meta.last_write())
}

/// Setting a document or a part of it.
pub(crate) struct Assoc {
    key: Key,
    segments: Vec<Segment>,
    value: Document,
}

impl Assoc {
    /// Reads everything that was given before the store is opened.
    pub(crate) fn new(key: &str, mut rest: Vec<String>, text: bool) -> Result<Assoc> {
        // The value stands last; everything before it is a segment.
        let value = rest.pop().unwrap_or_default();
        let value = if value == "-" { from_stdin()? } else { value };
        let value = if text { json::to_document(&Value::from(value))? } else { json::parse(&value)? };
        Ok(Assoc { key: notation::parse(key)?, segments: Segment::parse_all(&rest)?, value })
    }

    pub(crate) async fn run(self, larder: Larder) -> Result<Outcome> {
        let path = Path::new(self.key);
        if self.segments.is_empty() {
            larder.store().assoc_in(&path, self.value, MetaUpdate::new()).await?;
            return Ok(Outcome::Done);
        }
        // What a segment means depends on what is there, so it is found out within the update.
        let change = move |old: Option<Document>| {
            let keys = segments::resolve(old.as_ref(), &self.segments)?;
            let old = old.map_or_else(|| Document::encode(&Map::new()), Ok)?;
            Ok(Change::Set(old.assoc_in(&keys, &self.value)?))
        };
        larder.store().update_in(&path, Box::new(change), MetaUpdate::new()).await?;
        Ok(Outcome::Done)
    }
}

fn from_stdin() -> Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("standard input cannot be read as text: {error}")))?;
    Ok(text)
}

/// All elements of a log, in memory; `None` without a log.
pub(crate) async fn log_elements(larder: &Larder, key: &Key) -> larder::Result<Option<Vec<Document>>> {
    match larder.log_documents(key).await? {
        Some(elements) => elements.try_collect().await.map(Some),
        None => Ok(None),
    }
}
