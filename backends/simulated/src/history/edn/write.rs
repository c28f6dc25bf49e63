//! Writing a history as Jepsen's events.

use std::io::{self, Write};

use larder::{Document, Key};
use serde_json::Value;

use super::syntax::Edn;
use crate::history::History;
use crate::history::answer::Answer;
use crate::history::call::{Call, Update};
use crate::history::operation::{Operation, Outcome};

/// Writes a history as EDN, one event a line, in the order of invocations and returns.
///
/// # Errors
/// Those of the writer.
pub fn write(history: &History, out: &mut dyn Write) -> io::Result<()> {
    let mut places: Vec<(u64, bool, &Operation)> = Vec::with_capacity(2 * history.len());
    for operation in history.operations() {
        places.push((operation.invoked, false, operation));
        places.extend(operation.returned.map(|returned| (returned, true, operation)));
    }
    places.sort_by_key(|(place, returns, operation)| (*place, *returns, operation.client, operation.number));
    for (index, (_, returns, operation)) in places.into_iter().enumerate() {
        writeln!(out, "{}", event(operation, returns, index))?;
    }
    Ok(())
}

fn event(operation: &Operation, returns: bool, index: usize) -> Edn {
    let (f, asked) = call(&operation.call);
    let time = if returns { operation.ended.unwrap_or(operation.began) } else { operation.began };
    let (kind, value, error) = match (&operation.outcome, returns) {
        (_, false) => ("invoke", asked, None),
        (Outcome::Ok(Answer::Flag(false)), true) if f == "cas" => ("fail", asked, None),
        (Outcome::Ok(answer), true) => match answered(&operation.call, answer) {
            Some(value) => ("ok", value.unwrap_or(asked), None),
            None => ("fail", asked, Some(answer.to_string())),
        },
        (Outcome::Failed(why), true) => ("fail", asked, Some(why.to_string())),
        (Outcome::Unknown(why), true) => ("info", asked, Some(why.to_string())),
    };
    let mut entries = vec![
        ("process", int(operation.client)),
        ("type", Edn::Keyword(kind.to_owned())),
        ("f", Edn::Keyword(f.to_owned())),
    ];
    entries.extend(operation.key().map(|key| ("key", of_key(key))));
    entries.push(("value", value));
    entries.extend(error.map(|error| ("error", Edn::Text(error))));
    entries.extend([("time", int(time)), ("index", int(index as u64))]);
    Edn::Map(entries.into_iter().map(|(name, value)| (Edn::Keyword(name.to_owned()), value)).collect())
}

fn int(number: u64) -> Edn {
    Edn::Int(number.into())
}

/// The name of the function and the value of its invocation.
fn call(call: &Call) -> (&'static str, Edn) {
    match call {
        Call::Get(_) => ("read", Edn::Nil),
        Call::Assoc(_, value) => ("write", of_document(value)),
        Call::CompareAndSet { old, new, .. } => ("cas", Edn::Vector(vec![of_option(old), of_document(new)])),
        Call::UpdateIn(path, update) if path.segments().is_empty() => match update {
            Update::Ran { old, new } => ("update", Edn::Vector(vec![of_option(old), of_option(new)])),
            Update::NotRun | Update::Unseen => ("update", Edn::Nil),
        },
        Call::Dissoc(_) => ("dissoc", Edn::Nil),
        Call::Exists(_) => ("exists", Edn::Nil),
        Call::Log(_) => ("log", Edn::Nil),
        Call::Append(_, elements) => (
            "append",
            match elements.as_slice() {
                [one] => of_document(one),
                elements => {
                    let elements = elements.iter().map(of_document).collect();
                    Edn::Tagged("larder/together".to_owned(), Box::new(Edn::Vector(elements)))
                }
            },
        ),
        other => (other.name(), Edn::Text(other.to_string())),
    }
}

/// The value of the return, `Some(None)` if it is that of the invocation; `None` if the call was refused.
fn answered(call: &Call, answer: &Answer) -> Option<Option<Edn>> {
    Some(match answer {
        Answer::WrongKind | Answer::InvalidPath => return None,
        Answer::Done => None,
        Answer::Flag(_) if matches!(call, Call::CompareAndSet { .. }) => None,
        Answer::Flag(flag) => Some(Edn::Bool(*flag)),
        Answer::Value(value) => Some(of_option(value)),
        Answer::Change { old, new } => Some(Edn::Vector(vec![of_option(old), of_option(new)])),
        Answer::Elements(None) => Some(Edn::Nil),
        Answer::Elements(Some(elements)) => Some(Edn::Vector(elements.iter().map(of_document).collect())),
        Answer::Flags(flags) => Some(Edn::Vector(flags.iter().map(|flag| Edn::Bool(*flag)).collect())),
        Answer::Keys { keys, .. } => Some(Edn::Vector(keys.iter().map(of_key).collect())),
        Answer::Binary(_) | Answer::Size(_) => Some(Edn::Text(answer.to_string())),
    })
}

fn of_option(document: &Option<Document>) -> Edn {
    document.as_ref().map_or(Edn::Nil, of_document)
}

fn of_document(document: &Document) -> Edn {
    let same = |value: &Value| Document::encode(value).is_ok_and(|read| read == *document);
    match document.decode::<Value>() {
        // A null is not nil, which says that there is nothing.
        Ok(value) if !value.is_null() && same(&value) => of_json(&value),
        _ => tagged(document.as_cbor()),
    }
}

fn of_key(key: &Key) -> Edn {
    match (key.as_text(), key.decode::<i64>()) {
        (Some(text), _) => Edn::Text(text.to_owned()),
        (None, Ok(number)) => Edn::Int(number.into()),
        _ => tagged(key.as_cbor()),
    }
}

fn tagged(bytes: &[u8]) -> Edn {
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Edn::Tagged("larder/cbor".to_owned(), Box::new(Edn::Text(hex)))
}

fn of_json(value: &Value) -> Edn {
    match value {
        Value::Null => Edn::Nil,
        Value::Bool(flag) => Edn::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(int), _) => Edn::Int(int.into()),
            (_, Some(int)) => Edn::Int(int.into()),
            _ => Edn::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Edn::Text(text.clone()),
        Value::Array(values) => Edn::Vector(values.iter().map(of_json).collect()),
        Value::Object(entries) => {
            Edn::Map(entries.iter().map(|(key, value)| (Edn::Text(key.clone()), of_json(value))).collect())
        }
    }
}
