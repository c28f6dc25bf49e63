//! Writing heads and strings in their shortest form.

use std::fmt;

use super::scan::{BYTES, TEXT};

/// Appends a head: the major type and its argument, in the fewest bytes.
#[inline]
pub(crate) fn put_head(out: &mut Vec<u8>, major: u8, arg: u64) {
    let major = major << 5;
    match arg {
        0..=23 => out.push(major | arg as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, arg as u8]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&(arg as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&(arg as u32).to_be_bytes());
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&arg.to_be_bytes());
        }
    }
}

/// Appends a text string.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Appends what is displayed as so many bytes of text.
pub(crate) fn put_display(out: &mut Vec<u8>, len: usize, shown: &impl fmt::Display) {
    use std::io::Write as _;
    put_head(out, TEXT, len as u64);
    let start = out.len();
    // A vector takes all that is written to it.
    _ = write!(out, "{shown}");
    debug_assert_eq!(out.len() - start, len);
}

/// Appends a byte string.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}
