//! Deterministic encoding (RFC 8949, 4.2.1): shortest heads and floats, definite lengths, map keys
//! in the bytewise order of their encodings, none twice. Also the full check of foreign bytes.

use std::borrow::Cow;

use half::f16;

use super::scan::{ARRAY, BYTES, Head, MAP, Malformed, SIMPLE, TAG, TEXT, head, item_end, string_end};
use super::write::put_head;
use crate::limits::NESTING;

/// Checks that the bytes are one well-formed item with valid text, not nested too deeply, and
/// nothing after it; tells whether it is already deterministic.
///
/// In a deterministic item no map has a key twice. In any other it takes [`rewrite`] to tell, as two
/// encodings of one key need not look alike.
fn check(bytes: &[u8]) -> Result<bool, Malformed> {
    let mut scan = Scan { bytes, deterministic: true };
    let end = scan.item(0, 0)?;
    if end != bytes.len() {
        return Err(Malformed::new(end, "more bytes after the item"));
    }
    Ok(scan.deterministic)
}

/// The deterministic encoding of the item: the same bytes if they are it already.
pub(crate) fn deterministic(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Malformed> {
    if check(bytes)? {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    rewrite(bytes, 0, &mut out)?;
    debug_assert_eq!(check(&out), Ok(true));
    Ok(Cow::Owned(out))
}

/// [`deterministic`] for bytes that are owned already.
pub(crate) fn into_deterministic(bytes: Vec<u8>) -> Result<Vec<u8>, Malformed> {
    match deterministic(&bytes)? {
        Cow::Owned(better) => Ok(better),
        Cow::Borrowed(_) => Ok(bytes),
    }
}

struct Scan<'a> {
    bytes: &'a [u8],
    deterministic: bool,
}

impl Scan<'_> {
    /// Checks the item at `at` and returns where it ends. Recursion is bounded by `NESTING`.
    fn item(&mut self, at: usize, depth: usize) -> Result<usize, Malformed> {
        let head = head(self.bytes, at)?;
        if depth > NESTING || (depth == NESTING && matches!(head.major, ARRAY | MAP | TAG)) {
            return Err(Malformed::new(at, "nested too deeply"));
        }
        if head.is_indefinite() || (head.major != SIMPLE && !is_shortest(head, at)) {
            self.deterministic = false;
        }
        match head.major {
            BYTES | TEXT => self.string(at, head),
            ARRAY => {
                let mut next = head.content;
                let mut left = head.arg;
                while let Some(start) = self.more(&mut next, head, &mut left)? {
                    next = self.item(start, depth + 1)?;
                }
                Ok(next)
            }
            MAP => self.map(head, depth),
            TAG => self.item(head.content, depth + 1),
            SIMPLE => {
                if head.is_break() {
                    return Err(Malformed::new(at, "a break outside a container of indefinite length"));
                }
                if matches!(head.info, 25..=27) && shortest_float(head).1 != head.info {
                    self.deterministic = false;
                }
                if matches!(head.info, 25..=27) && float(head).is_nan() && head.arg != CANONICAL_NAN {
                    self.deterministic = false;
                }
                Ok(head.content)
            }
            _ => Ok(head.content),
        }
    }

    /// Whether one more item stands in this container; steps over the break that ends it.
    fn more(&self, next: &mut usize, container: Head, left: &mut u64) -> Result<Option<usize>, Malformed> {
        if container.is_indefinite() {
            let head = head(self.bytes, *next)?;
            if head.is_break() {
                *next = head.content;
                return Ok(None);
            }
            return Ok(Some(*next));
        }
        if *left == 0 {
            return Ok(None);
        }
        *left -= 1;
        Ok(Some(*next))
    }

    fn map(&mut self, head: Head, depth: usize) -> Result<usize, Malformed> {
        let mut next = head.content;
        let mut left = head.arg;
        let mut previous: &[u8] = &[];
        let mut sorted = true;
        let bytes = self.bytes;
        while let Some(start) = self.more(&mut next, head, &mut left)? {
            let end = self.item(start, depth + 1)?;
            let key = &bytes[start..end];
            if key == previous {
                return Err(Malformed::new(start, "a key that stands twice in one map"));
            }
            sorted &= previous < key;
            previous = key;
            next = self.item(end, depth + 1)?;
        }
        self.deterministic &= sorted;
        Ok(next)
    }

    fn string(&mut self, at: usize, head: Head) -> Result<usize, Malformed> {
        if !head.is_indefinite() {
            let end = string_end(self.bytes, head)?;
            return match head.major == TEXT && std::str::from_utf8(&self.bytes[head.content..end]).is_err() {
                true => Err(Malformed::new(head.content, "text that is not UTF-8")),
                false => Ok(end),
            };
        }
        // Every piece of a text must be valid by itself (RFC 8949, 3.2.3).
        let end = item_end(self.bytes, at)?;
        let mut next = head.content;
        while next < end - 1 {
            let piece = super::scan::head(self.bytes, next)?;
            next = self.string(next, piece)?;
        }
        Ok(end)
    }
}

fn is_shortest(head: Head, at: usize) -> bool {
    head.content - at
        == match head.arg {
            0..=23 => 1,
            24..=0xff => 2,
            0x100..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        }
}

const CANONICAL_NAN: u64 = 0x7e00;

fn float(head: Head) -> f64 {
    match head.info {
        25 => f16::from_bits(head.arg as u16).to_f64(),
        26 => f64::from(f32::from_bits(head.arg as u32)),
        _ => f64::from_bits(head.arg),
    }
}

/// The bits and the `info` of the shortest float that has this value.
fn shortest_float(head: Head) -> (u64, u8) {
    let value = float(head);
    if value.is_nan() {
        return (CANONICAL_NAN, 25);
    }
    let half = f16::from_f64(value);
    if half.to_f64().to_bits() == value.to_bits() {
        return (u64::from(half.to_bits()), 25);
    }
    let single = value as f32;
    if f64::from(single).to_bits() == value.to_bits() {
        return (u64::from(single.to_bits()), 26);
    }
    (value.to_bits(), 27)
}

/// Appends the deterministic encoding of the item at `at`, which [`check`] has passed, and returns
/// where it ends.
fn rewrite(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Malformed> {
    let item = head(bytes, at)?;
    match item.major {
        BYTES | TEXT if !item.is_indefinite() => {
            let end = string_end(bytes, item)?;
            put_head(out, item.major, item.arg);
            out.extend_from_slice(&bytes[item.content..end]);
            Ok(end)
        }
        BYTES | TEXT => {
            let end = item_end(bytes, at)?;
            let mut joined = Vec::new();
            let mut next = item.content;
            while next < end - 1 {
                let piece = head(bytes, next)?;
                next = string_end(bytes, piece)?;
                joined.extend_from_slice(&bytes[piece.content..next]);
            }
            put_head(out, item.major, joined.len() as u64);
            out.extend_from_slice(&joined);
            Ok(end)
        }
        ARRAY => {
            put_head(out, ARRAY, count(bytes, item)?);
            let (_, end) = each(bytes, item, |at| rewrite(bytes, at, out))?;
            Ok(end)
        }
        MAP => rewrite_map(bytes, at, item, out),
        TAG => {
            put_head(out, TAG, item.arg);
            rewrite(bytes, item.content, out)
        }
        SIMPLE if matches!(item.info, 25..=27) => {
            let (bits, info) = shortest_float(item);
            out.push((SIMPLE << 5) | info);
            let wide = bits.to_be_bytes();
            out.extend_from_slice(&wide[8 - (1 << (info - 24))..]);
            Ok(item.content)
        }
        major => {
            put_head(out, major, item.arg);
            Ok(item.content)
        }
    }
}

/// [`rewrite`] for a map: in the order of its keys, none of which may stand there twice.
fn rewrite_map(bytes: &[u8], at: usize, map: Head, out: &mut Vec<u8>) -> Result<usize, Malformed> {
    let count = count(bytes, map)?;
    put_head(out, MAP, count);
    let first = out.len();
    // Where each pair begins in `out`, where its value does, and where it ends. The count was
    // checked against the bytes, so it is safe to allocate by.
    let mut pairs: Vec<[usize; 3]> = Vec::with_capacity(count as usize);
    let (_, end) = each(bytes, map, |at| {
        let pair = out.len();
        let value_at = rewrite(bytes, at, out)?;
        let value = out.len();
        let next = rewrite(bytes, value_at, out)?;
        pairs.push([pair, value, out.len()]);
        Ok(next)
    })?;
    if pairs.is_sorted_by(|a, b| out[a[0]..a[1]] < out[b[0]..b[1]]) {
        return Ok(end);
    }
    pairs.sort_unstable_by(|a, b| out[a[0]..a[1]].cmp(&out[b[0]..b[1]]));
    if pairs.windows(2).any(|two| out[two[0][0]..two[0][1]] == out[two[1][0]..two[1][1]]) {
        return Err(Malformed::new(at, "a map with a key that stands twice"));
    }
    let unsorted = out.split_off(first);
    pairs.iter().for_each(|pair| out.extend_from_slice(&unsorted[pair[0] - first..pair[2] - first]));
    Ok(end)
}

/// How many elements or pairs a container has that [`check`] has passed.
fn count(bytes: &[u8], container: Head) -> Result<u64, Malformed> {
    if !container.is_indefinite() {
        return Ok(container.arg);
    }
    let (count, _) = each(bytes, container, |at| {
        let end = item_end(bytes, at)?;
        if container.major == MAP { item_end(bytes, end) } else { Ok(end) }
    })?;
    Ok(count)
}

/// Calls `step` for every element (or pair) of a container; returns how many there were and where
/// the container ends.
fn each(
    bytes: &[u8],
    container: Head,
    mut step: impl FnMut(usize) -> Result<usize, Malformed>,
) -> Result<(u64, usize), Malformed> {
    let (mut at, mut count) = (container.content, 0);
    loop {
        if container.is_indefinite() {
            let next = head(bytes, at)?;
            if next.is_break() {
                return Ok((count, next.content));
            }
        } else if count == container.arg {
            return Ok((count, at));
        }
        at = step(at)?;
        count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn every_form_of_an_item_becomes_the_one_form() {
        for (from, to) in [
            ("1800", "00"),
            ("1b0000000000000017", "17"),
            ("fb3ff8000000000000", "f93e00"),
            ("fa3f800000", "f93c00"),
            ("fb8000000000000000", "f98000"),
            ("fb7ff8000000000001", "f97e00"),
            ("f97e01", "f97e00"),
            ("fb3ff199999999999a", "fb3ff199999999999a"),
            ("fa47c35000", "fa47c35000"),
            ("5f42010243030405ff", "450102030405"),
            ("7f657374726561646d696e67ff", "6973747265616d696e67"),
            ("9f018202039f0405ffff", "8301820203820405"),
            ("a2616202616101", "a2616101616202"),
            ("bf6162026161a220201800 00ff".replace(' ', "").as_str(), "a26161a200002020616202"),
            ("a2fb3ff0000000000000 01 01 02".replace(' ', "").as_str(), "a20102f93c0001"),
            ("d81800", "d81800"),
            ("da00000018a0", "d818a0"),
            ("f818".replace("18", "ff").as_str(), "f8ff"),
        ] {
            assert_eq!(deterministic(&bytes(from)).unwrap().into_owned(), bytes(to), "{from}");
        }
    }

    #[test]
    fn foreign_bytes_are_checked_in_full() {
        for bad in [
            "61ff",
            "7f61c361bcff",
            "a2000100 01".replace(' ', "").as_str(),
            "a20001 1800 02".replace(' ', "").as_str(),
            "0000",
            "",
            "bf0001 1800 02ff".replace(' ', "").as_str(),
            "82 1800 a2 00 01 00 02".replace(' ', "").as_str(),
        ] {
            assert!(deterministic(&bytes(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn maps_as_keys_of_maps_as_keys_take_no_longer_than_other_items() {
        // Zero in two bytes, so that every level has to be rewritten.
        let deep = [vec![0xa1; NESTING], vec![0x18, 0x00], vec![0x00; NESTING]].concat();
        let better = [vec![0xa1; NESTING], vec![0x00; NESTING + 1]].concat();
        assert_eq!(deterministic(&deep).unwrap(), better);
    }
}
