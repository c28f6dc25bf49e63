//! Reading item heads and finding where items end, without recursion.

use crate::limits::NESTING;

pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const NEGATIVE: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const TAG: u8 = 6;
pub(crate) const SIMPLE: u8 = 7;

/// Bytes that are no CBOR, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

impl Malformed {
    pub(crate) fn new(at: usize, what: &'static str) -> Malformed {
        Malformed { at, what }
    }
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no valid CBOR at byte {}: {}", self.at, self.what)
    }
}

impl std::error::Error for Malformed {}

/// The head of one item: its major type, its argument, and where its content starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) major: u8,
    /// The low five bits of the first byte; 31 is "indefinite", or "break" for major type 7.
    pub(crate) info: u8,
    pub(crate) arg: u64,
    /// Where the content begins: just after the head.
    pub(crate) content: usize,
}

impl Head {
    #[inline]
    pub(crate) fn is_indefinite(self) -> bool {
        self.info == 31
    }

    #[inline]
    pub(crate) fn is_break(self) -> bool {
        self.major == SIMPLE && self.info == 31
    }
}

/// Reads the head at `at`. A break is returned as a head; whether it may stand there is for the
/// caller to know.
#[inline]
pub(crate) fn head(bytes: &[u8], at: usize) -> Result<Head, Malformed> {
    let Some(&first) = bytes.get(at) else {
        return Err(Malformed::new(at, "the bytes end where an item should begin"));
    };
    let (major, info) = (first >> 5, first & 31);
    let content = at + 1;
    let (arg, content) = match info {
        0..=23 => (u64::from(info), content),
        24 => (u64::from(*argument::<1>(bytes, content)?.first().unwrap_or(&0)), content + 1),
        25 => (u64::from(u16::from_be_bytes(argument(bytes, content)?)), content + 2),
        26 => (u64::from(u32::from_be_bytes(argument(bytes, content)?)), content + 4),
        27 => (u64::from_be_bytes(argument(bytes, content)?), content + 8),
        31 if !matches!(major, UNSIGNED | NEGATIVE | TAG) => (0, content),
        _ => return Err(Malformed::new(at, "a reserved head")),
    };
    if major == SIMPLE && info == 24 && arg < 32 {
        return Err(Malformed::new(at, "a simple value in two bytes that fits one"));
    }
    Ok(Head { major, info, arg, content })
}

#[inline]
fn argument<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Malformed> {
    bytes
        .get(at..at + N)
        .and_then(|slice| slice.try_into().ok())
        .ok_or(Malformed::new(at, "the bytes end within a head"))
}

/// Where the content of a byte or text string of definite length ends.
#[inline]
pub(crate) fn string_end(bytes: &[u8], head: Head) -> Result<usize, Malformed> {
    let left = (bytes.len() - head.content) as u64;
    if head.arg > left {
        return Err(Malformed::new(head.content, "a string that is longer than the bytes that are left"));
    }
    Ok(head.content + head.arg as usize)
}

/// Where the item that begins at `at` ends. Checks the structure, not the text.
///
/// For items of definite length a single count of what is still to come replaces the usual stack.
#[inline]
pub(crate) fn item_end(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    let mut at = at;
    let mut left: u64 = 1;
    while left > 0 {
        let head = head(bytes, at)?;
        left -= 1;
        if head.is_indefinite() {
            at = indefinite_end(bytes, at)?;
            continue;
        }
        at = match head.major {
            BYTES | TEXT => string_end(bytes, head)?,
            _ => {
                left = left.saturating_add(children(bytes, head)?);
                head.content
            }
        };
    }
    Ok(at)
}

/// How many items stand directly inside this head. Each takes a byte at least, so a count beyond
/// the bytes that are left is refused before anyone believes it.
#[inline]
fn children(bytes: &[u8], head: Head) -> Result<u64, Malformed> {
    let count = match head.major {
        ARRAY => head.arg,
        MAP => head.arg.saturating_mul(2),
        TAG => 1,
        _ => return Ok(0),
    };
    if count > (bytes.len() - head.content) as u64 {
        return Err(Malformed::new(head.content, "a container that claims more items than there are bytes"));
    }
    Ok(count)
}

/// The general walk, with a stack: for containers and strings of indefinite length.
#[cold]
fn indefinite_end(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    /// What is still to come at one level.
    enum Level {
        Items(u64),
        UntilBreak { map: bool, odd: bool },
        Pieces { major: u8 },
    }
    let mut stack = vec![Level::Items(1)];
    let mut at = at;
    while let Some(level) = stack.last_mut() {
        let head = match level {
            Level::Items(0) => {
                stack.pop();
                continue;
            }
            Level::Items(left) => {
                *left -= 1;
                let head = head(bytes, at)?;
                if head.is_break() {
                    return Err(Malformed::new(at, "a break outside a container of indefinite length"));
                }
                head
            }
            Level::UntilBreak { map, odd } => {
                let head = head(bytes, at)?;
                if head.is_break() {
                    if *map && *odd {
                        return Err(Malformed::new(at, "a map that ends after a key"));
                    }
                    at = head.content;
                    stack.pop();
                    continue;
                }
                *odd = !*odd;
                head
            }
            Level::Pieces { major } => {
                let head = head(bytes, at)?;
                if head.is_break() {
                    stack.pop();
                } else if head.major != *major || head.is_indefinite() {
                    return Err(Malformed::new(
                        at,
                        "a string of indefinite length with a piece of another type",
                    ));
                } else {
                    at = string_end(bytes, head)?;
                    continue;
                }
                at = head.content;
                continue;
            }
        };
        at = head.content;
        match (head.major, head.is_indefinite()) {
            (BYTES | TEXT, true) => stack.push(Level::Pieces { major: head.major }),
            (BYTES | TEXT, false) => at = string_end(bytes, head)?,
            (ARRAY | MAP, true) => stack.push(Level::UntilBreak { map: head.major == MAP, odd: false }),
            (ARRAY | MAP | TAG, false) => stack.push(Level::Items(children(bytes, head)?)),
            _ => {}
        }
        // One level more than containers may nest: the innermost may be a string in pieces.
        if stack.len() > NESTING + 2 {
            return Err(Malformed::new(at, "nested too deeply"));
        }
    }
    Ok(at)
}

/// How deep containers and tags nest in a well-formed item of definite lengths: 0 for a scalar.
pub(crate) fn nesting(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut stack: Vec<u64> = Vec::new();
    let (mut at, mut deepest) = (0, 0);
    loop {
        let head = head(bytes, at)?;
        if head.is_indefinite() {
            return Err(Malformed::new(at, "an indefinite length where a definite one was expected"));
        }
        let inside = children(bytes, head)?;
        at = if matches!(head.major, BYTES | TEXT) { string_end(bytes, head)? } else { head.content };
        if matches!(head.major, ARRAY | MAP | TAG) {
            stack.push(inside);
            deepest = deepest.max(stack.len());
            if deepest > NESTING {
                return Err(Malformed::new(at, "nested too deeply"));
            }
        }
        while let Some(0) = stack.last() {
            stack.pop();
        }
        match stack.last_mut() {
            None => return Ok(deepest),
            Some(left) => *left -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(hex: &str) -> Result<usize, Malformed> {
        item_end(&bytes(hex), 0)
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_examples_of_rfc_8949_end_where_they_end() {
        for hex in [
            "00",
            "17",
            "1818",
            "190100",
            "1a000f4240",
            "1bffffffffffffffff",
            "20",
            "3903e7",
            "f93c00",
            "fa47c35000",
            "fb3ff199999999999a",
            "f4",
            "f5",
            "f6",
            "f7",
            "f0",
            "f8ff",
            "c074323031332d30332d32315432303a30343a30305a",
            "c11a514b67b0",
            "d818456449455446",
            "40",
            "4401020304",
            "60",
            "6449455446",
            "62c3bc",
            "80",
            "83010203",
            "8301820203820405",
            "a0",
            "a201020304",
            "a26161016162820203",
            "5f42010243030405ff",
            "7f657374726561646d696e67ff",
            "9fff",
            "9f018202039f0405ffff",
            "83018202039f0405ff",
            "bf61610161629f0203ffff",
            "826161bf61626163ff",
        ] {
            assert_eq!(end(hex), Ok(hex.len() / 2), "{hex}");
        }
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for hex in [
            "",
            "18",
            "19ff",
            "1b",
            "62c3",
            "820101".trim_end_matches("01"),
            "a101",
            "ff",
            "1c",
            "5f6100ff",
            "5f5f4100ffff",
            "bf6161ff",
            "1f",
            "3f",
            "df",
            "f818",
            "9f",
            "7f",
            "9bffffffffffffffff",
            "bbffffffffffffffff",
            "5bffffffffffffffff",
            "c1",
            "81ff",
            "a1ff00",
            "82ff",
        ] {
            assert!(end(hex).is_err(), "{hex}");
        }
    }

    #[test]
    fn depth_is_counted_and_limited() {
        assert_eq!(nesting(&bytes("01")), Ok(0));
        assert_eq!(nesting(&bytes("8301820203820405")), Ok(2));
        assert_eq!(nesting(&bytes("a16161a16162c100")), Ok(3));
        let deep = |n: usize| [vec![0x81; n], vec![0x00]].concat();
        assert_eq!(nesting(&deep(NESTING)), Ok(NESTING));
        assert!(nesting(&deep(NESTING + 1)).is_err());
        assert!(item_end(&vec![0x81; 10_000_000], 0).is_err());
        assert!(item_end(&vec![0x9f; 10_000_000], 0).is_err());
    }
}
