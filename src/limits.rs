//! Every limit in one place. They are checked before writing and again after reading, so that
//! neither a caller nor damaged bytes can make the library allocate or recurse without bound.

/// The longest key, in bytes of its CBOR encoding.
pub const KEY_BYTES: usize = 64 * 1024;

/// The longest meta, in bytes of its CBOR encoding.
pub const META_BYTES: usize = 1024 * 1024;

/// The longest document, in bytes of its CBOR encoding. Binaries have no limit: they are streamed.
pub const DOCUMENT_BYTES: u64 = 1024 * 1024 * 1024;

/// The most segments that a path may have below its key.
pub const PATH_DEPTH: usize = 128;

/// How deep containers and tags may nest in a document, a key or a meta.
pub const NESTING: usize = 256;

/// The chunk in which streamed binaries are read and written, in bytes.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// How often a conditional write is tried before it ends as `Conflict`.
pub const WRITE_ATTEMPTS: u32 = 128;

/// How many queued updates of one key one write commits at the most.
pub const COMBINED_UPDATES: usize = 1024;

/// How many bytes of elements that are appended to one log at a time share a write at the most.
pub const COMBINED_BYTES: usize = 4 * 1024 * 1024;

/// How much memory a store may use for what it wrote last, to save the next update of the same key its read, in
/// bytes: at least half of that is known, however many keys are updated.
pub const REMEMBERED_TOTAL_BYTES: usize = 16 * 1024 * 1024;

/// The largest entry that is remembered for that purpose, in bytes.
pub const REMEMBERED_BYTES: usize = 64 * 1024;

/// Of how many keys a store over a remote backend knows the version last written here, to write them
/// anew without looking.
pub const SEEN_KEYS: usize = 32 * 1024;

/// The largest data that is sent on a guess, in bytes: if that is wrong it is sent twice.
pub const GUESSED_BYTES: usize = 64 * 1024;

// A meta must have room for the largest key and some entries besides, and its length must fit the
// 32 bits that the record gives it.
const _: () = assert!(KEY_BYTES * 2 <= META_BYTES);
const _: () = assert!(META_BYTES <= u32::MAX as usize);
const _: () = assert!(PATH_DEPTH < NESTING);
