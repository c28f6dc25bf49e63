//! The lines of an export, which `import` takes back. Each is a JSON object on its own:
//!
//! ```text
//! {"$larder":"document","key":"ada","meta":{..},"value":{"name":"Ada"}}
//! {"$larder":"log","key":"visits","meta":{..},"log":[1,2,3]}
//! {"$larder":"binary","key":"photo","meta":{..},"size":3,"base64":"AQID"}
//! {"$larder":"binary","key":"film","meta":{..},"size":700000}      and then, without other lines between:
//! {"$larder":"part","key":"film","base64":".."}                    as many as it takes
//! {"$larder":"end","key":"film"}                                   or "abandoned": it could not be read
//! ```
//!
//! `key` is in the notation of the command line, `meta` is `{"last-write":"..","user":{..}}`.

use larder::{Key, Kind, Meta, MetaUpdate, Timestamp};
use serde_json::{Map, Value};

use super::entries;
use crate::failure::{Failure, Result};
use crate::{json, notation};

/// The member that tells a line of an export from other JSON.
pub(crate) const MARK: &str = "$larder";

/// The largest binary that stands in one line, and the size of a part.
pub(crate) const PART_BYTES: usize = 256 * 1024;

/// What a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Document,
    Binary,
    Log,
    Part,
    End,
    Abandoned,
}

impl Word {
    const ALL: [Word; 6] = [Word::Document, Word::Binary, Word::Log, Word::Part, Word::End, Word::Abandoned];

    fn name(self) -> &'static str {
        match self {
            Word::Document => "document",
            Word::Binary => "binary",
            Word::Log => "log",
            Word::Part => "part",
            Word::End => "end",
            Word::Abandoned => "abandoned",
        }
    }
}

impl From<Kind> for Word {
    fn from(kind: Kind) -> Word {
        match kind {
            Kind::Document => Word::Document,
            Kind::Binary => Word::Binary,
            Kind::AppendLog => Word::Log,
        }
    }
}

/// A line of this kind, from its beginning up to the members that follow the key.
pub(crate) fn opening(word: Word, key: &Key) -> String {
    format!("{{\"{MARK}\":\"{}\",\"key\":{}", word.name(), Value::from(notation::print(key)))
}

/// The member `meta`, with the comma before it.
pub(crate) fn meta_member(meta: &Meta) -> Result<String> {
    let mut members = Map::new();
    members.insert("last-write".into(), meta.last_write().to_string().into());
    if !meta.user().is_empty() {
        members.insert("user".into(), entries::user(meta)?);
    }
    Ok(format!(",\"meta\":{}", Value::Object(members)))
}

/// What a line is, and of which entry.
pub(crate) fn read(line: &Map<String, Value>) -> Result<(Word, Key)> {
    let name = line.get(MARK).and_then(Value::as_str).unwrap_or_default();
    let Some(word) = Word::ALL.into_iter().find(|word| word.name() == name) else {
        let known = Word::ALL.map(Word::name).join(", ");
        return Err(Failure::usage(format!(
            "{MARK} is none of {known}; --key FIELD takes lines that are no export"
        )));
    };
    let Some(key) = line.get("key").and_then(Value::as_str) else {
        return Err(Failure::usage("the line of an export has no key"));
    };
    Ok((word, notation::parse(key)?))
}

/// What the member `meta` wants in the meta of the entry; without one, nothing.
pub(crate) fn read_meta(line: &Map<String, Value>) -> Result<MetaUpdate> {
    let Some(meta) = line.get("meta") else { return Ok(MetaUpdate::new()) };
    let mut update = MetaUpdate::new();
    if let Some(time) = meta.get("last-write") {
        let Some(time) = time.as_str().and_then(Timestamp::parse) else {
            return Err(Failure::usage("last-write is no time such as 2026-11-21T11:28:00.123Z"));
        };
        update = update.at(time);
    }
    for (name, value) in meta.get("user").and_then(Value::as_object).into_iter().flatten() {
        update = update.set_document(notation::parse(name)?, json::to_document(value)?)?;
    }
    Ok(update)
}
