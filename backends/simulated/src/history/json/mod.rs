//! Histories as JSON Lines: one object a line, in UTF-8.
//!
//! The first line of what larder writes is `{"larder_history":1}`, the version of this format; it may be
//! missing. Every other line is a crash, `{"crash":PLACE}`, or an operation with these members:
//!
//! | member | what |
//! |---|---|
//! | `client` | who called, a number |
//! | `number` | the how-manieth call of this client, from 0 |
//! | `call` | the name of the operation, below |
//! | `invoked` | the place of the invocation in the order of all invocations and returns |
//! | `returned` | the place of the return; missing if it never came back |
//! | `effect` | the place where it took effect; missing if that is not known |
//! | `began`, `ended` | the times of invocation and return, in nanoseconds since the run began; for pictures |
//! | `outcome` | `"ok"`; `"failed"`: it has not happened; `"unknown"`: it may have happened |
//! | `why` | the reason, where the outcome is not `"ok"` |
//! | `result` | what it came back with, where the outcome is `"ok"` |
//!
//! and, by `call`:
//!
//! | `call` | further members | `result` |
//! |---|---|---|
//! | `get` | `key` | the document or none |
//! | `exists`, `get_meta`, `dissoc` | `key` | whether there is, or was, an entry |
//! | `assoc` | `key`, `value` | missing |
//! | `assoc_in` | `key`, `path` (an array of segments), `value` | missing |
//! | `update_in` | `key`, `path`, `ran`: `{"old":..,"new":..}` of the last run of its function, each a document or none, or `false` if it never ran; missing if nothing is known | `{"old":..,"new":..}` |
//! | `compare_and_set` | `key`, `old` (a document or none), `new` | whether the comparison held |
//! | `append` | `key`, `elements` (an array of documents) | missing |
//! | `log` | `key` | the array of elements, or none |
//! | `bget` | `key`, `range`: `[START, END]` in bytes, `END` null for all that follows; missing for the whole | the digest or none; of a range, the size of the whole binary or none |
//! | `bassoc` | `key`, `digest`; missing if its bytes never came to an end | missing |
//! | `keys` | `prefix`, where only keys that begin so were asked for | `{"keys":[..],"complete":..}`; not complete if it was not read to the end |
//! | `multi_assoc` | `entries` (an array of `[key, document]`), `atomic` | missing |
//! | `multi_dissoc` | `keys`, `atomic` | an array, for each key whether there was an entry |
//!
//! A result may also be `"wrong_kind"` or `"invalid_path"`: it was refused because of what is stored.
//!
//! "A document or none" is an array of one element or of none. Documents and keys are what they say in JSON;
//! what JSON cannot say is `{"$cbor":"hex"}`, their encoding. A digest is `{"size":BYTES,"sha256":"hex"}`, of
//! which the first 16 bytes of the hash count.

mod read;
mod value;
mod write;

pub use self::read::read;
pub use self::write::write;

/// The version of the format.
const VERSION: u64 = 1;
