//! A document as a plain tree, with the operations of the store written down in the simplest way:
//! the model that the store is compared with.

use std::collections::BTreeMap;

use larder::{Key, Path};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::random::Random;

/// A step into a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Segment {
    Index(u64),
    Name(String),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Array(Vec<Value>),
    Map(BTreeMap<Segment, Value>),
}

/// The path leads where nothing can stand.
#[derive(Debug, PartialEq)]
pub(crate) struct InvalidPath;

impl Value {
    pub(crate) fn get_in(&self, segments: &[Segment]) -> Option<&Value> {
        let Some((first, rest)) = segments.split_first() else { return Some(self) };
        let next = match (self, first) {
            (Value::Map(map), segment) => map.get(segment)?,
            (Value::Array(items), Segment::Index(i)) => items.get(usize::try_from(*i).ok()?)?,
            _ => return None,
        };
        next.get_in(rest)
    }

    pub(crate) fn assoc_in(&mut self, segments: &[Segment], value: Value) -> Result<(), InvalidPath> {
        let Some((first, rest)) = segments.split_first() else {
            *self = value;
            return Ok(());
        };
        match (self, first) {
            (Value::Map(map), segment) => match map.get_mut(segment) {
                Some(next) => next.assoc_in(rest, value)?,
                None => _ = map.insert(segment.clone(), Value::nested(rest, value)),
            },
            (Value::Array(items), Segment::Index(i)) => match usize::try_from(*i) {
                Ok(i) if i < items.len() => items[i].assoc_in(rest, value)?,
                Ok(i) if i == items.len() => items.push(Value::nested(rest, value)),
                _ => return Err(InvalidPath),
            },
            _ => return Err(InvalidPath),
        }
        Ok(())
    }

    /// Whether something was there to be taken out.
    pub(crate) fn dissoc_in(&mut self, segments: &[Segment]) -> bool {
        match (self, segments) {
            (Value::Map(map), [last]) => map.remove(last).is_some(),
            (Value::Array(items), [Segment::Index(i)]) => match usize::try_from(*i) {
                Ok(i) if i < items.len() => {
                    items.remove(i);
                    true
                }
                _ => false,
            },
            (Value::Map(map), [first, rest @ ..]) => {
                map.get_mut(first).is_some_and(|next| next.dissoc_in(rest))
            }
            (Value::Array(items), [Segment::Index(i), rest @ ..]) => {
                let next = usize::try_from(*i).ok().and_then(|i| items.get_mut(i));
                next.is_some_and(|next| next.dissoc_in(rest))
            }
            _ => false,
        }
    }

    /// The value inside one map per segment.
    pub(crate) fn nested(segments: &[Segment], value: Value) -> Value {
        segments
            .iter()
            .rev()
            .fold(value, |inner, segment| Value::Map(BTreeMap::from([(segment.clone(), inner)])))
    }

    /// Any value, nested at most `depth` deep.
    pub(crate) fn random(random: &mut Random, depth: usize) -> Value {
        match random.below(if depth == 0 { 5 } else { 9 }) {
            0 => Value::Null,
            1 => Value::Bool(random.chance(2)),
            2 => {
                let shift = random.below(64);
                Value::Int((random.next() as i64) >> shift)
            }
            3 => Value::Float(random.below(1000) as f64 / 8.0 + 0.5),
            4 => {
                let len = *random.pick(&[0, 1, 5, 22, 23, 24, 25, 255, 256, 300]);
                Value::Text("ü-".chars().cycle().take(len).collect())
            }
            5 | 6 => {
                let len = *random.pick(&[0, 1, 2, 3, 22, 23, 24]);
                Value::Array((0..len).map(|_| Value::random(random, depth - 1)).collect())
            }
            _ => {
                let len = *random.pick(&[0, 1, 2, 4, 22, 24]);
                Value::Map(
                    (0..len).map(|_| (Segment::random(random), Value::random(random, depth - 1))).collect(),
                )
            }
        }
    }

    /// A path that leads into this value for a while, mostly.
    pub(crate) fn random_path(&self, random: &mut Random) -> Vec<Segment> {
        let mut path = Vec::new();
        let mut at = Some(self);
        while !random.chance(4) && path.len() < 6 {
            let segment = match at {
                Some(Value::Map(map)) if !map.is_empty() && !random.chance(4) => {
                    map.keys().nth(random.below(map.len())).cloned()
                }
                Some(Value::Array(items)) if !random.chance(8) => {
                    Some(Segment::Index(random.below(items.len() + 2) as u64))
                }
                _ => None,
            };
            path.push(segment.unwrap_or_else(|| Segment::random(random)));
            at = self.get_in(&path);
        }
        path
    }
}

impl Segment {
    pub(crate) fn random(random: &mut Random) -> Segment {
        match random.chance(3) {
            true => Segment::Index(*random.pick(&[0, 1, 2, 23, 24, 300])),
            false => Segment::Name(
                random.pick(&["a", "b", "c", "a longer name, of more than 23 bytes", ""]).to_string(),
            ),
        }
    }
}

impl From<&Segment> for Key {
    fn from(segment: &Segment) -> Key {
        match segment {
            Segment::Index(i) => (*i).into(),
            Segment::Name(name) => name.into(),
        }
    }
}

/// The path of the store for a path of the model.
pub(crate) fn path(key: &Key, segments: &[Segment]) -> Path {
    segments.iter().fold(Path::new(key), |path, segment| path.join(segment))
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Segment::Index(i) => serializer.serialize_u64(*i),
            Segment::Name(name) => serializer.serialize_str(name),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::Array(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}
