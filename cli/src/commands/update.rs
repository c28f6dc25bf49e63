//! `update`: adds to a number, appends to an array, or sets members of an object, atomically.

use std::sync::{Arc, Mutex, PoisonError};

use larder::{Document, Error, ErrorKind, Key, Larder, MetaUpdate, Path};
use serde_json::{Map, Number, Value};

use crate::args::Update;
use crate::failure::{Failure, Outcome, Result};
use crate::segments::{self, Segment};
use crate::{json, notation, output};

/// What to do to the value at the path.
enum Todo {
    Add(Number),
    Push(Document),
    Merge(Vec<(Key, Document)>),
}

/// An update, understood.
pub(crate) struct Change {
    key: Key,
    segments: Vec<Segment>,
    todo: Todo,
}

impl Change {
    pub(crate) fn new(update: Update) -> Result<Change> {
        let todo = if let Some(text) = &update.add {
            Todo::Add(serde_json::from_str(text).map_err(|_| {
                Failure::usage(format!("--add takes a number, such as 1 or -0.5, and {text:?} is none"))
            })?)
        } else if let Some(text) = &update.push {
            Todo::Push(json::parse(text)?)
        } else {
            let text = update.merge.as_deref().unwrap_or_default();
            let members: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
                Failure::usage(format!("--merge takes a JSON object, as in '{{\"born\":1815}}': {error}"))
            })?;
            let members =
                members.into_iter().map(|(name, value)| Ok((Key::from(name), json::to_document(&value)?)));
            Todo::Merge(members.collect::<Result<_>>()?)
        };
        Ok(Change {
            key: notation::parse(&update.key)?,
            segments: Segment::parse_all(&update.segments)?,
            todo,
        })
    }

    pub(crate) async fn run(self, larder: Larder) -> Result<Outcome> {
        // The update is one of the whole entry, because only the value that is there tells what the
        // segments mean. Its last run is the one that counts.
        let seen = Arc::new(Mutex::new((None, Document::null())));
        let inside = Arc::clone(&seen);
        let Change { key, segments, todo } = self;
        let change = move |whole: Option<Document>| {
            let keys = segments::resolve(whole.as_ref(), &segments)?;
            let old = match &whole {
                Some(whole) => whole.get_in(&keys)?,
                None => None,
            };
            let new = todo.apply(old.as_ref())?;
            let whole = match whole {
                _ if keys.is_empty() => new.clone(),
                Some(whole) => whole.assoc_in(&keys, &new)?,
                None => Document::encode(&Map::new())?.assoc_in(&keys, &new)?,
            };
            *inside.lock().unwrap_or_else(PoisonError::into_inner) = (old, new);
            Ok(larder::Change::Set(whole))
        };
        larder.store().update_in(&Path::new(key), Box::new(change), MetaUpdate::new()).await?;
        let (old, new) = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        // The old one first, as it happened; a map of serde_json would sort them.
        let new = json::from_document(&new)?;
        match old {
            Some(old) => output::line(&format!("{{\"old\":{},\"new\":{new}}}", json::from_document(&old)?))?,
            None => output::line(&format!("{{\"new\":{new}}}"))?,
        }
        Ok(Outcome::Done)
    }
}

impl Todo {
    fn apply(&self, old: Option<&Document>) -> larder::Result<Document> {
        match self {
            Todo::Add(n) => {
                let old = match old.map(json::from_document).transpose() {
                    Ok(None) => Number::from(0),
                    Ok(Some(Value::Number(old))) => old,
                    _ => return Err(unfit("--add wants a number there")),
                };
                let sum = sum(&old, n).ok_or_else(|| unfit("the sum is out of range"))?;
                json::to_document(&Value::Number(sum)).map_err(|failure| unfit(&failure.to_string()))
            }
            Todo::Push(element) => {
                let array = old.cloned().map_or_else(|| Document::encode::<[u8]>(&[]), Ok)?;
                let len = json::array_len(&array).ok_or_else(|| unfit("--push wants an array there"))?;
                array.assoc_in(&[Key::from(len)], element)
            }
            Todo::Merge(members) => {
                let map = old.cloned().map_or_else(|| Document::encode(&Map::new()), Ok)?;
                if !json::is_map(&map) {
                    return Err(unfit("--merge wants an object there"));
                }
                members
                    .iter()
                    .try_fold(map, |map, (name, value)| map.assoc_in(std::slice::from_ref(name), value))
            }
        }
    }
}

fn unfit(what: &str) -> Error {
    Error::new(ErrorKind::Invalid, format!("{what}; nothing was changed"))
}

/// Integers are added exactly, or not at all; with a float on either side it is a float.
fn sum(one: &Number, other: &Number) -> Option<Number> {
    let integer = |n: &Number| n.as_i64().map(i128::from).or_else(|| n.as_u64().map(i128::from));
    match (integer(one), integer(other)) {
        (Some(one), Some(other)) => {
            let sum = one + other;
            u64::try_from(sum).map(Number::from).or_else(|_| i64::try_from(sum).map(Number::from)).ok()
        }
        _ => Number::from_f64(one.as_f64()? + other.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(todo: &Todo, old: Option<&str>) -> Result<String> {
        let old = old.map(|old| json::parse(old).unwrap());
        Ok(json::from_document(&todo.apply(old.as_ref())?)?.to_string())
    }

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn integers_are_added_exactly_or_not_at_all() {
        for (one, other, expected) in [
            ("1", "2", Some("3")),
            ("9223372036854775807", "1", Some("9223372036854775808")),
            ("18446744073709551615", "-1", Some("18446744073709551614")),
            ("18446744073709551615", "1", None),
            ("-9223372036854775808", "-1", None),
            ("1", "0.5", Some("1.5")),
            ("1.5", "1.5", Some("3.0")),
            ("1.7976931348623157e308", "1.7976931348623157e308", None),
        ] {
            assert_eq!(sum(&number(one), &number(other)).map(|sum| sum.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn each_change_begins_with_nothing_and_refuses_what_does_not_fit() {
        let add = Todo::Add(number("2"));
        assert_eq!(applied(&add, None).unwrap(), "2");
        assert_eq!(applied(&add, Some("40")).unwrap(), "42");
        for bad in ["null", r#""1""#, "[]"] {
            assert_eq!(applied(&add, Some(bad)).unwrap_err().exit_code(), 2);
        }
        let push = Todo::Push(json::parse("[1]").unwrap());
        assert_eq!(applied(&push, None).unwrap(), "[[1]]");
        assert_eq!(applied(&push, Some("[0]")).unwrap(), "[0,[1]]");
        assert!(applied(&push, Some("{}")).is_err());
        let merge = Todo::Merge(vec![("a".into(), json::parse("1").unwrap())]);
        assert_eq!(applied(&merge, None).unwrap(), r#"{"a":1}"#);
        assert_eq!(applied(&merge, Some(r#"{"a":{"x":1},"b":2}"#)).unwrap(), r#"{"a":1,"b":2}"#);
        assert!(applied(&merge, Some("[]")).is_err());
    }
}
