//! Finding the item that a path names inside encoded bytes, and replacing, adding or removing it
//! there. Only the heads of containers that gain or lose an item change; the rest is copied.
//!
//! A segment is the deterministic encoding of a map key; an unsigned integer is also the index into
//! an array. Tagged items are opaque: a path does not lead into them.

use std::ops::Range;

use super::scan::{ARRAY, Head, MAP, Malformed, UNSIGNED, head, item_end};
use super::write::put_head;

/// Why a path cannot be followed for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// The segment with this index leads into something that is no map and no array.
    Scalar { segment: usize },
    /// The segment with this index is no index, but stands on an array.
    NoIndex { segment: usize },
    /// The segment with this index lies beyond the end of an array of this length.
    BeyondEnd { segment: usize, len: u64 },
    /// The bytes themselves are damaged.
    Malformed(Malformed),
}

impl From<Malformed> for Obstacle {
    fn from(malformed: Malformed) -> Obstacle {
        Obstacle::Malformed(malformed)
    }
}

/// Where a path leads inside an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spot {
    /// To this item. `pair` is what goes if it is removed: the key with it, in a map; `container`
    /// is where its container begins (`None`: it is the whole).
    Found { item: Range<usize>, pair: Range<usize>, container: Option<usize> },
    /// To nothing yet: it would be added at `at`, in the container that begins at `container`,
    /// as the segment with this index.
    Missing { container: usize, at: usize, segment: usize },
}

/// The item that the path names, if it is there. A step that is missing, or leads into a scalar,
/// is `None`.
pub(crate) fn find<S: AsRef<[u8]>>(bytes: &[u8], segments: &[S]) -> Result<Option<Range<usize>>, Malformed> {
    match locate(bytes, segments) {
        Ok(Spot::Found { item, .. }) => Ok(Some(item)),
        Ok(Spot::Missing { .. }) => Ok(None),
        Err(Obstacle::Malformed(malformed)) => Err(malformed),
        Err(_) => Ok(None),
    }
}

/// Follows the path for reading or writing.
pub(crate) fn locate<S: AsRef<[u8]>>(bytes: &[u8], segments: &[S]) -> Result<Spot, Obstacle> {
    let mut at = 0;
    let mut pair = None;
    let mut container = None;
    for (segment, name) in segments.iter().enumerate() {
        let name = name.as_ref();
        let outer = head(bytes, at)?;
        let step = match outer.major {
            MAP => in_map(bytes, outer, name)?,
            ARRAY => in_array(bytes, outer, name, segment)?,
            _ => return Err(Obstacle::Scalar { segment }),
        };
        match step {
            Step::Item { pair: from, item } => (pair, container, at) = (Some(from), Some(at), item),
            Step::Nothing { at: place } => return Ok(Spot::Missing { container: at, at: place, segment }),
        }
    }
    let end = item_end(bytes, at)?;
    Ok(Spot::Found { item: at..end, pair: pair.unwrap_or(at)..end, container })
}

enum Step {
    Item { pair: usize, item: usize },
    Nothing { at: usize },
}

fn in_map(bytes: &[u8], map: Head, name: &[u8]) -> Result<Step, Malformed> {
    let mut at = map.content;
    let mut left = map.arg;
    // Where a new key belongs: before the first that is greater, so that a sorted map stays sorted.
    let mut place = None;
    loop {
        if map.is_indefinite() {
            if head(bytes, at)?.is_break() {
                return Ok(Step::Nothing { at: place.unwrap_or(at) });
            }
        } else if left == 0 {
            return Ok(Step::Nothing { at: place.unwrap_or(at) });
        }
        left = left.saturating_sub(1);
        // No encoding is the beginning of another, so this comparison is exact.
        if bytes[at..].starts_with(name) {
            return Ok(Step::Item { pair: at, item: at + name.len() });
        }
        let value = item_end(bytes, at)?;
        if place.is_none() && &bytes[at..value] > name {
            place = Some(at);
        }
        at = item_end(bytes, value)?;
    }
}

fn in_array(bytes: &[u8], array: Head, name: &[u8], segment: usize) -> Result<Step, Obstacle> {
    let Ok(Head { major: UNSIGNED, arg: index, .. }) = head(name, 0) else {
        return Err(Obstacle::NoIndex { segment });
    };
    let (mut at, mut len) = (array.content, 0);
    loop {
        let ended = match array.is_indefinite() {
            true => head(bytes, at)?.is_break(),
            false => len == array.arg,
        };
        match (ended, len == index) {
            (false, true) => return Ok(Step::Item { pair: at, item: at }),
            (false, false) => at = item_end(bytes, at)?,
            (true, true) => return Ok(Step::Nothing { at }),
            (true, false) => return Err(Obstacle::BeyondEnd { segment, len }),
        }
        len += 1;
    }
}

impl Spot {
    /// The item that stands there now.
    pub(crate) fn item(&self) -> Option<Range<usize>> {
        match self {
            Spot::Found { item, .. } => Some(item.clone()),
            Spot::Missing { .. } => None,
        }
    }

    /// The bytes with `value` at this spot. Missing containers on the way are made, as maps.
    pub(crate) fn set<S: AsRef<[u8]>>(
        &self,
        bytes: &[u8],
        segments: &[S],
        value: &[u8],
    ) -> Result<Vec<u8>, Malformed> {
        match self {
            Spot::Found { item, .. } => Ok([&bytes[..item.start], value, &bytes[item.end..]].concat()),
            Spot::Missing { container, at, segment } => {
                let outer = head(bytes, *container)?;
                let mut added = Vec::with_capacity(value.len() + 64);
                let mut names = segments[*segment..].iter();
                if outer.major == ARRAY {
                    names.next();
                } else if let Some(name) = names.next() {
                    added.extend_from_slice(name.as_ref());
                }
                nest(&mut added, names, value);
                resized(bytes, *container, outer, 1, *at..*at, &added)
            }
        }
    }

    /// The bytes without what stands at this spot: `None` if nothing does, or if it is the whole.
    pub(crate) fn remove(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Malformed> {
        let Spot::Found { pair, container: Some(container), .. } = self else {
            return Ok(None);
        };
        let outer = head(bytes, *container)?;
        resized(bytes, *container, outer, -1, pair.clone(), &[]).map(Some)
    }
}

/// Appends `value` inside one new map per name.
pub(crate) fn nest<S: AsRef<[u8]>>(out: &mut Vec<u8>, names: impl Iterator<Item = S>, value: &[u8]) {
    for name in names {
        put_head(out, MAP, 1);
        out.extend_from_slice(name.as_ref());
    }
    out.extend_from_slice(value);
}

/// Replaces `cut`, inside the container at `container`, by `added`, and counts the container anew.
fn resized(
    bytes: &[u8],
    container: usize,
    outer: Head,
    more: i64,
    cut: Range<usize>,
    added: &[u8],
) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::with_capacity(bytes.len() + added.len() + 8);
    if outer.is_indefinite() {
        out.extend_from_slice(&bytes[..cut.start]);
    } else {
        let Some(count) = outer.arg.checked_add_signed(more) else {
            return Err(Malformed::new(container, "a container whose count is wrong"));
        };
        out.extend_from_slice(&bytes[..container]);
        put_head(&mut out, outer.major, count);
        out.extend_from_slice(&bytes[outer.content..cut.start]);
    }
    out.extend_from_slice(added);
    out.extend_from_slice(&bytes[cut.end..]);
    Ok(out)
}
