//! Random values, and their deterministic encoding written out from the rules of RFC 8949, 4.2.1:
//! what the property tests hold the library against.

use ciborium::Value;
use ciborium::value::Integer;
use half::f16;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// proptest's own settings, so that its `PROPTEST_*` variables count; a seed that fails is printed
/// and kept beside the test.
pub(crate) fn settings() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

/// Any value that `ciborium::Value` can tell apart: not `undefined`, no simple values, no bignums.
pub(crate) fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..7).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner.clone()), 0..7).prop_map(map),
            prop::collection::vec((text(), scalar()), 0..30).prop_map(map),
            (tag(), inner).prop_map(|(tag, inner)| Value::Tag(tag, Box::new(inner))),
        ]
    })
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => integer().prop_map(Value::Integer),
        2 => float().prop_map(Value::Float),
        3 => text(),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bytes),
        1 => any::<bool>().prop_map(Value::Bool),
        1 => Just(Value::Null),
    ]
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![5 => "[a-d]{0,2}", 1 => "\\PC{0,30}", 1 => "[a-z]{250,260}"].prop_map(Value::Text)
}

/// Integers on both sides of every length of head.
fn integer() -> impl Strategy<Value = Integer> {
    let edge = prop::sample::select(vec![0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32]);
    let size = prop_oneof![4 => 0..30_u64, 2 => edge, 1 => any::<u64>(), 1 => Just(u64::MAX)];
    (size, any::<bool>()).prop_map(|(size, negative)| {
        let wide = if negative { -1 - i128::from(size) } else { i128::from(size) };
        Integer::try_from(wide).expect("within what CBOR can say")
    })
}

/// Floats of every width, and those that are not like others.
pub(crate) fn float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<u32>().prop_map(|bits| f64::from(f32::from_bits(bits))),
        any::<u16>().prop_map(|bits| f16::from_bits(bits).to_f64()),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, 0.1]),
    ]
}

/// Tags, but not the two of bignums, which plain values show as integers.
fn tag() -> impl Strategy<Value = u64> {
    prop_oneof![prop::sample::select(vec![0, 1, 37, 39, 258]), any::<u64>()]
        .prop_filter("bignums", |tag| !matches!(tag, 2 | 3))
}

/// A map of these pairs, each key once.
fn map(pairs: Vec<(Value, Value)>) -> Value {
    let mut seen = std::collections::BTreeSet::new();
    Value::Map(pairs.into_iter().filter(|(name, _)| seen.insert(deterministic(name))).collect())
}

/// The deterministic encoding.
pub(crate) fn deterministic(value: &Value) -> Vec<u8> {
    match value {
        Value::Integer(integer) => {
            let wide = i128::from(*integer);
            if wide < 0 { head(1, (-1 - wide) as u64) } else { head(0, wide as u64) }
        }
        Value::Bytes(bytes) => [head(2, bytes.len() as u64), bytes.clone()].concat(),
        Value::Text(text) => [head(3, text.len() as u64), text.clone().into_bytes()].concat(),
        Value::Array(items) => {
            [head(4, items.len() as u64), items.iter().flat_map(deterministic).collect()].concat()
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (deterministic(name), deterministic(value))).collect();
            pairs.sort();
            let body = pairs.into_iter().flat_map(|(name, value)| [name, value].concat()).collect();
            [head(5, value.as_map().map_or(0, Vec::len) as u64), body].concat()
        }
        Value::Tag(tag, inner) => [head(6, *tag), deterministic(inner)].concat(),
        Value::Bool(value) => vec![if *value { 0xf5 } else { 0xf4 }],
        Value::Null => vec![0xf6],
        Value::Float(float) => shortest(*float),
        other => unreachable!("no other kind of value is generated: {other:?}"),
    }
}

fn head(major: u8, argument: u64) -> Vec<u8> {
    let major = major << 5;
    let wide = argument.to_be_bytes();
    match argument {
        0..24 => vec![major | wide[7]],
        24..0x100 => vec![major | 24, wide[7]],
        0x100..0x1_0000 => [&[major | 25], &wide[6..]].concat(),
        0x1_0000..0x1_0000_0000 => [&[major | 26], &wide[4..]].concat(),
        _ => [&[major | 27], &wide[..]].concat(),
    }
}

/// The shortest float that says the same; there is one NaN only.
fn shortest(float: f64) -> Vec<u8> {
    let (half, single) = (f16::from_f64(float), float as f32);
    if float.is_nan() {
        vec![0xf9, 0x7e, 0x00]
    } else if half.to_f64().to_bits() == float.to_bits() {
        [&[0xf9], &half.to_be_bytes()[..]].concat()
    } else if f64::from(single).to_bits() == float.to_bits() {
        [&[0xfa], &single.to_be_bytes()[..]].concat()
    } else {
        [&[0xfb], &float.to_be_bytes()[..]].concat()
    }
}
