//! Keys as text: how they are given on the command line, and how listings print them. Text is itself;
//! a prefix says what is no text. Whatever is printed is read back as the same key.

use larder::Key;
use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::json;

/// The explanation that `--help` prints.
pub(crate) const HELP: &str = "\
Keys and segments:
  Plain text is a text key. A prefix gives any other key; listings print keys in the
  form that is taken back:
    json:42  json:[\"a\",1]  json:\"a\\nb\"  what JSON can say: an integer, an array, text with
                                        control characters
    keyword:user/name                   an identifier that begins with a colon (CBOR tag 39)
    uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6
    bytes:00ff                          a byte string, in hex
    cbor:d82700                         any CBOR item, in hex
    text:json:42                        text that would look like one of these
  A segment of digits is an index where the value at that point is an array, and text
  elsewhere: `get ada emails 0` is the first of ada's emails. json:0 is always the number.";

const PREFIXES: [&str; 6] = ["json:", "keyword:", "uuid:", "bytes:", "cbor:", "text:"];

/// Reads a key.
pub(crate) fn parse(text: &str) -> Result<Key> {
    let Some(prefix) = PREFIXES.into_iter().find(|prefix| text.starts_with(prefix)) else {
        return Ok(Key::from(text));
    };
    let rest = &text[prefix.len()..];
    let bad = |what: &str| {
        Failure::usage(format!("the key {text:?} is malformed: {what}; text:{text} is that text as a key"))
    };
    match prefix {
        "text:" => Ok(Key::from(rest)),
        "keyword:" => Ok(Key::keyword(rest)),
        "bytes:" => {
            Ok(Key::bytes(&json::unhex(rest).ok_or_else(|| bad("bytes: takes pairs of hex digits"))?))
        }
        "cbor:" => {
            let cbor = json::unhex(rest).ok_or_else(|| bad("cbor: takes pairs of hex digits"))?;
            Key::from_cbor(&cbor).map_err(|error| bad(&error.to_string()))
        }
        "uuid:" => Ok(Key::uuid(uuid(rest).ok_or_else(|| bad("uuid: takes 8-4-4-4-12 hex digits"))?)),
        _ => {
            let value: Value =
                serde_json::from_str(rest).map_err(|error| bad(&format!("json: takes JSON, {error}")))?;
            json::to_key(&value).map_err(|failure| bad(&failure.to_string()))
        }
    }
}

/// Prints a key so that [`parse`] reads it back, on one line without control characters.
pub(crate) fn print(key: &Key) -> String {
    match candidate(key) {
        // What follows only ever matters if the two functions disagree.
        Some(text) if parse(&text).is_ok_and(|back| back == *key) => text,
        _ => format!("cbor:{}", json::hex(key.as_cbor())),
    }
}

fn candidate(key: &Key) -> Option<String> {
    if let Some(text) = key.as_text() {
        // Shells and terminals change these, so they are written as JSON does.
        let fragile = text.is_empty() || text.trim() != text || text.contains(is_invisible);
        return Some(match text {
            _ if fragile => format!("json:{}", visible(&Value::from(text).to_string())),
            _ if PREFIXES.iter().any(|prefix| text.starts_with(prefix)) => format!("text:{text}"),
            _ => text.to_owned(),
        });
    }
    let cbor = key.as_cbor();
    match cbor {
        [0xd8, 37, 0x50, uuid @ ..] if uuid.len() == 16 => {
            let hex = json::hex(uuid);
            return Some(format!(
                "uuid:{}-{}-{}-{}-{}",
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..]
            ));
        }
        [0xd8, 39, text @ ..] => {
            let name = Key::from_cbor(text).ok()?;
            let name = name.as_text()?.strip_prefix(':')?;
            let fragile = name.trim_end() != name || name.contains(is_invisible);
            return (!fragile).then(|| format!("keyword:{name}"));
        }
        [first, ..] if first >> 5 == 2 => {
            let Some(Value::Object(tagged)) = json::from_cbor(cbor) else { return None };
            let hex = tagged.values().next()?.as_str()?;
            // The head of a byte string has 1, 2, 3, 5 or 9 bytes.
            let head = match first & 31 {
                0..=23 => 1,
                wide => 1 + (1 << (wide - 24)),
            };
            return Some(format!("bytes:{}", hex.get(2 * head..)?));
        }
        _ => {}
    }
    let text = json::from_cbor(cbor)?.to_string();
    (!text.starts_with(r#"{"$cbor""#)).then(|| format!("json:{}", visible(&text)))
}

fn uuid(text: &str) -> Option<[u8; 16]> {
    let parts: Vec<&str> = text.split('-').collect();
    if parts.iter().map(|part| part.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    json::unhex(&parts.concat())?.try_into().ok()
}

/// Characters that a terminal would not show but obey, or that end a line for some program.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The text with such characters as `\uXXXX`. In JSON they stand within strings only, so it stays
/// the same JSON.
pub(crate) fn visible(text: &str) -> String {
    if !text.contains(is_invisible) {
        return text.to_owned();
    }
    text.chars()
        .map(|c| if is_invisible(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_prefix_gives_its_kind_of_key() {
        for (text, key) in [
            ("ada", Key::from("ada")),
            ("42", Key::from("42")),
            ("json:42", Key::from(42)),
            ("json:-7", Key::from(-7)),
            ("json:1.0", Key::from(1.0)),
            ("json:true", Key::from(true)),
            ("json:null", Key::null()),
            (r#"json:["a",1]"#, Key::array(["a".into(), 1.into()])),
            (r#"json:"a\nb""#, Key::from("a\nb")),
            (r#"json:"""#, Key::from("")),
            (r#"json:" a""#, Key::from(" a")),
            ("keyword:user/name", Key::keyword("user/name")),
            ("uuid:00010203-0405-0607-0809-0a0b0c0d0e0f", Key::uuid(std::array::from_fn(|i| i as u8))),
            ("bytes:00ff", Key::bytes(&[0, 0xff])),
            ("bytes:", Key::bytes(&[])),
            ("cbor:d82763616263", Key::identifier("abc")),
            ("text:json:42", Key::from("json:42")),
            ("text:text:", Key::from("text:")),
            ("JSON:42", Key::from("JSON:42")),
            ("http://example.org", Key::from("http://example.org")),
        ] {
            assert_eq!(parse(text).unwrap(), key, "{text}");
            assert_eq!(print(&key), text);
        }
    }

    #[test]
    fn other_ways_of_writing_a_key_are_read_too() {
        assert_eq!(parse("text:").unwrap(), Key::from(""));
        assert_eq!(parse("text:a\nb").unwrap(), Key::from("a\nb"));
        assert_eq!(parse("a\nb").unwrap(), Key::from("a\nb"));
        assert_eq!(parse("json: 42 ").unwrap(), Key::from(42));
        assert_eq!(parse("cbor:1818").unwrap(), Key::from(24));
        assert_eq!(parse("bytes:Ff").unwrap(), Key::bytes(&[0xff]));
    }

    #[test]
    fn a_malformed_key_is_a_usage_error_that_tells_how_to_write_the_text() {
        for text in ["json:", "json:{", "uuid:1", "bytes:0", "bytes:zz", "cbor:", "cbor:61", "cbor:0000"] {
            let failure = parse(text).unwrap_err();
            assert_eq!(failure.exit_code(), 2, "{text}");
            assert!(failure.to_string().contains(&format!("text:{text}")), "{failure}");
        }
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_printed() {
        for text in ["a\u{1b}[2J", "a\u{9b}2J", "a\u{202e}b", "a\nb", "a\0", "\u{feff}"] {
            let printed = print(&Key::from(text));
            assert!(!printed.contains(is_invisible), "{printed:?}");
            assert_eq!(parse(&printed).unwrap(), Key::from(text));
        }
        assert!(print(&Key::keyword("a\nb")).starts_with("cbor:"));
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ -~]{0,12}",
            (prop::sample::select(PREFIXES.as_slice()), any::<String>())
                .prop_map(|(prefix, rest)| format!("{prefix}{rest}")),
            (prop::sample::select(PREFIXES.as_slice()), "[0-9a-f]{0,6}")
                .prop_map(|(prefix, rest)| format!("{prefix}{rest}")),
        ]
    }

    fn keys() -> impl Strategy<Value = Key> {
        let leaf = prop_oneof![
            text().prop_map(Key::from),
            any::<i64>().prop_map(Key::from),
            any::<u64>().prop_map(Key::from),
            any::<f64>().prop_map(Key::from),
            any::<bool>().prop_map(Key::from),
            Just(Key::null()),
            Just(Key::from(f64::NAN)),
            Just(Key::from("$cbor")),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Key::bytes(&bytes)),
            any::<[u8; 16]>().prop_map(Key::uuid),
            text().prop_map(|name| Key::keyword(&name)),
            text().prop_map(|name| Key::identifier(&name)),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Key::array),
                prop::collection::vec((inner.clone(), inner), 0..3).prop_map(Key::map),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_printed_is_read_back_as_the_same_key(key in keys()) {
            let printed = print(&key);
            prop_assert!(!printed.contains(is_invisible), "{:?}", printed);
            prop_assert_eq!(parse(&printed).unwrap(), key);
        }

        #[test]
        fn two_keys_are_never_printed_alike(one in keys(), other in keys()) {
            prop_assert_eq!(print(&one) == print(&other), one == other);
        }

        #[test]
        fn no_text_makes_parsing_panic(text in text()) {
            if let Ok(key) = parse(&text) {
                prop_assert_eq!(parse(&print(&key)).unwrap(), key);
            }
        }
    }
}
