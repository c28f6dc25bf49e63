#![doc = include_str!("../README.md")]

mod backend;
mod cbor;
mod clock;
mod document;
mod error;
mod hooks;
pub mod io;
mod key;
pub mod limits;
mod meta;
mod path;
mod record;
mod reply;
mod store;

pub use backend::{
    Backend, Batch, ByteRange, Capabilities, Durability, Expect, Keys, Part, Reach, Removed, Stored, Version,
    Write, Written,
};
pub use bytes::Bytes;
pub use clock::{Clock, RealClock, Timestamp};
pub use document::Document;
pub use error::{Error, ErrorKind, Result};
pub use hooks::{HookId, Hooks, Operation, WriteEvent};
pub use key::Key;
pub use meta::{Kind, Meta, MetaUpdate, Sums};
pub use path::Path;
pub use record::{ByteStream, Data, DataSum, Form, Head, Origin, Record};
pub use reply::{Reply, Responder};
pub use store::{Binary, Change, Documents, Extras, Source, Store, Together, UpdateFn};
