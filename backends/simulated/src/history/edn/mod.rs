//! Histories as EDN, one event a line, in the shape that Jepsen writes and that Knossos and Elle read:
//!
//! ```text
//! {:process 0, :type :invoke, :f :write, :key "a", :value 3, :time 120, :index 0}
//! {:process 0, :type :ok, :f :write, :key "a", :value 3, :time 450, :index 1}
//! ```
//!
//! `:type` is `:invoke`, `:ok`, `:fail` (it has not happened) or `:info` (it may have happened). `:f` and `:value`:
//!
//! | operation | `:f` | `:value` of the invocation | of `:ok` |
//! |---|---|---|---|
//! | get | `:read` (read: also `:get`) | nil | the document; nil if there is none |
//! | assoc | `:write` (read: also `:put`, `:assoc`) | the document | the same |
//! | compare-and-set | `:cas` | `[old new]` | the same; `:fail` with the same value says that the comparison did not hold |
//! | update of a whole entry | `:update` | nil | `[old new]` |
//! | dissoc, exists | `:dissoc`, `:exists` | nil | true or false |
//! | append | `:append` | the element, of several the vector in a `#larder/together` | the same |
//! | log | `:log` | nil | the vector of elements, or nil |
//!
//! What else larder does is written under its own name with its JSON form ([`json`](super::json)) as a string, and
//! not read back. `:key` is missing where a history has only one register; reading, the key is then
//! `"register"`. Where the value of a read's invocation is a vector of two, values are `[key value]`, as
//! `jepsen.independent` makes them. Documents that EDN cannot say are `#larder/cbor "hex"`.

mod events;
mod read;
mod syntax;
mod write;

pub(super) use self::events::{Event, assemble};
pub(super) use self::read::event;
pub use self::read::read;
pub(super) use self::syntax::Edn;
pub(super) use self::syntax::parse_all;
pub use self::write::write;
