//! Two keys are the same if and only if their deterministic encodings are.

#![expect(clippy::disallowed_methods, reason = "a test is no simulated run")]

mod values;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use ciborium::Value;
use larder::{Document, ErrorKind, Key, limits};
use proptest::prelude::*;
use values::{deterministic, float, settings, value};

fn key(value: &Value) -> Key {
    Key::encode(value).unwrap()
}

fn encoding(key: impl Into<Key>) -> Vec<u8> {
    key.into().as_cbor().to_vec()
}

/// A value and one that is often the same, in another order or of another type.
fn two() -> impl Strategy<Value = (Value, Value)> {
    prop_oneof![
        (value(), value()),
        value().prop_map(|value| (value.clone(), reordered(value))),
        (0..40_i64, 0..40_i64).prop_map(|(a, b)| (Value::from(a), Value::from(b))),
        (0..4_i64).prop_map(|n| (Value::from(n), Value::from(n as f64))),
        "[a-c]{0,3}".prop_map(|text| (Value::Text(text.clone()), Value::Bytes(text.into_bytes()))),
        (float(), float()).prop_map(|(a, b)| (Value::Float(a), Value::Float(b))),
    ]
}

/// The same value, with the pairs of every map the other way round.
fn reordered(value: Value) -> Value {
    match value {
        Value::Map(pairs) => {
            Value::Map(pairs.into_iter().rev().map(|(k, v)| (reordered(k), reordered(v))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(reordered).collect()),
        Value::Tag(tag, inner) => Value::Tag(tag, Box::new(reordered(*inner))),
        other => other,
    }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn keys_are_equal_if_and_only_if_their_encodings_are((a, b) in two()) {
        let (one, other) = (key(&a), key(&b));
        let same = deterministic(&a) == deterministic(&b);
        prop_assert_eq!(one == other, same);
        prop_assert_eq!(Document::encode(&a).unwrap() == Document::encode(&b).unwrap(), same);
        prop_assert_eq!(HashSet::from([one.clone(), other.clone()]).len() == 1, same);
        prop_assert_eq!(one.to_string() == other.to_string() || !same, true);
        let hasher = RandomState::new();
        prop_assert!(!same || hasher.hash_one(&one) == hasher.hash_one(&other));
    }

    #[test]
    fn keys_are_ordered_as_the_bytes_of_their_encodings(values in prop::collection::vec(value(), 0..20)) {
        let mut keys: Vec<Key> = values.iter().map(key).collect();
        let mut encodings: Vec<Vec<u8>> = values.iter().map(deterministic).collect();
        keys.sort();
        encodings.sort();
        prop_assert_eq!(keys.iter().map(Key::as_cbor).collect::<Vec<_>>(), encodings);
        for (a, b) in keys.iter().zip(keys.iter().skip(1)) {
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
            prop_assert_eq!(a.partial_cmp(b), Some(a.cmp(b)));
            prop_assert_eq!(a.cmp(b).is_eq(), a == b);
        }
    }

    #[test]
    fn a_key_survives_its_encoding_whoever_wrote_it(value in value()) {
        let key = key(&value);
        prop_assert_eq!(key.as_cbor(), deterministic(&value));
        prop_assert_eq!(&Key::from_cbor(key.as_cbor()).unwrap(), &key);
        prop_assert_eq!(deterministic(&key.decode::<Value>().unwrap()), key.as_cbor());
        let mut theirs = Vec::new();
        ciborium::into_writer(&reordered(value), &mut theirs).unwrap();
        prop_assert_eq!(Key::from_cbor(&theirs).unwrap(), key);
    }

    #[test]
    fn text_keys_come_back(text in "\\PC{0,60}") {
        let value = Value::Text(text.clone());
        for key in [Key::from(&text[..]), Key::from(&text), Key::from(text.clone()), key(&value)] {
            prop_assert_eq!(key.as_cbor(), deterministic(&value));
            prop_assert_eq!(key.as_text(), Some(&text[..]));
            prop_assert_eq!(key.decode::<String>().unwrap(), text.clone());
        }
    }

    #[test]
    fn integer_keys_come_back_whatever_their_type(wide in any::<i64>(), narrow in any::<u8>()) {
        prop_assert_eq!(Key::from(wide).decode::<i64>().unwrap(), wide);
        prop_assert_eq!(Key::from(wide as u64).decode::<u64>().unwrap(), wide as u64);
        prop_assert_eq!(Key::from(wide as i32), Key::from(i64::from(wide as i32)));
        prop_assert_eq!(Key::from(wide as i16), Key::from(i64::from(wide as i16)));
        prop_assert_eq!(Key::from(wide as i8), Key::from(i64::from(wide as i8)));
        for same in [Key::from(narrow), u16::from(narrow).into(), u32::from(narrow).into(), usize::from(narrow).into()] {
            prop_assert_eq!(same.as_cbor(), deterministic(&Value::from(narrow)));
        }
        prop_assert_eq!(encoding(wide), deterministic(&Value::from(wide)));
    }

    #[test]
    fn float_keys_come_back_and_every_nan_is_one_key(float in float()) {
        let key = Key::from(float);
        prop_assert_eq!(key.as_cbor(), deterministic(&Value::Float(float)));
        let back = key.decode::<f64>().unwrap();
        prop_assert!(back.to_bits() == float.to_bits() || (back.is_nan() && float.is_nan()));
        prop_assert_eq!(key == Key::from(f64::NAN), float.is_nan());
    }

    #[test]
    fn the_other_constructors_write_what_they_say(
        bytes in prop::collection::vec(any::<u8>(), 0..50), uuid in any::<[u8; 16]>(), name in "\\PC{0,50}", yes in any::<bool>(),
    ) {
        let tagged = |tag, inner| deterministic(&Value::Tag(tag, Box::new(inner)));
        prop_assert_eq!(encoding(Key::bytes(&bytes)), deterministic(&Value::Bytes(bytes.clone())));
        prop_assert_eq!(encoding(Key::uuid(uuid)), tagged(37, Value::Bytes(uuid.to_vec())));
        prop_assert_eq!(encoding(Key::keyword(&name)), tagged(39, Value::Text(format!(":{name}"))));
        prop_assert_eq!(encoding(Key::identifier(&name)), tagged(39, Value::Text(name.clone())));
        prop_assert_eq!(encoding(yes), deterministic(&Value::Bool(yes)));
        for key in [Key::bytes(&bytes), Key::uuid(uuid), Key::keyword(&name), Key::from(yes), Key::null()] {
            prop_assert_eq!(Key::from_cbor(key.as_cbor()).unwrap(), key.clone());
            prop_assert_eq!(key.as_text(), None);
            prop_assert!(key.check().is_ok());
        }
    }

    #[test]
    fn arrays_and_maps_of_keys_are_what_their_parts_are(
        items in prop::collection::vec(value(), 0..30), pairs in prop::collection::vec((value(), value()), 0..30),
    ) {
        prop_assert_eq!(encoding(Key::array(items.iter().map(key))), deterministic(&Value::Array(items)));
        // Of entries with the same name the last counts.
        let last: BTreeMap<Vec<u8>, (Value, Value)> =
            pairs.iter().map(|(k, v)| (deterministic(k), (k.clone(), v.clone()))).collect();
        let map = Key::map(pairs.iter().map(|(k, v)| (key(k), key(v))));
        prop_assert_eq!(map.as_cbor(), deterministic(&Value::Map(last.into_values().collect())));
        prop_assert_eq!(Key::from_cbor(map.as_cbor()).unwrap(), map);
    }
}

#[test]
fn values_that_look_alike_are_keys_of_their_own() {
    let keys = [
        Key::from(1),
        Key::from(1.0),
        Key::from("1"),
        Key::bytes(b"1"),
        Key::keyword("1"),
        Key::identifier("1"),
        Key::from(true),
        Key::from(false),
        Key::from(0),
        Key::from(0.0),
        Key::from(-0.0),
        Key::from(""),
        Key::null(),
        Key::from(f64::NAN),
        Key::from(f64::INFINITY),
        Key::array([]),
        Key::map([]),
        Key::array([Key::from(1)]),
        Key::uuid([0; 16]),
        Key::bytes(&[0; 16]),
    ];
    let numbered: HashMap<Key, usize> = keys.iter().cloned().zip(0..).collect();
    assert_eq!(numbered.len(), keys.len());
    keys.iter().enumerate().for_each(|(n, key)| assert_eq!(numbered[key], n));
}

#[test]
fn nan_is_a_key_that_can_be_found_again() {
    let quiet = [0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
    let negative_with_payload = [0xfa, 0xff, 0xc0, 0x12, 0x34];
    for nan in [&quiet[..], &negative_with_payload, &[0xf9, 0x7e, 0x01], &[0xf9, 0xfe, 0x00]] {
        assert_eq!(Key::from_cbor(nan).unwrap(), Key::from(f64::NAN));
    }
    assert_eq!(Key::from(f64::NAN).as_cbor(), [0xf9, 0x7e, 0x00]);
    assert!(HashSet::from([Key::from(f64::NAN)]).contains(&Key::from(-f64::NAN)));
}

#[test]
fn what_is_no_key_is_refused() {
    let refused = |bytes: &[u8]| Key::from_cbor(bytes).unwrap_err().kind();
    for bytes in [
        &b""[..],
        b"\x61",
        b"\x00\x00",
        b"\xff",
        b"\x61\xff",
        b"\xa2\x00\x01\x00\x02",
        b"\xa2\x00\x01\x18\x00\x02",
    ] {
        assert_eq!(refused(bytes), ErrorKind::Invalid, "{bytes:02x?}");
    }
    assert_eq!(refused(&vec![0; limits::KEY_BYTES + 1]), ErrorKind::TooLarge);
    let longest = "x".repeat(limits::KEY_BYTES - 3);
    assert!(Key::from(&longest).check().is_ok());
    assert_eq!(Key::from(longest + "x").check().unwrap_err().kind(), ErrorKind::TooLarge);
}
