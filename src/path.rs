//! [`Path`]: a key, followed by the steps into its value.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};
use crate::key::Key;
use crate::limits;

/// A key and zero or more segments into the value: map keys, or indexes of arrays.
///
/// An unsigned integer is an index where it meets an array, and a map key where it meets a map.
/// The [`path!`](crate::path) macro writes one down.
///
/// ```
/// use larder::{Path, path};
/// let path: Path = path!["ada", "emails", 0];
/// assert_eq!(path.to_string(), r#"["ada", "emails", 0]"#);
/// assert_eq!(Path::from("ada"), path!["ada"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    key: Key,
    segments: Vec<Key>,
}

impl Path {
    /// The path to the whole value of this key.
    pub fn new(key: impl Into<Key>) -> Path {
        Path { key: key.into(), segments: Vec::new() }
    }

    /// The path one step further in.
    #[must_use]
    pub fn join(mut self, segment: impl Into<Key>) -> Path {
        self.segments.push(segment.into());
        self
    }

    /// The key of the entry.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The steps into its value; none for the whole.
    pub fn segments(&self) -> &[Key] {
        &self.segments
    }

    /// Checks the limits: of the key, of the segments, and of their number.
    pub fn check(&self) -> Result<()> {
        if self.segments.len() > limits::PATH_DEPTH {
            let (depth, limit) = (self.segments.len(), limits::PATH_DEPTH);
            let message = format!("the path has {depth} segments, the limit is {limit}");
            return Err(Error::new(ErrorKind::TooLarge, message).at_key(&self.key));
        }
        self.key.check()?;
        self.segments.iter().try_for_each(Key::check)
    }
}

impl<K: Into<Key>> From<K> for Path {
    fn from(key: K) -> Path {
        Path::new(key)
    }
}

impl From<&Path> for Path {
    fn from(path: &Path) -> Path {
        path.clone()
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}", self.key)?;
        self.segments.iter().try_for_each(|segment| write!(f, ", {segment}"))?;
        f.write_str("]")
    }
}

/// Writes down a [`Path`]: the key, then the segments. Each is anything that becomes a
/// [`Key`](crate::Key).
#[macro_export]
macro_rules! path {
    ($key:expr $(, $segment:expr)* $(,)?) => {
        $crate::Path::new($key)$(.join($segment))*
    };
}
