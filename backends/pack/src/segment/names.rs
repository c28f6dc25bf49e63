//! The names of segment files.

use std::ffi::OsStr;

/// The name of the segment with this id: eight lower-case hex digits and `.log`.
pub(crate) fn file_name(id: u32) -> String {
    format!("{id:08x}.log")
}

/// The id that a name stands for; `None` if it is not exactly the name of that id. There is no segment 0.
pub(crate) fn parse_name(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    let id = u32::from_str_radix(name.strip_suffix(".log")?, 16).ok()?;
    (id > 0 && file_name(id) == name).then_some(id)
}
