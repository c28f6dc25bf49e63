//! A copy of the workspace's source, to be broken.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// Not source: what is built, and what remembers versions.
const LEFT_OUT: [&str; 2] = ["target", ".git"];

/// Copies a folder. Files that are the same already are left alone, so that nothing is built again
/// for nothing; files that are gone from the source go from the copy.
pub(crate) fn folder(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |what: &Path, cause| format!("cannot copy {}: {cause}", what.display());
    fs::create_dir_all(to).map_err(|cause| failed(to, cause))?;
    for entry in fs::read_dir(to).map_err(|cause| failed(to, cause))? {
        let path = entry.map_err(|cause| failed(to, cause))?.path();
        let source = from.join(path.file_name().unwrap_or_default());
        if !source.exists() {
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(|cause| failed(&path, cause))?;
        }
    }
    for entry in fs::read_dir(from).map_err(|cause| failed(from, cause))? {
        let path = entry.map_err(|cause| failed(from, cause))?.path();
        let name = path.file_name().unwrap_or_default();
        if LEFT_OUT.iter().any(|left_out| name == OsStr::new(left_out)) {
            continue;
        }
        if path.is_dir() {
            folder(&path, &to.join(name))?;
        } else {
            file(&path, &to.join(name)).map_err(|cause| failed(&path, cause))?;
        }
    }
    Ok(())
}

fn file(from: &Path, to: &Path) -> std::io::Result<()> {
    let new = fs::read(from)?;
    if fs::read(to).is_ok_and(|old| old == new) { Ok(()) } else { fs::write(to, new) }
}
