//! JSON in, CBOR stored, JSON out. Everything that JSON can say is itself; what it cannot say (bytes,
//! tags, NaN, keys that are no text, ..) is the object `{"$cbor": "hex"}`, which is taken back wherever
//! JSON goes in. So every document survives the way out and in.
//!
//! Integers from -2^63 to 2^64-1 and all finite floats are exact. A longer integer in JSON becomes
//! the nearest float, as everywhere in serde_json.

use larder::{Document, Key};
use serde_json::{Map, Number, Value};

use crate::failure::{Failure, Result};

/// The one member of the object that stands for what JSON has no form for.
const TAGGED: &str = "$cbor";

/// Below this depth containers are written as `{"$cbor": ..}`: JSON readers stop at 128 levels,
/// documents at 256.
const DEPTH: usize = 96;

const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Reads JSON as a document.
pub(crate) fn parse(text: &str) -> Result<Document> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        Failure::usage(format!(
            "the value is no JSON: {error} (give --text for plain text, or quote it as '\"..\"')"
        ))
    })?;
    to_document(&value)
}

/// The document that this JSON says.
pub(crate) fn to_document(value: &Value) -> Result<Document> {
    let mut cbor = Vec::new();
    put(&mut cbor, value)?;
    Ok(Document::from_cbor(cbor)?)
}

/// The key that this JSON says.
pub(crate) fn to_key(value: &Value) -> Result<Key> {
    let mut cbor = Vec::new();
    put(&mut cbor, value)?;
    Ok(Key::from_cbor(&cbor)?)
}

/// This document as JSON.
pub(crate) fn from_document(document: &Document) -> Result<Value> {
    // What others stored may be CBOR of any form; what follows here walks the deterministic one.
    let document = Document::from_cbor(document.as_cbor().clone()).ok();
    document
        .and_then(|document| from_cbor(document.as_cbor()))
        .ok_or_else(|| Failure::storage("the stored document is damaged; restore it from a copy"))
}

/// This item, which must be deterministic CBOR, as JSON.
pub(crate) fn from_cbor(cbor: &[u8]) -> Option<Value> {
    let (value, end) = item(cbor, 0, 0)?;
    (end == cbor.len()).then_some(value)
}

/// How many elements the array has; `None` if it is none.
pub(crate) fn array_len(document: &Document) -> Option<u64> {
    let head = head(document.as_cbor(), 0)?;
    (head.major == ARRAY).then_some(head.arg)
}

/// Whether it is a map.
pub(crate) fn is_map(document: &Document) -> bool {
    head(document.as_cbor(), 0).is_some_and(|head| head.major == MAP)
}

/// The two digits of each byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(2 * bytes.len());
    bytes.iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
    out
}

/// The bytes of these digits; `None` if they are no pairs of hex digits.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs.map(|pair| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8)).collect()
}

fn put(out: &mut Vec<u8>, value: &Value) -> Result {
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
        Value::Number(number) => put_number(out, number),
        Value::String(text) => put_text(out, text),
        Value::Array(items) => {
            put_head(out, ARRAY, items.len() as u64);
            items.iter().try_for_each(|item| put(out, item))?;
        }
        Value::Object(members) => match members.get(TAGGED) {
            Some(tagged) if members.len() == 1 => {
                let cbor = tagged.as_str().and_then(unhex).and_then(|cbor| Document::from_cbor(cbor).ok());
                let Some(cbor) = cbor else {
                    let message = r#"{"$cbor": ..} takes one CBOR item as text in hex digits"#;
                    return Err(Failure::usage(message));
                };
                out.extend_from_slice(cbor.as_cbor());
            }
            _ => {
                put_head(out, MAP, members.len() as u64);
                for (name, value) in members {
                    put_text(out, name);
                    put(out, value)?;
                }
            }
        },
    }
    Ok(())
}

fn put_number(out: &mut Vec<u8>, number: &Number) {
    if let Some(n) = number.as_u64() {
        put_head(out, 0, n);
    } else if let Some(n) = number.as_i64() {
        // -1 - n of a negative number is its complement.
        put_head(out, 1, !n as u64);
    } else {
        out.push(0xfb);
        out.extend_from_slice(&number.as_f64().unwrap_or(f64::NAN).to_be_bytes());
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Nine bytes always: `from_cbor` shortens them.
fn put_head(out: &mut Vec<u8>, major: u8, arg: u64) {
    out.push(major << 5 | 27);
    out.extend_from_slice(&arg.to_be_bytes());
}

struct Head {
    major: u8,
    info: u8,
    arg: u64,
    content: usize,
}

fn head(cbor: &[u8], at: usize) -> Option<Head> {
    let first = *cbor.get(at)?;
    let (major, info) = (first >> 5, first & 31);
    let wide = match info {
        0..=23 => return Some(Head { major, info, arg: info.into(), content: at + 1 }),
        24..=27 => 1 << (info - 24),
        _ => return None,
    };
    let bytes = cbor.get(at + 1..at + 1 + wide)?;
    let arg = bytes.iter().fold(0, |arg, byte| arg << 8 | u64::from(*byte));
    Some(Head { major, info, arg, content: at + 1 + wide })
}

/// The content of a string.
fn content<'a>(cbor: &'a [u8], head: &Head) -> Option<&'a [u8]> {
    let end = head.content.checked_add(usize::try_from(head.arg).ok()?)?;
    cbor.get(head.content..end)
}

/// Where the item ends. The depth is that of a document, which is limited.
fn end(cbor: &[u8], at: usize) -> Option<usize> {
    let head = head(cbor, at)?;
    let items = match head.major {
        BYTES | TEXT => return Some(head.content + content(cbor, &head)?.len()),
        ARRAY => head.arg,
        MAP => head.arg.checked_mul(2)?,
        TAG => 1,
        _ => 0,
    };
    (0..items).try_fold(head.content, |at, _| end(cbor, at))
}

fn item(cbor: &[u8], at: usize, depth: usize) -> Option<(Value, usize)> {
    let head = head(cbor, at)?;
    let plain = match head.major {
        0 => Some((Value::from(head.arg), head.content)),
        1 => i64::try_from(head.arg).ok().map(|n| (Value::from(!n), head.content)),
        TEXT => {
            let text = content(cbor, &head)?;
            Some((Value::from(std::str::from_utf8(text).ok()?), head.content + text.len()))
        }
        ARRAY if depth < DEPTH => {
            let mut items = Vec::new();
            let mut at = head.content;
            for _ in 0..head.arg {
                let (value, end) = item(cbor, at, depth + 1)?;
                items.push(value);
                at = end;
            }
            Some((Value::Array(items), at))
        }
        MAP if depth < DEPTH => members(cbor, &head, depth)?,
        7 => simple(&head).map(|value| (value, head.content)),
        _ => None,
    };
    if plain.is_some() {
        return plain;
    }
    let end = end(cbor, at)?;
    let tagged = Map::from_iter([(TAGGED.to_owned(), Value::from(hex(&cbor[at..end])))]);
    Some((Value::Object(tagged), end))
}

/// The members of a map: `Some(None)` if JSON cannot say them, `None` if the bytes are damaged.
#[expect(clippy::option_option, reason = "the two kinds of nothing mean different things")]
fn members(cbor: &[u8], map: &Head, depth: usize) -> Option<Option<(Value, usize)>> {
    let mut members = Map::new();
    let mut at = map.content;
    for _ in 0..map.arg {
        let name = head(cbor, at)?;
        if name.major != TEXT {
            return Some(None);
        }
        let text = content(cbor, &name)?;
        let (value, end) = item(cbor, name.content + text.len(), depth + 1)?;
        members.insert(std::str::from_utf8(text).ok()?.to_owned(), value);
        at = end;
    }
    if members.len() == 1 && members.contains_key(TAGGED) {
        return Some(None);
    }
    Some(Some((Value::Object(members), at)))
}

fn simple(head: &Head) -> Option<Value> {
    match head.info {
        20 | 21 => Some(Value::Bool(head.info == 21)),
        22 => Some(Value::Null),
        25 => Number::from_f64(half(head.arg as u16)).map(Value::Number),
        26 => Number::from_f64(f32::from_bits(head.arg as u32).into()).map(Value::Number),
        27 => Number::from_f64(f64::from_bits(head.arg)).map(Value::Number),
        _ => None,
    }
}

/// The value of a float of 16 bits (RFC 8949, appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let value = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -value } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cbor(hex: &str) -> Document {
        Document::from_cbor(unhex(hex).unwrap()).unwrap()
    }

    fn there_and_back(document: &Document) -> Document {
        let text = from_document(document).unwrap().to_string();
        parse(&text).unwrap_or_else(|failure| panic!("{text}: {failure}"))
    }

    #[test]
    fn what_json_can_say_is_itself() {
        for json in [
            "null",
            "true",
            "0",
            "-1",
            "24",
            "18446744073709551615",
            "-9223372036854775808",
            "1.0",
            "-0.0",
            "1.5",
            "0.1",
            "5e-324",
            "1.7976931348623157e+308",
            "65504.0",
            r#""""#,
            r#""ü\n""#,
            "[]",
            r#"[1,"a",{}]"#,
            r#"{"a":{"$cbor":1,"b":2}}"#,
        ] {
            assert_eq!(from_document(&parse(json).unwrap()).unwrap().to_string(), json);
        }
        assert_eq!(parse("1.5").unwrap(), Document::encode(&1.5).unwrap());
        assert_eq!(parse("-500").unwrap(), Document::encode(&-500).unwrap());
    }

    #[test]
    fn what_json_cannot_say_is_tagged_and_taken_back() {
        for (hex, json) in [
            ("4101", r#"{"$cbor":"4101"}"#),
            ("f97e00", r#"{"$cbor":"f97e00"}"#),
            ("f97c00", r#"{"$cbor":"f97c00"}"#),
            ("f7", r#"{"$cbor":"f7"}"#),
            ("3bffffffffffffffff", r#"{"$cbor":"3bffffffffffffffff"}"#),
            ("c249010000000000000000", r#"{"$cbor":"c249010000000000000000"}"#),
            ("a10102", r#"{"$cbor":"a10102"}"#),
            ("a16161a10102", r#"{"a":{"$cbor":"a10102"}}"#),
            ("a1652463626f7201", r#"{"$cbor":"a1652463626f7201"}"#),
            ("82d827623a6101", r#"[{"$cbor":"d827623a61"},1]"#),
        ] {
            assert_eq!(from_document(&cbor(hex)).unwrap().to_string(), json);
            assert_eq!(parse(json).unwrap(), cbor(hex));
        }
    }

    #[test]
    fn a_long_integer_becomes_the_nearest_float() {
        assert_eq!(
            parse("18446744073709551616").unwrap(),
            Document::encode(&18_446_744_073_709_551_616f64).unwrap()
        );
    }

    #[test]
    fn the_deepest_document_survives() {
        let mut deep = vec![0x81; 255];
        deep.push(0x00);
        let deep = Document::from_cbor(deep).unwrap();
        assert_eq!(there_and_back(&deep), deep);
    }

    #[test]
    fn bad_json_and_bad_tags_are_usage_errors() {
        for bad in
            ["", "{", "plain", r#"{"$cbor":1}"#, r#"{"$cbor":"6"}"#, r#"{"$cbor":"61"}"#, r#"{"$cbor":"zz"}"#]
        {
            assert_eq!(parse(bad).unwrap_err().exit_code(), 2, "{bad}");
        }
        assert!(parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn halves_are_what_they_should_be() {
        for value in [0.0, 1.0, 1.5, 65504.0, -2.0, 2f64.powi(-24), 2f64.powi(-14), 0.333_251_953_125] {
            let document = Document::encode(&value).unwrap();
            assert_eq!(document.as_cbor()[0], 0xf9, "{value} has a short form");
            assert_eq!(from_document(&document).unwrap().as_f64(), Some(value));
        }
    }

    /// Any CBOR item, of any form, as bytes.
    pub(crate) fn items() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            any::<u64>().prop_map(|n| {
                let mut out = Vec::new();
                put_head(&mut out, 0, n);
                out
            }),
            any::<u64>().prop_map(|n| {
                let mut out = Vec::new();
                put_head(&mut out, 1, n);
                out
            }),
            any::<f64>().prop_map(|f| [&[0xfb][..], &f.to_be_bytes()].concat()),
            (-99i32..99).prop_map(|n| [&[0xfb][..], &(f64::from(n) / 8.0).to_be_bytes()].concat()),
            ".{0,6}".prop_map(|text| {
                let mut out = Vec::new();
                put_text(&mut out, &text);
                out
            }),
            Just(b"\x65$cbor".to_vec()),
            prop::collection::vec(any::<u8>(), 0..6).prop_map(|bytes| [
                &[0x40 | bytes.len() as u8][..],
                &bytes
            ]
            .concat()),
            (0xf4u8..=0xf7).prop_map(|simple| vec![simple]),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|items| [
                    &[0x80 | items.len() as u8][..],
                    &items.concat()
                ]
                .concat()),
                prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(|pairs| {
                    let flat: Vec<u8> =
                        pairs.iter().flat_map(|(name, value)| [&name[..], value].concat()).collect();
                    [&[0xa0 | pairs.len() as u8][..], &flat].concat()
                }),
                (0u8..40, inner).prop_map(|(tag, inner)| [&[0xd8, tag][..], &inner].concat()),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_survives_the_way_out_and_in(bytes in items()) {
            // A map in which a key stands twice is no document.
            if let Ok(document) = Document::from_cbor(bytes) {
                prop_assert_eq!(there_and_back(&document), document);
            }
        }

        #[test]
        fn every_float_survives_the_way_out_and_in(bits in any::<u64>()) {
            let document = Document::encode(&f64::from_bits(bits)).unwrap();
            prop_assert_eq!(there_and_back(&document), document);
        }
    }
}
