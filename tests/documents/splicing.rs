//! Splicing equals decode, change, encode.

use ciborium::Value;
use larder::{Document, ErrorKind, Key, limits};
use proptest::prelude::*;

use crate::model::{self, NoWay};
use crate::values::{deterministic, settings, value};

fn document(value: &Value) -> Document {
    Document::encode(value).unwrap()
}

/// A step that a path takes from where it stands.
#[derive(Clone, Debug)]
enum Step {
    /// To one of the children, or just past the last.
    Child(prop::sample::Index),
    /// To whatever has this name, if anything has.
    Named(Value),
    /// Beyond the end.
    Index(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => any::<prop::sample::Index>().prop_map(Step::Child),
        1 => value().prop_map(Step::Named),
        1 => "[a-e]{0,2}".prop_map(|text| Step::Named(Value::Text(text))),
        1 => any::<u64>().prop_map(Step::Index),
    ];
    prop::collection::vec(step, 0..7)
}

fn walk(value: &Value, steps: &[Step]) -> Vec<Key> {
    let mut segments = Vec::new();
    for step in steps {
        segments.push(match (step, model::get(value, &segments)) {
            (Step::Child(index), Some(Value::Map(pairs))) if !pairs.is_empty() => {
                Key::encode(&pairs[index.index(pairs.len())].0).unwrap()
            }
            (Step::Child(index), Some(Value::Array(items))) => Key::from(index.index(items.len() + 1)),
            (Step::Child(index), _) => Key::from(index.index(3)),
            (Step::Named(name), _) => Key::encode(name).unwrap(),
            (Step::Index(index), _) => Key::from(*index),
        });
    }
    segments
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_part_that_is_read_is_the_part_of_the_decoded_value(value in value(), steps in steps()) {
        let segments = walk(&value, &steps);
        let part = document(&value).get_in(&segments).unwrap();
        prop_assert_eq!(part, model::get(&value, &segments).map(document));
    }

    #[test]
    fn splicing_in_equals_decode_change_encode(value in value(), steps in steps(), new in value()) {
        let segments = walk(&value, &steps);
        let spliced = document(&value).assoc_in(&segments, &document(&new));
        match model::assoc(value, &segments, &new) {
            Ok(expected) => prop_assert_eq!(spliced.unwrap().as_cbor().to_vec(), deterministic(&expected)),
            Err(NoWay) => prop_assert_eq!(spliced.unwrap_err().kind(), ErrorKind::InvalidPath),
        }
    }

    #[test]
    fn splicing_out_equals_decode_change_encode(value in value(), steps in steps()) {
        let segments = walk(&value, &steps);
        let spliced = document(&value).dissoc_in(&segments).unwrap();
        let expected = model::dissoc(value, &segments);
        prop_assert_eq!(spliced.map(|document| document.as_cbor().to_vec()), expected.as_ref().map(deterministic));
    }

    #[test]
    fn what_goes_in_comes_out_and_what_was_there_comes_back(value in value(), steps in steps(), new in value()) {
        let segments = walk(&value, &steps);
        let (before, new) = (document(&value), document(&new));
        if let Ok(after) = before.assoc_in(&segments, &new) {
            prop_assert_eq!(after.get_in(&segments).unwrap(), Some(new));
            match before.get_in(&segments).unwrap() {
                Some(old) => prop_assert_eq!(after.assoc_in(&segments, &old).unwrap(), before),
                // Nothing was there: what was made on the way goes with its first new step.
                None => {
                    let made = (1..=segments.len())
                        .find(|n| before.get_in(&segments[..*n]).unwrap().is_none())
                        .unwrap();
                    prop_assert_eq!(after.dissoc_in(&segments[..made]).unwrap(), Some(before));
                }
            }
        }
    }

    #[test]
    fn nothing_nests_deeper_than_the_limit(
        above in 120..257_usize, below in 0..257_usize, in_key in 0..257_usize, missing in any::<bool>(),
    ) {
        let nest = |levels: usize| (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
        let whole = (0..above).fold(Value::Map(vec![]), |inner, _| {
            Value::Map(vec![(Value::Null, inner)])
        });
        prop_assume!(above < limits::NESTING);
        let mut segments = vec![Key::null(); above];
        if missing {
            segments.push(Key::encode(&nest(in_key)).unwrap());
        }
        let new = nest(below);
        let spliced = document(&whole).assoc_in(&segments, &document(&new));
        let expected = model::assoc(whole, &segments, &new).unwrap();
        if model::nesting(&expected) > limits::NESTING {
            prop_assert_eq!(spliced.unwrap_err().kind(), ErrorKind::TooLarge);
        } else {
            let spliced = spliced.unwrap();
            prop_assert_eq!(&Document::from_cbor(spliced.as_cbor().clone()).unwrap(), &spliced);
            prop_assert_eq!(&spliced.as_cbor()[..], deterministic(&expected));
        }
    }
}

#[test]
fn the_rules_for_paths_hold_one_by_one() {
    let json =
        |text: &str| Document::encode(&serde_json::from_str::<serde_json::Value>(text).unwrap()).unwrap();
    let at = |path: &[Key]| json(r#"{"a": [1, {"b": null}], "s": "text"}"#).assoc_in(path, &json("7"));
    let shown = |path: &[Key]| at(path).unwrap().to_string();
    let refused = |path: &[Key]| at(path).unwrap_err().kind();

    assert_eq!(shown(&[]), "7");
    assert_eq!(shown(&["a".into()]), r#"{"a": 7, "s": "text"}"#);
    assert_eq!(shown(&["a".into(), 0.into()]), r#"{"a": [7, {"b": null}], "s": "text"}"#);
    assert_eq!(shown(&["a".into(), 2.into()]), r#"{"a": [1, {"b": null}, 7], "s": "text"}"#);
    assert_eq!(
        shown(&["a".into(), 2.into(), "x".into()]),
        r#"{"a": [1, {"b": null}, {"x": 7}], "s": "text"}"#
    );
    assert_eq!(shown(&["n".into(), 0.into()]), r#"{"a": [1, {"b": null}], "n": {0: 7}, "s": "text"}"#);
    assert_eq!(refused(&["a".into(), 3.into()]), ErrorKind::InvalidPath);
    assert_eq!(refused(&["a".into(), (-1).into()]), ErrorKind::InvalidPath);
    assert_eq!(refused(&["a".into(), "0".into()]), ErrorKind::InvalidPath);
    assert_eq!(refused(&["s".into(), "x".into()]), ErrorKind::InvalidPath);
    assert_eq!(refused(&["a".into(), 1.into(), "b".into(), "x".into()]), ErrorKind::InvalidPath);
    assert!(at(&["s".into(), 0.into()]).unwrap_err().to_string().contains("segment 0"));
}

#[test]
fn a_container_that_outgrows_its_head_gets_a_longer_one() {
    for (count, grown) in [(23_usize, 2), (255, 3), (65_535, 5)] {
        let items = document(&Value::Array(vec![Value::Null; count]));
        let more = items.assoc_in(&[count.into()], &Document::null()).unwrap();
        assert_eq!(more.as_cbor()[..], deterministic(&Value::Array(vec![Value::Null; count + 1])));
        assert_eq!(more.as_cbor().len(), grown + count + 1);
        assert_eq!(more.dissoc_in(&[0.into()]).unwrap(), Some(items));
    }
}
