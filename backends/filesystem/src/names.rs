//! File names: which directory and which name a key has, and the way back.
//!
//! A text key keeps `a-z 0-9 - _` and inner dots; every other byte of its UTF-8 is `%XX`. Names are
//! thus ASCII without capital letters outside of escapes, so that no file system folds or normalizes
//! two of them together, and none is special anywhere. Other keys and long ones are `#` and the SHA-256
//! of their encoding. Temporary files begin with `~`, which no key's name does.

use larder::Key;
use sha2::{Digest, Sha256};

/// How many directories the records are spread over: so many that a million keys are some thousands in
/// each, so few that a new store is soon made.
pub(crate) const FAN_OUT: usize = 64;

const _: () = assert!(FAN_OUT.is_power_of_two() && FAN_OUT <= 256);

/// The longest readable name in bytes: common file systems allow 255, some encrypted ones 143 to 200.
const READABLE: usize = 140;

/// The name of the empty text: no escape, so that no other text has it.
const EMPTY: &str = "%";

/// What opens a hashed name.
const HASHED: char = '#';

/// What opens the name of a temporary file.
const TEMP: char = '~';

/// What opens the name that NFS gives to an open file that is removed or replaced; the rest is hexadecimal.
const LOST: &str = ".nfs";

/// What a file name in a record directory says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// The file of this text key.
    Text(Key),
    /// The file of a key that only the file itself tells.
    Hashed,
    /// The temporary file of this owner.
    Temp(String),
    /// A file that lost its name while someone had it open: NFS gives it another until it is let go.
    Lost,
    /// Nothing that this backend makes.
    Foreign,
}

/// The directory of a key: the low six bits of the CRC-32 (IEEE) of its encoding.
pub(crate) fn directory(key: &Key) -> u8 {
    crc32fast::hash(key.as_cbor()) as u8 & (FAN_OUT - 1) as u8
}

/// The file name of a key.
pub(crate) fn encode(key: &Key) -> String {
    key.as_text().and_then(readable).unwrap_or_else(|| hashed(key))
}

/// What the name of a file in the directory `dir` says. A key's name in another directory than the
/// key's own is foreign.
pub(crate) fn decode(name: &str, dir: u8) -> Name {
    if name.starts_with(HASHED) {
        let digits = &name[HASHED.len_utf8()..];
        return if digits.len() == 64 && digits.bytes().all(is_hex) { Name::Hashed } else { Name::Foreign };
    }
    if let Some(rest) = name.strip_prefix(TEMP) {
        return match rest.split_once('-') {
            Some((owner, count)) if is_owner(owner) && !count.is_empty() && count.bytes().all(is_hex) => {
                Name::Temp(owner.to_owned())
            }
            _ => Name::Foreign,
        };
    }
    if let Some(digits) = name.strip_prefix(LOST) {
        return if !digits.is_empty() && digits.bytes().all(is_hex) { Name::Lost } else { Name::Foreign };
    }
    match unescape(name).map(Key::from) {
        // Only the one name that a key is given counts: the way there and back must meet.
        Some(key) if directory(&key) == dir && encode(&key) == name => Name::Text(key),
        _ => Name::Foreign,
    }
}

/// The name of a temporary file.
pub(crate) fn temp(owner: &str, count: u64) -> String {
    format!("{TEMP}{owner}-{count:x}")
}

/// The name of an owner.
pub(crate) fn owner(id: u64) -> String {
    format!("{id:016x}")
}

/// Whether this names an owner.
pub(crate) fn is_owner(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(is_hex)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn hashed(key: &Key) -> String {
    let mut name = String::with_capacity(65);
    name.push(HASHED);
    for byte in Sha256::digest(key.as_cbor()) {
        push_hex(&mut name, byte, b"0123456789abcdef");
    }
    name
}

fn readable(text: &str) -> Option<String> {
    if text.len() > READABLE {
        return None;
    }
    if text.is_empty() {
        return Some(EMPTY.to_owned());
    }
    let mut name = String::with_capacity(text.len() + 16);
    let last = text.len() - 1;
    let device = is_device(text);
    for (at, byte) in text.bytes().enumerate() {
        let plain = match byte {
            b'a'..=b'z' => at != 0 || !device,
            b'0'..=b'9' | b'-' | b'_' => true,
            b'.' => at != 0 && at != last,
            _ => false,
        };
        if plain {
            name.push(char::from(byte));
        } else {
            name.push('%');
            push_hex(&mut name, byte, b"0123456789ABCDEF");
        }
    }
    (name.len() <= READABLE).then_some(name)
}

fn push_hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    out.push(char::from(digits[usize::from(byte >> 4)]));
    out.push(char::from(digits[usize::from(byte & 15)]));
}

/// Whether Windows takes the name for a device: these words, whatever follows the first dot.
fn is_device(text: &str) -> bool {
    let stem = text.split('.').next().unwrap_or_default();
    match stem.len() {
        3 => matches!(stem, "con" | "prn" | "aux" | "nul"),
        4 => matches!(&stem.as_bytes()[..3], b"com" | b"lpt") && stem.as_bytes()[3].is_ascii_digit(),
        _ => false,
    }
}

fn unescape(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => (hex(rest.next()?)? << 4) | hex(rest.next()?)?,
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn short_text_keys_have_readable_names() {
        for (key, name) in [
            ("ada", "ada"),
            ("users/42", "users%2F42"),
            ("Ada", "%41da"),
            ("a.b.json", "a.b.json"),
            (".", "%2E"),
            ("..", "%2E%2E"),
            ("a.", "a%2E"),
            ("", "%"),
            ("%", "%25"),
            ("con", "%63on"),
            ("con.txt", "%63on.txt"),
            ("com1", "%63om1"),
            ("console", "console"),
            ("CON", "%43%4F%4E"),
            ("a\0b\n", "a%00b%0A"),
            ("ü", "%C3%BC"),
            ("~a", "%7Ea"),
            ("#a", "%23a"),
        ] {
            assert_eq!(encode(&key.into()), name);
            assert_eq!(decode(name, directory(&key.into())), Name::Text(key.into()));
        }
    }

    #[test]
    fn other_keys_and_long_ones_are_hashed() {
        for key in [Key::from(42), Key::null(), Key::from("x".repeat(141)), Key::from("😀".repeat(12))] {
            let name = encode(&key);
            assert_eq!((name.len(), decode(&name, directory(&key))), (65, Name::Hashed), "{key}");
        }
        assert_eq!(encode(&"x".repeat(140).into()).len(), 140);
    }

    #[test]
    fn names_that_no_key_has_are_foreign() {
        for name in [
            "",
            ".",
            "..",
            "Ada",
            "a%2f",
            "a%2",
            "a%",
            "%FF",
            "%61",
            "con",
            "#12",
            "~x",
            "notes.TXT",
            "a b",
            "lost+found",
            ".nfs",
            ".nfs-1",
            ".nfsx",
            "~0123456789abcdef-",
            "~0123456789abcdef-x",
        ] {
            assert!((0..=255).all(|dir| decode(name, dir) == Name::Foreign), "{name}");
        }
        let elsewhere = directory(&"ada".into()).wrapping_add(1);
        assert_eq!(decode("ada", elsewhere), Name::Foreign);
        let owner = owner(77);
        assert_eq!(decode(&temp(&owner, 10), 3), Name::Temp(owner));
        assert_eq!(decode(".nfs00000000018c2a7500000001", 3), Name::Lost);
    }

    /// Text that is likely to meet what is special.
    fn text() -> impl Strategy<Value = String> {
        prop_oneof![any::<String>(), "[a-cA-C./~#% ]{0,6}", "(con|aux|com1|nul)[.a]{0,2}", "[ü😀a]{0,60}"]
    }

    fn key() -> impl Strategy<Value = Key> {
        prop_oneof![
            text().prop_map(Key::from),
            any::<i64>().prop_map(Key::from),
            text().prop_map(|text| Key::identifier(&text)),
            any::<Vec<u8>>().prop_map(|bytes| Key::bytes(&bytes)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn two_keys_never_share_a_name_even_if_case_is_folded(one in key(), other in key()) {
            if one != other {
                prop_assert_ne!(encode(&one).to_lowercase(), encode(&other).to_lowercase());
            }
        }

        #[test]
        fn a_name_is_one_harmless_component_and_leads_back(key in key()) {
            let name = encode(&key);
            prop_assert!(!name.is_empty() && name.len() <= READABLE);
            prop_assert!(!name.starts_with(['.', TEMP]) && !name.ends_with('.'));
            prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.%#".contains(&b)));
            prop_assert!(!is_device(&name));
            match decode(&name, directory(&key)) {
                Name::Text(back) => prop_assert_eq!(back, key),
                found => prop_assert_eq!(found, Name::Hashed),
            }
        }

        #[test]
        fn any_file_name_can_be_looked_at(name in any::<String>(), dir in any::<u8>()) {
            if let Name::Text(key) = decode(&name, dir) {
                prop_assert_eq!(encode(&key), name);
            }
        }
    }
}
