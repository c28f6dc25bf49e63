//! What paths mean, told in the plainest way: on decoded values, by taking them apart and putting
//! them together again. The property tests and the fuzz target compare splicing with it.

use ciborium::Value;
use larder::Key;

/// A path that cannot be followed for writing: beyond the end of an array, or through a scalar.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoWay;

/// The part that the segments lead to.
pub(crate) fn get<'a>(value: &'a Value, segments: &[Key]) -> Option<&'a Value> {
    let Some((segment, rest)) = segments.split_first() else { return Some(value) };
    let inner = match value {
        Value::Map(pairs) => &pairs.iter().find(|(name, _)| is(name, segment))?.1,
        Value::Array(items) => items.get(index(segment)?)?,
        _ => return None,
    };
    get(inner, rest)
}

/// The value with `new` where the segments lead; missing maps on the way are made.
pub(crate) fn assoc(value: Value, segments: &[Key], new: &Value) -> Result<Value, NoWay> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(new.clone()) };
    match value {
        Value::Map(mut pairs) => {
            match pairs.iter().position(|(name, _)| is(name, segment)) {
                Some(at) => pairs[at].1 = assoc(pairs[at].1.clone(), rest, new)?,
                None => pairs.push((plain(segment), nested(rest, new))),
            }
            Ok(Value::Map(pairs))
        }
        Value::Array(mut items) => {
            let index = index(segment).ok_or(NoWay)?;
            match items.get(index).cloned() {
                Some(item) => items[index] = assoc(item, rest, new)?,
                None if index == items.len() => items.push(nested(rest, new)),
                None => return Err(NoWay),
            }
            Ok(Value::Array(items))
        }
        _ => Err(NoWay),
    }
}

/// The value without what the segments lead to: `None` if nothing is there to be taken out.
pub(crate) fn dissoc(value: Value, segments: &[Key]) -> Option<Value> {
    let (segment, rest) = segments.split_first()?;
    match value {
        Value::Map(mut pairs) => {
            let at = pairs.iter().position(|(name, _)| is(name, segment))?;
            let (name, inner) = pairs.remove(at);
            if !rest.is_empty() {
                pairs.push((name, dissoc(inner, rest)?));
            }
            Some(Value::Map(pairs))
        }
        Value::Array(mut items) => {
            let index = index(segment).filter(|index| *index < items.len())?;
            let inner = items.remove(index);
            if !rest.is_empty() {
                items.insert(index, dissoc(inner, rest)?);
            }
            Some(Value::Array(items))
        }
        _ => None,
    }
}

/// How deep containers and tags nest: 0 for a scalar.
pub(crate) fn nesting(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(nesting).max().unwrap_or(0),
        Value::Map(pairs) => {
            1 + pairs.iter().map(|(name, value)| nesting(name).max(nesting(value))).max().unwrap_or(0)
        }
        Value::Tag(_, inner) => 1 + nesting(inner),
        _ => 0,
    }
}

fn is(name: &Value, segment: &Key) -> bool {
    Key::encode(name).is_ok_and(|name| name == *segment)
}

fn index(segment: &Key) -> Option<usize> {
    segment.decode::<u64>().ok().filter(|index| Key::from(*index) == *segment)?.try_into().ok()
}

fn plain(segment: &Key) -> Value {
    segment.decode().expect("every key in use here is a plain value")
}

fn nested(segments: &[Key], new: &Value) -> Value {
    segments.iter().rev().fold(new.clone(), |inner, segment| Value::Map(vec![(plain(segment), inner)]))
}
