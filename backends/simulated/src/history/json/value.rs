//! Documents, keys and digests as JSON, and back.

use larder::{Document, Key};
use serde_json::{Map, Value, json};

use crate::history::answer::Digest;
use crate::history::text::Malformed;

/// The one member of an object that stands for what JSON cannot say.
const TAGGED: &str = "$cbor";

type Result<T> = std::result::Result<T, Malformed>;

fn wrong(what: &str, value: &Value) -> Malformed {
    let shown: String = value.to_string().chars().take(60).collect();
    Malformed::new(format!("{shown} is {what}"))
}

/// The document in JSON, such that [`to_document`] gives back the same.
pub(super) fn of_document(document: &Document) -> Value {
    let same = |value: &Value| {
        // By way of the text, since that is what is read.
        serde_json::from_str(&value.to_string())
            .is_ok_and(|read| to_document(&read).is_ok_and(|read| read == *document))
    };
    match document.decode::<Value>() {
        Ok(value) if same(&value) => value,
        _ => tagged(document.as_cbor()),
    }
}

pub(super) fn to_document(value: &Value) -> Result<Document> {
    let document = match untagged(value)? {
        Some(bytes) => Document::from_cbor(bytes),
        None => Document::encode(value),
    };
    document.map_err(|error| wrong(&format!("no document: {error}"), value))
}

/// The key in JSON, such that [`to_key`] gives back the same.
pub(super) fn of_key(key: &Key) -> Value {
    if let Some(text) = key.as_text() {
        return text.into();
    }
    match key.decode::<Value>() {
        Ok(value) if to_key(&value).is_ok_and(|read| read == *key) && !value.is_f64() => value,
        _ => tagged(key.as_cbor()),
    }
}

pub(super) fn to_key(value: &Value) -> Result<Key> {
    let key = match (value, untagged(value)?) {
        (Value::String(text), _) => return Ok(Key::from(text)),
        (_, Some(bytes)) => Key::from_cbor(&bytes),
        (_, None) => Key::encode(value),
    };
    key.map_err(|error| wrong(&format!("no key: {error}"), value))
}

/// One or none, as an array.
pub(super) fn of_option(document: Option<&Document>) -> Value {
    Value::Array(document.map(of_document).into_iter().collect())
}

pub(super) fn to_option(value: &Value) -> Result<Option<Document>> {
    match value.as_array().map(Vec::as_slice) {
        Some([]) => Ok(None),
        Some([value]) => to_document(value).map(Some),
        _ => Err(wrong("no array of one element or of none", value)),
    }
}

pub(super) fn of_digest(digest: Digest) -> Value {
    json!({"size": digest.size, "sha256": format!("{:032x}", digest.hash)})
}

pub(super) fn to_digest(value: &Value) -> Result<Digest> {
    let size = value.get("size").and_then(Value::as_u64);
    let hash = value.get("sha256").and_then(Value::as_str).and_then(|hex| hex.get(..32));
    match (size, hash.and_then(|hex| u128::from_str_radix(hex, 16).ok())) {
        (Some(size), Some(hash)) => Ok(Digest { size, hash }),
        _ => Err(wrong("no digest with size and sha256", value)),
    }
}

fn tagged(bytes: &[u8]) -> Value {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Value::Object(Map::from_iter([(TAGGED.to_owned(), hex.into())]))
}

/// The bytes of a `{"$cbor":"hex"}`; `None` if it is anything else.
fn untagged(value: &Value) -> Result<Option<Vec<u8>>> {
    let Some(object) = value.as_object().filter(|object| object.len() == 1) else { return Ok(None) };
    let Some(hex) = object.get(TAGGED) else { return Ok(None) };
    let digits = hex.as_str().filter(|hex| hex.is_ascii() && hex.len() % 2 == 0);
    let bytes = digits.and_then(|digits| {
        let pairs = (0..digits.len()).step_by(2).map(|at| digits.get(at..at + 2));
        pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
    });
    bytes.map(Some).ok_or_else(|| wrong("no CBOR in hex digits", value))
}
