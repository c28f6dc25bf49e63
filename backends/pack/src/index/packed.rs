//! Keys one after the other: the length of each in 7 bits a byte, the low ones first, then its bytes.

use std::ops::Range;

/// Adds a key.
pub(super) fn put(out: &mut Vec<u8>, key: &[u8]) {
    let mut left = key.len();
    while left >= 0x80 {
        out.push(left as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
    out.extend_from_slice(key);
}

/// Where the key at `*at` stands; moves on to the next. `None` if there is none, or no whole one.
#[inline]
pub(super) fn take(packed: &[u8], at: &mut usize) -> Option<Range<usize>> {
    let mut start = *at;
    let mut len = 0;
    for shift in [0, 7, 14] {
        let byte = usize::from(*packed.get(start)?);
        start += 1;
        len |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            let end = start + len;
            if end > packed.len() {
                return None;
            }
            *at = end;
            return Some(start..end);
        }
    }
    None
}

/// All keys.
pub(super) fn keys(packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || take(packed, &mut at).map(|range| &packed[range]))
}
