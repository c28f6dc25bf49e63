//! Every error has the kind by which an application decides, and one line that says what to do.

use std::io;
use std::path::PathBuf;

use larder::{Error, ErrorKind};
use larder_pack::append_only_file::{AppendOnlyFileError as E, Bound};

fn path() -> PathBuf {
    PathBuf::from("data/store.3.suffix")
}

fn all() -> Vec<(E, ErrorKind, &'static str)> {
    let out_of_bounds = |bound| E::ReadOutOfBounds { path: path(), off: 3, len: 4, end: 5, bound };
    let io = |kind: io::ErrorKind| E::Io { doing: "write to", path: path(), source: kind.into() };
    let inconsistent =
        E::InconsistentStore { path: path(), end_poff: 90, dead_header_size: 16, physical: 100 };
    let full = Error::new(ErrorKind::Full, "no room for the control file");
    vec![
        (E::FileExists { path: path() }, ErrorKind::Invalid, "overwritten"),
        (E::NoSuchFileOrDirectory { path: path() }, ErrorKind::Corrupt, "restore it"),
        (E::NotAFile { path: path() }, ErrorKind::Corrupt, "move away"),
        (inconsistent, ErrorKind::Corrupt, "has 100 bytes; restore it"),
        (out_of_bounds(Bound::Flushed), ErrorKind::Invalid, "the flushed bytes end at 5; flush"),
        (out_of_bounds(Bound::File), ErrorKind::Corrupt, "the file ends at 5; it was longer"),
        (E::PendingFlush { path: path(), buffered: 7 }, ErrorKind::Invalid, "7 bytes are not flushed"),
        (E::DoubleClose { path: path() }, ErrorKind::Closed, "closed before"),
        (E::Closed { path: path() }, ErrorKind::Closed, "open it again"),
        (E::RoNotAllowed { path: path() }, ErrorKind::Unsupported, "open it for writing"),
        (E::RwNotAllowed { path: path() }, ErrorKind::Unsupported, "by appending only"),
        (E::Poisoned { path: path() }, ErrorKind::Poisoned, "open the store again"),
        (
            E::Fsync { path: path(), source: io::ErrorKind::TimedOut.into() },
            ErrorKind::TimedOut,
            "cannot sync",
        ),
        (E::AutoFlush { path: path(), appended: false, source: full }, ErrorKind::Full, "control file"),
        (E::NotFlushed { path: path() }, ErrorKind::Invalid, "did not"),
        (io(io::ErrorKind::StorageFull), ErrorKind::Full, "cannot write to"),
        (io(io::ErrorKind::PermissionDenied), ErrorKind::Denied, "cannot write to"),
        (io(io::ErrorKind::InvalidData), ErrorKind::Io, "cannot write to"),
    ]
}

#[test]
fn each_becomes_an_error_of_the_store_with_the_kind_to_act_on() {
    for (error, kind, advice) in all() {
        let name = format!("{error:?}");
        let (here, ambiguous) = (error.to_string(), matches!(error, E::Fsync { .. }));
        let error = Error::from(error);
        let there = error.to_string();
        assert_eq!(error.kind(), kind, "{name}");
        assert_eq!(error.backend(), Some("pack"));
        assert_eq!(error.is_ambiguous(), ambiguous, "{name}");
        for line in [here, there] {
            assert!(line.contains(advice), "{name}: {line}");
            assert!(line.contains("data/store.3.suffix") && !line.contains('\n'), "{line}");
        }
    }
}

#[test]
fn causes_are_kept() {
    use std::error::Error as _;
    let error = E::Io { doing: "read", path: path(), source: io::ErrorKind::TimedOut.into() };
    assert!(error.source().is_some());
    assert!(Error::from(error).source().is_some());
}

#[test]
fn errors_stay_small() {
    assert!(size_of::<E>() <= 80, "{} bytes", size_of::<E>());
}
