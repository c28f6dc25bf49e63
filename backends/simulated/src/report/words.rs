//! Words and numbers for people: text made harmless, durations and counts made short.

use super::data::Nanos;

/// The text with everything that has no place in a line as `\u{..}`: control characters, marks that
/// change the direction of the text around them, and what XML forbids.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unfit(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    out
}

fn is_unfit(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || (c as u32) & 0xfffe == 0xfffe
}

/// The text made harmless, at most `columns` wide, with an ellipsis if it was cut.
pub(super) fn short(text: &str, columns: usize) -> String {
    // A character of the input is at most ten of the output, never less than one.
    let ahead: String = text.chars().take(columns.saturating_mul(2).saturating_add(2)).collect();
    let cleaned = clean(&ahead);
    if width(&cleaned) <= columns {
        return cleaned;
    }
    let (mut out, mut used) = (String::new(), 0);
    for c in cleaned.chars() {
        used += columns_of(c);
        if used >= columns {
            break;
        }
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// How many columns of a terminal the text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Wide and combining characters by their blocks (Unicode Standard Annex 11, roughly).
fn columns_of(c: char) -> usize {
    match c as u32 {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f | 0xfe20..=0xfe2f => 0,
        0x1100..=0x115f
        | 0x2e80..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe4f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The text, filled up with spaces on its right.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The text, filled up with spaces on its left.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

const UNITS: [(Nanos, &str); 4] = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs"), (1, "ns")];

/// A duration with three significant digits, such as `92.4 ms`, and in whole seconds from two minutes on.
pub(super) fn time(ns: Nanos) -> String {
    const MINUTE: Nanos = 60_000_000_000;
    if ns >= 2 * MINUTE {
        let seconds = ns / 1_000_000_000;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        let parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60, "s")];
        let first = parts.iter().position(|(n, _)| *n > 0).unwrap_or(3);
        let said = parts[first..].iter().take(2).filter(|(n, _)| *n > 0);
        return said.map(|(n, unit)| format!("{n} {unit}")).collect::<Vec<_>>().join(" ");
    }
    for (at, (size, unit)) in UNITS.into_iter().enumerate() {
        if ns >= size {
            let digits = match ns / size {
                0..10 => 2,
                10..100 => 1,
                _ => 0,
            };
            let scale = 10u64.pow(digits);
            let rounded = (u128::from(ns) * u128::from(scale) + u128::from(size / 2)) / u128::from(size);
            // 999.7 µs is 1 ms.
            if rounded == 1000 * u128::from(scale) && at > 0 {
                return format!("1 {}", UNITS[at - 1].1);
            }
            return format!("{} {unit}", decimal(rounded as u64, digits));
        }
    }
    "0 s".to_owned()
}

/// `digits` decimal places of a number that was multiplied by as many powers of ten, without zeros at
/// the end.
pub(super) fn decimal(scaled: u64, digits: u32) -> String {
    let scale = 10u64.pow(digits);
    if scaled.is_multiple_of(scale) {
        return (scaled / scale).to_string();
    }
    let fraction = format!("{:0width$}", scaled % scale, width = digits as usize);
    format!("{}.{}", scaled / scale, fraction.trim_end_matches('0'))
}

/// A moment of the run, to the nanosecond if need be: `1.204003 s`.
pub(super) fn moment(ns: Nanos) -> String {
    match ns {
        0 => "0 s".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{} µs", decimal(ns, 3)),
        1_000_000..1_000_000_000 => format!("{} ms", decimal(ns, 6)),
        _ => format!("{} s", decimal(ns, 9)),
    }
}

/// A count, its thousands set apart: `119,410`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A count and what is counted, in the right number.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_could_steer_a_terminal_or_a_reader_is_spelled_out() {
        assert_eq!(clean("a\u{1b}[2Jb\n\u{202e}c\0"), r"a\u{1b}[2Jb\u{a}\u{202e}c\u{0}");
        assert_eq!(clean("\u{feff}\u{2028}\u{ffff}\u{1fffe}"), r"\u{feff}\u{2028}\u{ffff}\u{1fffe}");
        assert_eq!(clean("Größe 日本 👍"), "Größe 日本 👍");
    }

    #[test]
    fn a_long_text_is_cut_to_its_columns() {
        assert_eq!(short("abcdef", 6), "abcdef");
        assert_eq!(short("abcdefg", 6), "abcde…");
        assert_eq!(short("日本語", 4), "日…");
        assert_eq!(short("\n\n\n", 6), "\\u{a}…");
        assert_eq!(short("abc", 0), "");
        assert_eq!(short("abc", 1), "…");
        for columns in 0..20 {
            assert!(width(&short("a日\u{1b}é👍bcdefgh", columns)) <= columns);
        }
    }

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let said: Vec<String> = [
            0,
            1,
            999,
            1_000,
            1_250,
            80_000,
            92_449_999,
            999_700_000,
            1_500_000_000,
            119_000_000_000,
            125_000_000_000,
            3_600_000_000_000,
            90_061_000_000_000,
            u64::MAX,
        ]
        .map(time)
        .into();
        assert_eq!(
            said,
            [
                "0 s",
                "1 ns",
                "999 ns",
                "1 µs",
                "1.25 µs",
                "80 µs",
                "92.4 ms",
                "1 s",
                "1.5 s",
                "119 s",
                "2 min 5 s",
                "1 h",
                "1 d 1 h",
                "213503 d 23 h"
            ]
        );
        assert_eq!(moment(1_204_003_000), "1.204003 s");
        assert_eq!(moment(80_000), "80 µs");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "crash", "crashes"), "1 crash");
    }
}
