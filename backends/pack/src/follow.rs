//! Following the log that another process writes.

use std::io;
use std::sync::Arc;

use larder::io::Mode;
use larder::{ErrorKind, Result};

use crate::control::Control;
use crate::failure;
use crate::open::{Followed, Replay, register, scan};
use crate::place::Place;
use crate::segment::SegmentHeader;
use crate::shared::Shared;
use crate::writer::Extra;

/// Takes in what was published beyond `end`, and moves that; whether there was anything. Readers see each batch as a
/// whole.
pub(crate) fn refresh(shared: &Arc<Shared>, followed: &mut Followed) -> Result<bool> {
    let Followed { end, usage } = followed;
    let (disk, layout) = (&*shared.disk, &shared.layout);
    let state = Control::read(disk, layout.root())?;
    let state = state.filter(|state| state.salt == shared.salt).ok_or_else(gone)?;
    let published = Place { segment: state.end.segment, offset: state.published };
    if published <= *end {
        return Ok(false);
    }
    let extra = Extra { usage: std::mem::take(usage), ..Extra::default() };
    let mut replay = Replay::new(shared, extra, &state);
    let followed = follow(shared, end, published, &mut replay);
    *usage = replay.usage;
    followed.map(|()| true)
}

/// Reads the log from `end` up to what is published.
fn follow(shared: &Shared, end: &mut Place, published: Place, replay: &mut Replay) -> Result<()> {
    let (disk, layout) = (&*shared.disk, &shared.layout);
    while *end < published {
        let id = end.segment;
        let path = layout.segment(id);
        let file = disk.open(&path, Mode::Read).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => gone(),
            _ => failure::disk("cannot open", path.display(), cause),
        })?;
        let whole = || file.len().map_err(|cause| failure::disk("cannot read", path.display(), cause));
        let to = if id == published.segment { published.offset } else { whole()? };
        let from = match end.offset {
            0 => SegmentHeader::read(&*file, id, Some(shared.salt))?.ok_or_else(gone)?.encoded_len(),
            offset => offset,
        };
        register(shared, id, to)?;
        replay.begin(id, to);
        scan(&*file, layout, shared.salt, id, from..to, &mut |frame| replay.frame(&frame))?;
        *end = if id == published.segment { published } else { Place { segment: id + 1, offset: 0 } };
    }
    Ok(())
}

fn gone() -> larder::Error {
    failure::error(
        ErrorKind::Unavailable,
        "the writer has compacted what was to be read since; open the store again",
    )
}
