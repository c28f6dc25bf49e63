//! Diagnostic notation (RFC 8949, section 8), for people: errors, `Debug` and `Display`.

use std::fmt::Write;

use half::f16;

use super::scan::{ARRAY, BYTES, MAP, NEGATIVE, SIMPLE, TAG, TEXT, UNSIGNED, head, item_end, string_end};

/// The item in diagnostic notation. What is malformed is shown as `<malformed>`; nothing fails.
pub(crate) fn diagnostic(bytes: &[u8]) -> String {
    let mut out = String::new();
    if item(bytes, 0, &mut out).is_none() {
        out.push_str("<malformed>");
    }
    out
}

fn item(bytes: &[u8], at: usize, out: &mut String) -> Option<usize> {
    // The whole item is checked first, which also bounds the depth of the recursion for
    // deterministic items; others are only ever shown after they were made so.
    let end = item_end(bytes, at).ok()?;
    shown(bytes, at, 0, out)?;
    Some(end)
}

fn shown(bytes: &[u8], at: usize, depth: usize, out: &mut String) -> Option<usize> {
    if depth > crate::limits::NESTING {
        return None;
    }
    let head = head(bytes, at).ok()?;
    if head.is_indefinite() {
        return None;
    }
    match head.major {
        UNSIGNED => _ = write!(out, "{}", head.arg),
        NEGATIVE => _ = write!(out, "{}", -1 - i128::from(head.arg)),
        BYTES => {
            let end = string_end(bytes, head).ok()?;
            out.push_str("h'");
            bytes[head.content..end].iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
            out.push('\'');
            return Some(end);
        }
        TEXT => {
            let end = string_end(bytes, head).ok()?;
            _ = write!(out, "{:?}", String::from_utf8_lossy(&bytes[head.content..end]));
            return Some(end);
        }
        ARRAY | MAP => {
            let (open, close) = if head.major == ARRAY { ('[', ']') } else { ('{', '}') };
            out.push(open);
            let mut at = head.content;
            for i in 0..head.arg {
                if i > 0 {
                    out.push_str(", ");
                }
                at = shown(bytes, at, depth + 1, out)?;
                if head.major == MAP {
                    out.push_str(": ");
                    at = shown(bytes, at, depth + 1, out)?;
                }
            }
            out.push(close);
            return Some(at);
        }
        TAG => {
            _ = write!(out, "{}(", head.arg);
            let end = shown(bytes, head.content, depth + 1, out)?;
            out.push(')');
            return Some(end);
        }
        SIMPLE => match (head.info, head.arg) {
            (25, bits) => _ = write!(out, "{:?}", f16::from_bits(bits as u16).to_f64()),
            (26, bits) => _ = write!(out, "{:?}", f64::from(f32::from_bits(bits as u32))),
            (27, bits) => _ = write!(out, "{:?}", f64::from_bits(bits)),
            (_, 20) => out.push_str("false"),
            (_, 21) => out.push_str("true"),
            (_, 22) => out.push_str("null"),
            (_, 23) => out.push_str("undefined"),
            (_, value) => _ = write!(out, "simple({value})"),
        },
        _ => return None,
    }
    Some(head.content)
}

#[cfg(test)]
mod tests {
    use super::diagnostic;

    #[test]
    fn items_are_shown_as_the_rfc_shows_them() {
        assert_eq!(diagnostic(&[0x83, 0x01, 0x20, 0xf6]), "[1, -1, null]");
        assert_eq!(diagnostic(b"\xa1\x61a\xd8\x27\x62:b"), "{\"a\": 39(\":b\")}");
        assert_eq!(diagnostic(&[0x42, 1, 255]), "h'01ff'");
        assert_eq!(diagnostic(&[0xf9, 0x3e, 0x00]), "1.5");
        assert_eq!(diagnostic(&[0x82, 0x01]), "<malformed>");
    }
}
