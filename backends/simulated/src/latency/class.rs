//! [`Class`]: the kinds of operation that a storage service treats differently.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A class of operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Reads data, all or a range.
    Read,
    /// Reads a head alone.
    Head,
    /// Stores a record.
    Write,
    /// Removes a record.
    Remove,
    /// Lists keys.
    List,
    /// Stores several records at once.
    Batch,
    /// Waits for stable storage.
    Sync,
}

impl Class {
    /// All of them, in order.
    pub const ALL: [Class; 7] =
        [Class::Read, Class::Head, Class::Write, Class::Remove, Class::List, Class::Batch, Class::Sync];

    /// The name in profiles and reports, such as `"read"`.
    pub const fn name(self) -> &'static str {
        match self {
            Class::Read => "read",
            Class::Head => "head",
            Class::Write => "write",
            Class::Remove => "remove",
            Class::List => "list",
            Class::Batch => "batch",
            Class::Sync => "sync",
        }
    }

    /// Whether its bytes go up to the service rather than come down from it.
    pub const fn is_upload(self) -> bool {
        matches!(self, Class::Write | Class::Batch)
    }

    /// Whether it changes what is stored.
    pub const fn is_change(self) -> bool {
        matches!(self, Class::Write | Class::Remove | Class::Batch)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
