//! The names of Redis keys: `PREFIX/NAME`, where `PREFIX` belongs to the store and `NAME` to the entry.
//!
//! Text keys stay readable: only `%`, `{` and `}`, and a `#` or `~` at the beginning, are written as `%` and
//! two hex digits. Any other key is `#` and the hex digits of its CBOR. Names that begin with `~` are the
//! store's own: uploads, leases, markers.
//!
//! The prefix contains no `/`, so no store's names begin like those of another store. Names contain no
//! braces, so the slot of a cluster is chosen by the prefix's hash tag alone, or else by the whole key; the
//! store's own names carry it in braces and live in the same slot.

use larder::{Error, ErrorKind, Key, Result};

use crate::failure;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// The names of one store.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// With the `/` that ends it.
    prefix: String,
}

impl Names {
    /// The names of the store with this prefix.
    ///
    /// # Errors
    /// `Invalid` if it has braces that are no hash tag, or control characters.
    pub(crate) fn new(prefix: &str) -> Result<Names> {
        let invalid =
            |what: &str| Err(Error::new(ErrorKind::Invalid, format!("the prefix {prefix:?} {what}")));
        if prefix.chars().any(char::is_control) {
            return invalid("has control characters");
        }
        let braces: Vec<(usize, char)> =
            prefix.char_indices().filter(|(_, c)| matches!(c, '{' | '}')).collect();
        match braces[..] {
            [] => {}
            [(open, '{'), (close, '}')] if close > open + 1 => {}
            _ => return invalid("has braces that are no hash tag, as in {shop}"),
        }
        let mut own = String::with_capacity(prefix.len() + 1);
        for c in prefix.chars() {
            match c {
                '/' => own.push_str("%2f"),
                '%' => own.push_str("%25"),
                c => own.push(c),
            }
        }
        own.push('/');
        Ok(Names { prefix: own })
    }

    /// Whether all records are in one slot of a cluster, that of the prefix's hash tag.
    pub(crate) fn tagged(&self) -> bool {
        self.prefix.contains('{')
    }

    /// Where the record of this key stands.
    pub(crate) fn record(&self, key: &Key) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + key.as_cbor().len() + 8);
        name.extend_from_slice(self.prefix.as_bytes());
        match key.as_text() {
            Some(text) => escape(text, &mut name),
            None => {
                name.push(b'#');
                key.as_cbor().iter().for_each(|byte| hex(*byte, &mut name));
            }
        }
        name
    }

    /// How the store's own names begin that belong to the record with this name.
    pub(crate) fn aside(&self, record: &[u8]) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + record.len() + 32);
        name.extend_from_slice(self.prefix.as_bytes());
        name.extend_from_slice(b"~{");
        name.extend_from_slice(record);
        name.extend_from_slice(b"}:");
        name
    }

    /// One of them: its purpose, and the write that it serves.
    pub(crate) fn own(&self, record: &[u8], purpose: &str, stamp: &[u8]) -> Vec<u8> {
        let mut name = self.aside(record);
        name.extend_from_slice(purpose.as_bytes());
        name.push(b':');
        stamp.iter().for_each(|byte| hex(*byte, &mut name));
        name
    }

    /// The pattern that matches all names of this store, or those of text keys that begin like this.
    pub(crate) fn pattern(&self, text: Option<&str>) -> Vec<u8> {
        let mut begin = self.prefix.clone().into_bytes();
        // An escape at the beginning depends on the first character, which an empty text has not.
        escape(text.unwrap_or_default(), &mut begin);
        let mut pattern = Vec::with_capacity(begin.len() + 8);
        for byte in begin {
            if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^' | b'-') {
                pattern.push(b'\\');
            }
            pattern.push(byte);
        }
        pattern.push(b'*');
        pattern
    }

    /// The key whose record has this name: `None` if the name is one of the store's own, or none of this
    /// store at all.
    ///
    /// # Errors
    /// `Corrupt` if no key has this name: another program has written here.
    pub(crate) fn key(&self, name: &[u8]) -> Result<Option<Key>> {
        let Some(rest) = name.strip_prefix(self.prefix.as_bytes()) else { return Ok(None) };
        if rest.first() == Some(&b'~') {
            return Ok(None);
        }
        let key = match rest.strip_prefix(b"#") {
            Some(digits) => unhex(digits).and_then(|cbor| Key::from_cbor(&cbor).ok()),
            None => unescape(rest).map(Key::from),
        };
        // What is not written as this module writes it would be listed, and never found.
        let key = key.filter(|key| self.record(key) == name);
        key.map(Some).ok_or_else(|| {
            let name = String::from_utf8_lossy(name).escape_debug().to_string();
            failure::foreign(format!("the Redis key \"{name}\" is none that larder writes; move it away"))
        })
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'%' | b'{' | b'}' => escaped(byte, out),
            b'#' | b'~' if at == 0 => escaped(byte, out),
            byte => out.push(byte),
        }
    }
}

fn escaped(byte: u8, out: &mut Vec<u8>) {
    out.push(b'%');
    hex(byte, out);
}

fn hex(byte: u8, out: &mut Vec<u8>) {
    out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

fn unescape(name: &[u8]) -> Option<String> {
    let mut out = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, others @ ..] = rest {
        rest = others;
        if *first == b'%' {
            out.extend(unhex(rest.get(..2)?)?);
            rest = &rest[2..];
        } else {
            out.push(*first);
        }
    }
    String::from_utf8(out).ok()
}

fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    digits.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(prefix: &str) -> Names {
        Names::new(prefix).unwrap()
    }

    #[test]
    fn text_keys_stay_readable_and_every_key_comes_back() {
        let names = names("app:users");
        assert_eq!(names.record(&"ada/1: x".into()), b"app:users/ada/1: x");
        assert_eq!(names.record(&"a{b}%".into()), b"app:users/a%7bb%7d%25");
        assert_eq!(names.record(&"#1".into()), b"app:users/%231");
        assert_eq!(names.record(&"~".into()), b"app:users/%7e");
        assert_eq!(names.record(&"1#~".into()), b"app:users/1#~");
        assert_eq!(names.record(&1.into()), b"app:users/#01");
        for key in
            ["", "ada", "#", "~", "%", "%41", "{}", "ü", "\0\n", "a/b"].map(Key::from).into_iter().chain([
                Key::from(7),
                Key::null(),
                Key::bytes(b"ada"),
                Key::uuid([9; 16]),
                Key::keyword("larder/log"),
            ])
        {
            assert_eq!(names.key(&names.record(&key)).unwrap(), Some(key));
        }
    }

    #[test]
    fn no_store_takes_a_name_of_another_for_its_own() {
        let prefixes = ["", "a", "ab", "a/b", "a%2fb", "a:", "a:b", "a*", "a[b]", "{a}", "a/"];
        for one in prefixes {
            for other in prefixes.into_iter().filter(|other| *other != one) {
                let name = names(other).record(&"x".into());
                assert_eq!(names(one).key(&name).unwrap(), None, "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn a_prefix_with_half_a_hash_tag_is_refused() {
        for prefix in ["{", "}", "{}", "}{", "{a}{b}", "a\n"] {
            assert_eq!(Names::new(prefix).unwrap_err().kind(), ErrorKind::Invalid, "{prefix:?}");
        }
    }

    #[test]
    fn names_that_nobody_here_writes_are_reported() {
        let names = names("p");
        for name in ["p/%4", "p/%zz", "p/%41", "p/#0", "p/#zz", "p/#6161", "p/#63616461", "p/a{b}"] {
            assert_eq!(names.key(name.as_bytes()).unwrap_err().kind(), ErrorKind::Corrupt, "{name}");
        }
        assert_eq!(names.key(&names.own(b"p/a", "up", &[1])).unwrap(), None);
    }

    #[test]
    fn what_has_a_meaning_in_patterns_is_escaped() {
        assert_eq!(names("a[b]*?").pattern(None), br"a\[b\]\*\?/*");
        assert_eq!(names("p").pattern(Some(r"a\{")), br"p/a\\%7b*");
    }
}
