#![doc = include_str!("../README.md")]

mod backend;
mod blocking;
mod cbor;
mod clock;
mod document;
mod error;
mod hooks;
pub mod io;
mod key;
mod larder;
pub mod limits;
mod meta;
mod path;
mod record;
mod records;
mod registry;
mod reply;
mod store;

pub use backend::{
    Backend, Batch, ByteRange, Capabilities, Durability, Expect, Keys, Part, Reach, Removed, Stored, Version,
    Write, Written,
};
pub use blocking::Blocking;
pub use bytes::Bytes;
pub use clock::{Clock, RealClock, Timestamp};
pub use document::Document;
pub use error::{Error, ErrorKind, Result};
pub use hooks::{HookId, Hooks, Operation, WriteEvent};
pub use key::Key;
pub use larder::{Entries, Larder};
pub use meta::{Kind, Meta, MetaUpdate, Sums};
pub use path::Path;
pub use record::{ByteStream, COMPACT_HEAD_BYTES, Data, DataSum, Form, Head, Origin, Record};
pub use records::Records;
pub use registry::{Address, Registry, Scheme, SchemeOption};
pub use reply::{Reply, Responder};
pub use store::{Binary, Change, Documents, Extras, Source, Store, Together, UpdateFn};
