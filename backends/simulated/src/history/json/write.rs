//! Writing a history.

use std::io::{self, Write};

use larder::ByteRange;
use serde_json::{Map, Value, json};

use super::VERSION;
use super::value::{of_digest, of_document, of_key, of_option};
use crate::history::History;
use crate::history::answer::Answer;
use crate::history::call::{Call, Update};
use crate::history::operation::{Operation, Outcome};

/// Writes a history as JSON Lines. Its operations stand in the order of their invocation.
///
/// # Errors
/// Those of the writer.
pub fn write(history: &History, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", json!({"larder_history": VERSION}))?;
    for crash in history.crashes() {
        writeln!(out, "{}", json!({"crash": crash}))?;
    }
    history.operations().iter().try_for_each(|operation| writeln!(out, "{}", line(operation)))
}

fn line(operation: &Operation) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| _ = members.insert(name.to_owned(), value);
    put("client", operation.client.into());
    put("number", operation.number.into());
    put("call", operation.call.name().into());
    if let Some(key) = operation.key() {
        put("key", of_key(key));
    }
    call(&operation.call, &mut put);
    put("invoked", operation.invoked.into());
    put("began", operation.began.into());
    for (name, value) in
        [("returned", operation.returned), ("effect", operation.effect), ("ended", operation.ended)]
    {
        if let Some(value) = value {
            put(name, value.into());
        }
    }
    match &operation.outcome {
        Outcome::Ok(answer) => {
            put("outcome", "ok".into());
            if let Some(result) = result(answer) {
                put("result", result);
            }
        }
        Outcome::Failed(why) => {
            put("outcome", "failed".into());
            put("why", why.as_ref().into());
        }
        Outcome::Unknown(why) => {
            put("outcome", "unknown".into());
            put("why", why.as_ref().into());
        }
    }
    Value::Object(members)
}

/// The members that belong to one kind of call, but for its key.
fn call(call: &Call, put: &mut impl FnMut(&str, Value)) {
    let segments = |path: &larder::Path| path.segments().iter().map(of_key).collect();
    match call {
        Call::Get(_) | Call::Exists(_) | Call::GetMeta(_) | Call::Dissoc(_) | Call::Log(_) => {}
        Call::Assoc(_, value) => put("value", of_document(value)),
        Call::AssocIn(path, value) => {
            put("path", segments(path));
            put("value", of_document(value));
        }
        Call::UpdateIn(path, update) => {
            put("path", segments(path));
            match update {
                Update::NotRun => put("ran", false.into()),
                Update::Ran { old, new } => {
                    put("ran", json!({"old": of_option(old.as_ref()), "new": of_option(new.as_ref())}));
                }
                Update::Unseen => {}
            }
        }
        Call::CompareAndSet { old, new, .. } => {
            put("old", of_option(old.as_ref()));
            put("new", of_document(new));
        }
        Call::Append(_, elements) => put("elements", elements.iter().map(of_document).collect()),
        Call::Bget(_, range) if *range == ByteRange::ALL => {}
        Call::Bget(_, range) => {
            let (start, end) = range.within(u64::MAX);
            put("range", json!([start, (end < u64::MAX).then_some(end)]));
        }
        Call::Bassoc(_, digest) => {
            if let Some(digest) = digest {
                put("digest", of_digest(*digest));
            }
        }
        Call::Keys(prefix) => {
            if let Some(prefix) = prefix {
                put("prefix", prefix.as_str().into());
            }
        }
        Call::MultiAssoc { entries, atomic } => {
            let pair = |(key, value)| json!([of_key(key), of_document(value)]);
            put("entries", entries.iter().map(|(key, value)| pair((key, value))).collect());
            put("atomic", (*atomic).into());
        }
        Call::MultiDissoc { keys, atomic } => {
            put("keys", keys.iter().map(of_key).collect());
            put("atomic", (*atomic).into());
        }
    }
}

fn result(answer: &Answer) -> Option<Value> {
    Some(match answer {
        Answer::Done => return None,
        Answer::Flag(flag) => (*flag).into(),
        Answer::Value(value) => of_option(value.as_ref()),
        Answer::Change { old, new } => {
            json!({"old": of_option(old.as_ref()), "new": of_option(new.as_ref())})
        }
        Answer::Elements(elements) => {
            let elements = elements.as_ref().map(|elements| elements.iter().map(of_document).collect());
            Value::Array(elements.into_iter().collect())
        }
        Answer::Binary(digest) => Value::Array(digest.map(of_digest).into_iter().collect()),
        Answer::Size(size) => Value::Array(size.map(Value::from).into_iter().collect()),
        Answer::Keys { keys, complete } => {
            json!({"keys": keys.iter().map(of_key).collect::<Value>(), "complete": complete})
        }
        Answer::Flags(flags) => flags.clone().into(),
        Answer::WrongKind => "wrong_kind".into(),
        Answer::InvalidPath => "invalid_path".into(),
    })
}
