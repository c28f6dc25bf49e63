//! Segments as they are given on the command line, and what they mean in the value that is there:
//! digits are an index where they meet an array, and text elsewhere.

use larder::{Document, Key};

use crate::failure::Result;
use crate::{json, notation};

/// A segment that may have to be looked at together with the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    key: Key,
    /// The number, if the segment was written as plain digits.
    index: Option<u64>,
}

impl Segment {
    pub(crate) fn parse(text: &str) -> Result<Segment> {
        let key = notation::parse(text)?;
        // Digits that are no number as one writes it, such as 007, are text.
        let index = text.parse().ok().filter(|index: &u64| index.to_string() == text);
        Ok(Segment { key, index })
    }

    pub(crate) fn parse_all(texts: &[String]) -> Result<Vec<Segment>> {
        texts.iter().map(|text| Segment::parse(text)).collect()
    }
}

/// The segments of the library for this value.
pub(crate) fn resolve(document: Option<&Document>, segments: &[Segment]) -> larder::Result<Vec<Key>> {
    let mut here = document.cloned();
    let mut keys = Vec::with_capacity(segments.len());
    for segment in segments {
        let meets_array = here.as_ref().and_then(json::array_len).is_some();
        let key = match segment.index {
            Some(index) if meets_array => Key::from(index),
            _ => segment.key.clone(),
        };
        here = match here {
            Some(document) => document.get_in(std::slice::from_ref(&key))?,
            None => None,
        };
        keys.push(key);
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(json: &str, segments: &[&str]) -> Vec<Key> {
        let document = json::parse(json).unwrap();
        let segments: Vec<Segment> = segments.iter().map(|text| Segment::parse(text).unwrap()).collect();
        resolve(Some(&document), &segments).unwrap()
    }

    #[test]
    fn digits_are_an_index_only_where_they_meet_an_array() {
        assert_eq!(resolved(r#"{"a":[{"0":1}]}"#, &["a", "0", "0"]), [Key::from("a"), 0.into(), "0".into()]);
        assert_eq!(resolved("{}", &["0", "1"]), [Key::from("0"), "1".into()]);
        assert_eq!(resolve(None, &[Segment::parse("0").unwrap()]).unwrap(), [Key::from("0")]);
        assert_eq!(resolved("{}", &["json:0"]), [Key::from(0)]);
        assert_eq!(resolved("[[1]]", &["0", "1"]), [Key::from(0), 1.into()]);
        assert_eq!(resolved("[1]", &["text:0"]), [Key::from("0")]);
        assert_eq!(resolved("[1]", &["007"]), [Key::from("007")]);
        assert_eq!(resolved("[1]", &["+1"]), [Key::from("+1")]);
        assert_eq!(resolved("7", &["0"]), [Key::from("0")]);
    }
}
