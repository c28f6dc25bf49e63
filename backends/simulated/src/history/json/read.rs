//! Reading a history.

use std::borrow::Cow;

use larder::{ByteRange, Document, Key, Path};
use serde_json::{Map, Value};

use super::VERSION;
use super::value::{to_digest, to_document, to_key, to_option};
use crate::history::History;
use crate::history::answer::Answer;
use crate::history::call::{Call, Update};
use crate::history::operation::{Operation, Outcome};
use crate::history::text::Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// Reads a history from JSON Lines.
///
/// # Errors
/// [`Malformed`], naming the line, if it is none.
pub fn read(text: &str) -> Result<History> {
    let (mut operations, mut crashes) = (Vec::new(), Vec::new());
    for (at, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let entry = entry(line).map_err(|malformed| malformed.at_line(at + 1))?;
        match entry {
            Entry::Version => {}
            Entry::Crash(place) => crashes.push(place),
            Entry::Operation(operation) => operations.push(*operation),
        }
    }
    Ok(History::with_crashes(operations, crashes))
}

enum Entry {
    Version,
    Crash(u64),
    Operation(Box<Operation>),
}

fn entry(line: &str) -> Result<Entry> {
    let value: Value =
        serde_json::from_str(line).map_err(|error| Malformed::new(format!("no JSON: {error}")))?;
    let Value::Object(object) = value else { return Err(Malformed::new("no JSON object")) };
    let members = Members(object);
    if let Some(version) = members.0.get("larder_history") {
        return match version.as_u64() {
            Some(VERSION) => Ok(Entry::Version),
            _ => Err(Malformed::new(format!("version {version} of the format is not known, only {VERSION}"))),
        };
    }
    if members.0.contains_key("crash") {
        return members.number("crash").map(Entry::Crash);
    }
    operation(&members).map(|operation| Entry::Operation(Box::new(operation)))
}

/// The members of a line.
struct Members(Map<String, Value>);

impl Members {
    fn need(&self, name: &str) -> Result<&Value> {
        self.0.get(name).ok_or_else(|| Malformed::new(format!("there is no member {name:?}")))
    }

    fn number(&self, name: &str) -> Result<u64> {
        self.need(name)?.as_u64().ok_or_else(|| wrong(name, "a number that is not negative"))
    }

    fn number_or_none(&self, name: &str) -> Result<Option<u64>> {
        if self.0.contains_key(name) { self.number(name).map(Some) } else { Ok(None) }
    }

    fn text(&self, name: &str) -> Result<&str> {
        self.need(name)?.as_str().ok_or_else(|| wrong(name, "a text"))
    }

    fn flag(&self, name: &str) -> Result<bool> {
        self.need(name)?.as_bool().ok_or_else(|| wrong(name, "true or false"))
    }

    fn array(&self, name: &str) -> Result<&[Value]> {
        self.need(name)?.as_array().map(Vec::as_slice).ok_or_else(|| wrong(name, "an array"))
    }

    fn key(&self) -> Result<Key> {
        to_key(self.need("key")?)
    }

    fn path(&self) -> Result<Path> {
        let mut segments = self.array("path")?.iter().map(to_key);
        segments.try_fold(Path::new(self.key()?), |path, segment| Ok(path.join(segment?)))
    }

    fn document(&self, name: &str) -> Result<Document> {
        to_document(self.need(name)?)
    }
}

fn wrong(name: &str, right: &str) -> Malformed {
    Malformed::new(format!("the member {name:?} must be {right}"))
}

fn operation(members: &Members) -> Result<Operation> {
    let call = call(members)?;
    let outcome = outcome(members, &call)?;
    let invoked = members.number("invoked")?;
    let returned = members.number_or_none("returned")?;
    if returned.is_some_and(|returned| returned < invoked) {
        return Err(Malformed::new("it returned before it was invoked"));
    }
    if returned.is_none() && matches!(outcome, Outcome::Ok(_)) {
        return Err(Malformed::new("an operation that is \"ok\" needs the place where it returned"));
    }
    Ok(Operation {
        client: members.number("client")?,
        number: members.number_or_none("number")?.unwrap_or(0),
        call,
        outcome,
        invoked,
        returned,
        effect: members.number_or_none("effect")?,
        began: members.number_or_none("began")?.unwrap_or(invoked),
        ended: members.number_or_none("ended")?.or(returned),
    })
}

fn call(members: &Members) -> Result<Call> {
    Ok(match members.text("call")? {
        "get" => Call::Get(members.key()?),
        "exists" => Call::Exists(members.key()?),
        "get_meta" => Call::GetMeta(members.key()?),
        "dissoc" => Call::Dissoc(members.key()?),
        "log" => Call::Log(members.key()?),
        "assoc" => Call::Assoc(members.key()?, members.document("value")?),
        "assoc_in" => Call::AssocIn(members.path()?, members.document("value")?),
        "update_in" => Call::UpdateIn(members.path()?, update(members)?),
        "compare_and_set" => Call::CompareAndSet {
            key: members.key()?,
            old: to_option(members.need("old")?)?,
            new: members.document("new")?,
        },
        "append" => Call::Append(
            members.key()?,
            members.array("elements")?.iter().map(to_document).collect::<Result<_>>()?,
        ),
        "bget" => Call::Bget(members.key()?, range(members)?),
        "bassoc" => Call::Bassoc(members.key()?, members.0.get("digest").map(to_digest).transpose()?),
        "keys" => Call::Keys(match members.0.contains_key("prefix") {
            true => Some(members.text("prefix")?.to_owned()),
            false => None,
        }),
        "multi_assoc" => Call::MultiAssoc {
            entries: members.array("entries")?.iter().map(pair).collect::<Result<_>>()?,
            atomic: members.flag("atomic")?,
        },
        "multi_dissoc" => Call::MultiDissoc {
            keys: members.array("keys")?.iter().map(to_key).collect::<Result<_>>()?,
            atomic: members.flag("atomic")?,
        },
        other => return Err(Malformed::new(format!("there is no call {other:?}"))),
    })
}

fn update(members: &Members) -> Result<Update> {
    match members.0.get("ran") {
        None => Ok(Update::Unseen),
        Some(Value::Bool(false)) => Ok(Update::NotRun),
        Some(ran) => {
            let (old, new) = change("ran", ran)?;
            Ok(Update::Ran { old, new })
        }
    }
}

fn change(name: &str, value: &Value) -> Result<(Option<Document>, Option<Document>)> {
    match (value.get("old"), value.get("new")) {
        (Some(old), Some(new)) => Ok((to_option(old)?, to_option(new)?)),
        _ => Err(wrong(name, "an object with old and new")),
    }
}

fn range(members: &Members) -> Result<ByteRange> {
    let Some(range) = members.0.get("range") else { return Ok(ByteRange::ALL) };
    let ends = match range.as_array().map(Vec::as_slice) {
        Some([start, Value::Null]) => start.as_u64().map(|start| ByteRange::new(start..)),
        Some([start, end]) => start.as_u64().zip(end.as_u64()).map(|(start, end)| ByteRange::new(start..end)),
        _ => None,
    };
    ends.and_then(|range| range.ok()).ok_or_else(|| wrong("range", "[START, END] in bytes"))
}

fn pair(value: &Value) -> Result<(Key, Document)> {
    match value.as_array().map(Vec::as_slice) {
        Some([key, value]) => Ok((to_key(key)?, to_document(value)?)),
        _ => Err(wrong("entries", "an array of [key, document]")),
    }
}

fn outcome(members: &Members, call: &Call) -> Result<Outcome> {
    let why = || {
        let why = members.0.get("why").and_then(Value::as_str).unwrap_or("not said");
        Cow::Owned(why.to_owned())
    };
    match members.text("outcome")? {
        "ok" => answer(members, call).map(Outcome::Ok),
        "failed" => Ok(Outcome::Failed(why())),
        "unknown" => Ok(Outcome::Unknown(why())),
        other => Err(Malformed::new(format!("there is no outcome {other:?}"))),
    }
}

fn answer(members: &Members, call: &Call) -> Result<Answer> {
    match members.0.get("result").and_then(Value::as_str) {
        Some("wrong_kind") => return Ok(Answer::WrongKind),
        Some("invalid_path") => return Ok(Answer::InvalidPath),
        _ => {}
    }
    Ok(match call {
        Call::Get(_) => Answer::Value(to_option(members.need("result")?)?),
        Call::Exists(_) | Call::GetMeta(_) | Call::Dissoc(_) | Call::CompareAndSet { .. } => {
            Answer::Flag(members.flag("result")?)
        }
        Call::Assoc(..)
        | Call::AssocIn(..)
        | Call::Append(..)
        | Call::Bassoc(..)
        | Call::MultiAssoc { .. } => Answer::Done,
        Call::UpdateIn(..) => {
            let (old, new) = change("result", members.need("result")?)?;
            Answer::Change { old, new }
        }
        Call::Log(_) => Answer::Elements(match members.array("result")? {
            [] => None,
            [Value::Array(elements)] => Some(elements.iter().map(to_document).collect::<Result<_>>()?),
            _ => return Err(wrong("result", "an array with the array of elements, or with nothing")),
        }),
        Call::Bget(_, range) => match (members.array("result")?, *range == ByteRange::ALL) {
            ([], true) => Answer::Binary(None),
            ([digest], true) => Answer::Binary(Some(to_digest(digest)?)),
            ([], false) => Answer::Size(None),
            ([size], false) => Answer::Size(Some(size.as_u64().ok_or_else(|| wrong("result", "[SIZE]"))?)),
            _ => return Err(wrong("result", "an array of one element or of none")),
        },
        Call::Keys(_) => listing(members.need("result")?)?,
        Call::MultiDissoc { .. } => {
            let flags = members.array("result")?.iter().map(Value::as_bool).collect::<Option<_>>();
            Answer::Flags(flags.ok_or_else(|| wrong("result", "an array of true and false"))?)
        }
    })
}

fn listing(result: &Value) -> Result<Answer> {
    let keys = result.get("keys").and_then(Value::as_array);
    let complete = result.get("complete").and_then(Value::as_bool);
    match (keys, complete) {
        (Some(keys), Some(complete)) => {
            Ok(Answer::Keys { keys: keys.iter().map(to_key).collect::<Result<_>>()?, complete })
        }
        _ => Err(wrong("result", "an object with keys and complete")),
    }
}
