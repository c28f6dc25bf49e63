//! [`Key`]: names one entry. Any CBOR value, usually text; two keys are the same if and only if
//! their deterministic encodings are.

mod inline;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::Bytes;
use serde::Serialize;

use self::inline::{INLINE, Inline};
use crate::cbor;
use crate::error::{Error, ErrorKind, Result};
use crate::limits;

/// A key: the deterministic CBOR encoding (RFC 8949, 4.2.1) of the value that names an entry.
///
/// Text, integers, booleans and floats convert by themselves; the rest has constructors. A segment
/// of a [`Path`](crate::Path) is a key too. Ordered by the bytes of the encoding. Prints in
/// diagnostic notation.
///
/// ```
/// use larder::Key;
/// let keys = [
///     Key::from("users/42"),
///     Key::from(42),
///     Key::uuid([7; 16]),
///     Key::keyword("user/name"),
///     Key::array(["2026".into(), 11.into()]),
/// ];
/// assert_eq!(keys[3].to_string(), r#"39(":user/name")"#);
/// assert_ne!(Key::from(1), Key::from(1.0));
/// ```
#[derive(Clone)]
pub struct Key(Repr);

#[derive(Clone)]
enum Repr {
    Inline(Inline),
    Shared(Bytes),
}

impl Key {
    /// The key `null`.
    pub fn null() -> Key {
        Key::wrap(&[cbor::NULL])
    }

    /// A byte string as a key.
    pub fn bytes(bytes: &[u8]) -> Key {
        let mut out = Vec::with_capacity(bytes.len() + 9);
        cbor::put_bytes(&mut out, bytes);
        Key::wrap_vec(out)
    }

    /// A UUID as a key (CBOR tag 37).
    pub fn uuid(uuid: [u8; 16]) -> Key {
        let mut out = Vec::with_capacity(19);
        cbor::put_head(&mut out, cbor::TAG, 37);
        cbor::put_bytes(&mut out, &uuid);
        Key::wrap_vec(out)
    }

    /// What Clojure calls a keyword: an identifier (CBOR tag 39) that begins with a colon, which is
    /// added here.
    pub fn keyword(name: &str) -> Key {
        Key::identifier(&format!(":{name}"))
    }

    /// An identifier (CBOR tag 39), as it stands.
    pub fn identifier(text: &str) -> Key {
        let mut out = Vec::with_capacity(text.len() + 7);
        cbor::put_head(&mut out, cbor::TAG, 39);
        cbor::put_text(&mut out, text);
        Key::wrap_vec(out)
    }

    /// An array of keys as a key.
    pub fn array(items: impl IntoIterator<Item = Key>) -> Key {
        let items: Vec<Key> = items.into_iter().collect();
        let mut out = Vec::new();
        cbor::put_head(&mut out, cbor::ARRAY, items.len() as u64);
        items.iter().for_each(|item| out.extend_from_slice(item.as_cbor()));
        Key::wrap_vec(out)
    }

    /// A map as a key. Of entries with the same name the last counts.
    pub fn map(entries: impl IntoIterator<Item = (Key, Key)>) -> Key {
        let entries: std::collections::BTreeMap<Key, Key> = entries.into_iter().collect();
        let mut out = Vec::new();
        cbor::put_head(&mut out, cbor::MAP, entries.len() as u64);
        for (name, value) in &entries {
            out.extend_from_slice(name.as_cbor());
            out.extend_from_slice(value.as_cbor());
        }
        Key::wrap_vec(out)
    }

    /// Any value that serde can serialize, as a key.
    ///
    /// # Errors
    /// `Invalid` if it cannot be encoded, `TooLarge` past [`limits::KEY_BYTES`].
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Key> {
        let bytes = cbor::encode(value).map_err(|cause| {
            Error::new(ErrorKind::Invalid, format!("the value cannot be used as a key: {cause}"))
        })?;
        let key = Key::wrap_vec(bytes);
        key.check()?;
        Ok(key)
    }

    /// A key from its CBOR encoding, deterministic or not.
    ///
    /// # Errors
    /// `Invalid` if the bytes are not exactly one well-formed item, `TooLarge` past
    /// [`limits::KEY_BYTES`].
    pub fn from_cbor(bytes: &[u8]) -> Result<Key> {
        if bytes.len() > limits::KEY_BYTES {
            return Err(too_long(bytes.len()));
        }
        let bytes = cbor::deterministic(bytes)
            .map_err(|malformed| Error::new(ErrorKind::Invalid, "not a key").with_source(malformed))?;
        Ok(Key::wrap(&bytes))
    }

    /// A key from what [`Key::as_cbor`] gave, not checked again: for backends that read back what they
    /// stored, and have compared its checksum. Other bytes give a key that means nothing.
    #[inline]
    pub fn from_stored(bytes: &[u8]) -> Key {
        if bytes.len() > INLINE { Key::wrap(bytes) } else { Key(Repr::Inline(Inline::by_words(bytes))) }
    }

    /// The deterministic encoding.
    #[inline]
    pub fn as_cbor(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline(inline) => inline.bytes(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// The text, if the key is text.
    pub fn as_text(&self) -> Option<&str> {
        let bytes = self.as_cbor();
        let head = cbor::head(bytes, 0).ok()?;
        if head.major != cbor::TEXT {
            return None;
        }
        std::str::from_utf8(&bytes[head.content..]).ok()
    }

    /// Decodes the key into any type that serde can fill.
    ///
    /// # Errors
    /// `Decode` if it does not fit.
    pub fn decode<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        cbor::decode(self.as_cbor()).map_err(|cause| {
            Error::new(ErrorKind::Decode, format!("the key does not fit the type: {cause}")).at_key(self)
        })
    }

    /// Checks the limits: length and nesting. Every operation does so first.
    pub fn check(&self) -> Result<()> {
        let bytes = self.as_cbor();
        if bytes.len() > limits::KEY_BYTES {
            return Err(too_long(bytes.len()).at_key(self));
        }
        if matches!(bytes.first().map(|first| first >> 5), Some(cbor::ARRAY | cbor::MAP | cbor::TAG)) {
            cbor::nesting(bytes)
                .map_err(|why| Error::new(ErrorKind::TooLarge, "the key").with_source(why))?;
        }
        Ok(())
    }

    /// Takes the key out and leaves one that means nothing. The key is moved as it stands, without a look at
    /// what it is made of: to load what was just stored in other pieces makes a processor wait.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Key {
        std::mem::replace(self, Key(Repr::Inline(Inline::EMPTY)))
    }

    fn wrap(bytes: &[u8]) -> Key {
        if bytes.len() > INLINE {
            return Key(Repr::Shared(Bytes::copy_from_slice(bytes)));
        }
        Key(Repr::Inline(Inline::new(bytes)))
    }

    fn wrap_vec(bytes: Vec<u8>) -> Key {
        if bytes.len() > INLINE { Key(Repr::Shared(bytes.into())) } else { Key::wrap(&bytes) }
    }
}

fn too_long(len: usize) -> Error {
    let limit = limits::KEY_BYTES;
    Error::new(ErrorKind::TooLarge, format!("the key has {len} bytes in CBOR, the limit is {limit}"))
}

impl From<&str> for Key {
    // Inlined, so that a short key is made where it is used: to copy it once more costs more.
    #[inline(always)]
    fn from(text: &str) -> Key {
        if text.len() > Inline::TEXT {
            return longer(text);
        }
        Key(Repr::Inline(Inline::text(text.as_bytes())))
    }
}

#[inline(never)]
fn longer(text: &str) -> Key {
    if text.len() <= INLINE - 2 {
        let mut bytes = [0; INLINE];
        bytes[0] = (cbor::TEXT << 5) | 24;
        bytes[1] = text.len() as u8;
        bytes[2..text.len() + 2].copy_from_slice(text.as_bytes());
        return Key(Repr::Inline(Inline::new(&bytes[..text.len() + 2])));
    }
    let mut out = Vec::with_capacity(text.len() + 9);
    cbor::put_text(&mut out, text);
    Key::wrap_vec(out)
}

impl From<String> for Key {
    fn from(text: String) -> Key {
        Key::from(text.as_str())
    }
}

impl From<&String> for Key {
    fn from(text: &String) -> Key {
        Key::from(text.as_str())
    }
}

impl From<&Key> for Key {
    fn from(key: &Key) -> Key {
        key.clone()
    }
}

impl From<bool> for Key {
    fn from(value: bool) -> Key {
        Key::wrap(&[if value { 0xf5 } else { 0xf4 }])
    }
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Key {
            fn from(value: $int) -> Key {
                let mut out = Vec::with_capacity(9);
                let value = i128::from(value);
                if value < 0 {
                    cbor::put_head(&mut out, cbor::NEGATIVE, (-1 - value) as u64);
                } else {
                    cbor::put_head(&mut out, cbor::UNSIGNED, value as u64);
                }
                Key::wrap(&out)
            }
        }
    )*};
}
from_integers!(u8, u16, u32, u64, i8, i16, i32, i64);

impl From<usize> for Key {
    fn from(value: usize) -> Key {
        Key::from(value as u64)
    }
}

impl From<f64> for Key {
    /// Floats are keys of their own: `1.0` is not `1`. Every NaN is the same key.
    fn from(value: f64) -> Key {
        let mut wide = [0xfb; 9];
        wide[1..].copy_from_slice(&value.to_be_bytes());
        Key::wrap(&cbor::deterministic(&wide).unwrap_or_else(|_| wide.as_slice().into()))
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.as_cbor()
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Key) -> bool {
        match (&self.0, &other.0) {
            (Repr::Inline(one), Repr::Inline(other)) => {
                let ([a, b, c, d, e], [v, w, x, y, z]) = (one.words(), other.words());
                a == v && b == w && c == x && d == y && e == z
            }
            // Short keys are always inline, long ones never.
            (Repr::Shared(one), Repr::Shared(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        self.as_cbor().cmp(other.as_cbor())
    }
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Inline(inline) => {
                // The last word holds the length, so keys that differ there only differ too.
                let [zero, one, two, three, last] = inline.words();
                state.write_u64(zero);
                state.write_u64(one);
                if inline.len() > 16 {
                    state.write_u64(two);
                }
                if inline.len() > 24 {
                    state.write_u64(three);
                }
                state.write_u64(last);
            }
            Repr::Shared(bytes) => state.write(bytes),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&cbor::diagnostic(self.as_cbor()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_road_to_a_key_gives_the_same_encoding() {
        for text in
            ["", "a", &"x".repeat(23), &"x".repeat(24), &"ü".repeat(18), &"x".repeat(37), &"x".repeat(300)]
        {
            assert_eq!(Key::from(text), Key::encode(text).unwrap());
            assert_eq!(Key::from(text).as_text(), Some(text));
        }
        for int in [0, 23, 24, 255, 256, 65536, i64::MAX, -1, -24, -25, i64::MIN] {
            assert_eq!(Key::from(int), Key::encode(&int).unwrap());
        }
        for float in [0.0, -0.0, 1.0, 1.5, 0.1, f64::MAX, f64::INFINITY] {
            assert_eq!(Key::from(float), Key::encode(&float).unwrap(), "{float}");
        }
        assert_eq!(Key::from(f64::NAN), Key::from(-f64::NAN));
        assert_eq!(Key::from(true), Key::encode(&true).unwrap());
        assert_eq!(Key::null(), Key::encode(&()).unwrap());
    }

    #[test]
    fn a_map_is_the_same_key_in_whatever_order_it_was_made() {
        let one = Key::map([("a".into(), 1.into()), ("b".into(), 2.into())]);
        let other = Key::map([("b".into(), 2.into()), ("a".into(), 1.into())]);
        assert_eq!(one, other);
        assert_eq!(Key::from_cbor(b"\xa2\x61b\x02\x61a\x01").unwrap(), one);
    }

    #[test]
    fn limits_are_checked() {
        assert_eq!(Key::from("x".repeat(limits::KEY_BYTES)).check().unwrap_err().kind(), ErrorKind::TooLarge);
        let mut deep = Key::null();
        for _ in 0..=limits::NESTING {
            deep = Key::array([deep]);
        }
        assert_eq!(deep.check().unwrap_err().kind(), ErrorKind::TooLarge);
        assert_eq!(Key::from_cbor(deep.as_cbor()).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(Key::from_cbor(&[0x61]).unwrap_err().kind(), ErrorKind::Invalid);
    }
}
