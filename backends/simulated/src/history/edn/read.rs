//! Reading the events of a Jepsen history.

use larder::{Document, Key, Path};
use serde_json::Value;

use super::events::{Event, Kind, assemble};
use super::syntax::{Edn, parse_all};
use crate::history::History;
use crate::history::answer::Answer;
use crate::history::call::{Call, Update};
use crate::history::operation::Outcome;
use crate::history::text::Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// The key of a history that names none.
const ONLY_KEY: &str = "register";

/// Reads a history from EDN: events one after the other, or in one vector. Events of processes that are no
/// numbers, such as `:nemesis`, are passed over.
///
/// # Errors
/// [`Malformed`] if it is no EDN, or an event is of no known kind.
pub fn read(text: &str) -> Result<History> {
    let mut values = parse_all(text)?;
    if let [Edn::Vector(_)] = values.as_slice()
        && let Some(Edn::Vector(inner)) = values.pop()
    {
        values = inner;
    }
    let independent = values.iter().any(is_independent);
    let mut events = Vec::new();
    for (at, value) in values.iter().enumerate() {
        // One event a line is the custom, so the number of the event is that of its line.
        events.extend(map(value, independent).map_err(|malformed| malformed.at_line(at + 1))?);
    }
    Ok(assemble(events))
}

/// Whether the values of this history are pairs of key and value: a read has no other reason for one.
fn is_independent(event: &Edn) -> bool {
    let reads = matches!(event.get("f").and_then(Edn::keyword), Some("read" | "get"));
    let invokes = event.get("type").and_then(Edn::keyword) == Some("invoke");
    reads && invokes && matches!(event.get("value"), Some(Edn::Vector(pair)) if pair.len() == 2)
}

fn map(event_map: &Edn, independent: bool) -> Result<Option<Event>> {
    let need = |name: &str| {
        event_map.get(name).ok_or_else(|| Malformed::new(format!("there is no :{name} in {event_map}")))
    };
    let Edn::Int(process) = need("process")? else { return Ok(None) };
    let process = u64::try_from(*process).map_err(|_| Malformed::new("a process has a negative number"))?;
    let (kind, f) = (need("type")?.keyword().unwrap_or_default(), need("f")?.keyword().unwrap_or_default());
    let nil = Edn::Nil;
    let (mut key, mut value) = (event_map.get("key"), event_map.get("value").unwrap_or(&nil));
    if independent
        && let Edn::Vector(pair) = value
        && let [first, second] = pair.as_slice()
    {
        (key, value) = (Some(first), second);
    }
    let key = key.map_or_else(|| Ok(Key::from(ONLY_KEY)), to_key)?;
    let time = match event_map.get("time") {
        Some(Edn::Int(nanos)) => u64::try_from(*nanos).ok(),
        _ => None,
    };
    let explained = event_map.get("error").map(Edn::to_string);
    event(process, kind, f, key, value, explained).map(|kind| kind.map(|kind| Event { process, kind, time }))
}

/// What one event says. `error` is the reason that it gives, if any. `None` for a kind of event that is none
/// of a client.
pub(in crate::history) fn event(
    process: u64,
    kind: &str,
    f: &str,
    key: Key,
    value: &Edn,
    error: Option<String>,
) -> Result<Option<Kind>> {
    let value = value.clone();
    Ok(Some(match kind {
        "invoke" => Kind::Invoke(call(f, key, &value)?),
        "info" => {
            let why = error.unwrap_or_else(|| value.to_string());
            Kind::Complete(Box::new(move |_| Outcome::Unknown(why.into())))
        }
        // What failed is a comparison that did not hold, unless another reason is given.
        "fail" if f == "cas" && error.is_none() && matches!(value, Edn::Vector(_)) => {
            Kind::Complete(Box::new(|_| Outcome::Ok(Answer::Flag(false))))
        }
        "fail" => {
            let why = error.unwrap_or_else(|| value.to_string());
            Kind::Complete(Box::new(move |_| Outcome::Failed(why.into())))
        }
        "ok" => {
            let answer = answer(f, &value)?;
            Kind::Complete(Box::new(move |_| Outcome::Ok(answer)))
        }
        other => return Err(Malformed::new(format!("process {process} has an event of type :{other}"))),
    }))
}

fn call(f: &str, key: Key, value: &Edn) -> Result<Call> {
    Ok(match f {
        "read" | "get" => Call::Get(key),
        "write" | "put" | "assoc" => Call::Assoc(key, to_document(value)?),
        "cas" => {
            let (old, new) = pair(value)?;
            let new = new.ok_or_else(|| Malformed::new("a :cas to nil is not known"))?;
            Call::CompareAndSet { key, old, new }
        }
        "update" => Call::UpdateIn(Path::new(key), Update::Unseen),
        "dissoc" => Call::Dissoc(key),
        "exists" => Call::Exists(key),
        "append" => Call::Append(key, elements(value)?),
        "log" => Call::Log(key),
        other => return Err(Malformed::new(format!("operations :{other} cannot be read from EDN"))),
    })
}

fn answer(f: &str, value: &Edn) -> Result<Answer> {
    Ok(match f {
        "read" | "get" => Answer::Value(to_option(value)?),
        "cas" => Answer::Flag(true),
        "update" => {
            let (old, new) = pair(value)?;
            Answer::Change { old, new }
        }
        "dissoc" | "exists" => match value {
            Edn::Bool(flag) => Answer::Flag(*flag),
            other => return Err(Malformed::new(format!(":{f} answers true or false, not {other}"))),
        },
        "log" => Answer::Elements(match value {
            Edn::Nil => None,
            Edn::Vector(elements) => Some(elements.iter().map(to_document).collect::<Result<_>>()?),
            other => return Err(Malformed::new(format!(":log answers a vector or nil, not {other}"))),
        }),
        _ => Answer::Done,
    })
}

fn elements(value: &Edn) -> Result<Vec<Document>> {
    match value {
        Edn::Tagged(tag, elements) if tag == "larder/together" => match &**elements {
            Edn::Vector(elements) => elements.iter().map(to_document).collect(),
            other => Err(Malformed::new(format!("#larder/together needs a vector, not {other}"))),
        },
        one => Ok(vec![to_document(one)?]),
    }
}

fn pair(value: &Edn) -> Result<(Option<Document>, Option<Document>)> {
    match value {
        Edn::Vector(pair) if pair.len() == 2 => Ok((to_option(&pair[0])?, to_option(&pair[1])?)),
        other => Err(Malformed::new(format!("{other} is no [old new]"))),
    }
}

fn to_option(value: &Edn) -> Result<Option<Document>> {
    if *value == Edn::Nil { Ok(None) } else { to_document(value).map(Some) }
}

fn to_key(value: &Edn) -> Result<Key> {
    let document = to_document(value)?;
    Key::from_cbor(document.as_cbor()).map_err(|error| Malformed::new(format!("{value} is no key: {error}")))
}

fn to_document(value: &Edn) -> Result<Document> {
    let document = match value {
        Edn::Tagged(tag, hex) if tag == "larder/cbor" => match &**hex {
            Edn::Text(hex) => Document::from_cbor(bytes(hex)?),
            other => return Err(Malformed::new(format!("#larder/cbor needs hex digits, not {other}"))),
        },
        _ => Document::encode(&to_json(value)?),
    };
    document.map_err(|error| Malformed::new(format!("{value} is no document: {error}")))
}

fn bytes(hex: &str) -> Result<Vec<u8>> {
    let pairs = (0..hex.len()).step_by(2).map(|at| hex.get(at..at + 2));
    let bytes = pairs.map(|pair| pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()));
    bytes.collect::<Option<_>>().ok_or_else(|| Malformed::new(format!("{hex:?} are no hex digits")))
}

fn to_json(value: &Edn) -> Result<Value> {
    Ok(match value {
        Edn::Nil => Value::Null,
        Edn::Bool(flag) => (*flag).into(),
        Edn::Int(int) => match (i64::try_from(*int), u64::try_from(*int)) {
            (Ok(int), _) => int.into(),
            (_, Ok(int)) => int.into(),
            _ => return Err(Malformed::new(format!("{int} is beyond 64 bits"))),
        },
        Edn::Float(float) => (*float).into(),
        Edn::Text(text) => text.as_str().into(),
        Edn::Keyword(name) => format!(":{name}").into(),
        Edn::Symbol(name) => name.as_str().into(),
        Edn::Vector(values) | Edn::Set(values) => {
            Value::Array(values.iter().map(to_json).collect::<Result<_>>()?)
        }
        Edn::Map(entries) => {
            let entry = |(key, value): &(Edn, Edn)| match to_json(key)? {
                Value::String(key) => Ok((key, to_json(value)?)),
                _ => Err(Malformed::new(format!("the map key {key} is no text"))),
            };
            Value::Object(entries.iter().map(entry).collect::<Result<_>>()?)
        }
        Edn::Tagged(..) => return Err(Malformed::new(format!("{value} is not known"))),
    })
}
