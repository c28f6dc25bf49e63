//! Writing SVG: elements, numbers and text. Every text goes through [`escape`].

use std::fmt::Write as _;

use super::words::clean;

/// Text for HTML and SVG, in elements and in quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate with one decimal place, which is finer than a pixel.
pub(super) fn number(x: f64) -> String {
    let tenths = if x.is_finite() { (x * 10.0 + if x < 0.0 { -0.5 } else { 0.5 }) as i64 } else { 0 };
    let (sign, tenths) = (if tenths < 0 { "-" } else { "" }, tenths.unsigned_abs());
    match tenths % 10 {
        0 => format!("{sign}{}", tenths / 10),
        tenth => format!("{sign}{}.{tenth}", tenths / 10),
    }
}

/// Where a text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// One drawing.
#[derive(Debug)]
pub(super) struct Svg {
    out: String,
}

impl Svg {
    /// A drawing of this size in its own units, which fills the width it is given. `what` is read out to
    /// those who cannot see it.
    pub(super) fn new(class: &str, width: f64, height: f64, what: &str) -> Svg {
        let (width, height) = (number(width), number(height));
        let out = format!(
            "<svg class=\"{class}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n",
            escape(what)
        );
        Svg { out }
    }

    pub(super) fn rect(
        &mut self,
        class: &str,
        (x, y): (f64, f64),
        (width, height): (f64, f64),
        title: Option<&str>,
    ) {
        let (x, y, width, height) = (number(x), number(y), number(width), number(height));
        _ = write!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\""
        );
        self.close("rect", title);
    }

    pub(super) fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        let (x1, y1, x2, y2) = (number(x1), number(y1), number(x2), number(y2));
        _ = writeln!(self.out, "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    }

    pub(super) fn circle(&mut self, class: &str, (x, y): (f64, f64), radius: f64, title: Option<&str>) {
        let (x, y, radius) = (number(x), number(y), number(radius));
        _ = write!(self.out, "<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"{radius}\"");
        self.close("circle", title);
    }

    /// A line through the points.
    pub(super) fn polyline(&mut self, class: &str, points: impl IntoIterator<Item = (f64, f64)>) {
        _ = write!(self.out, "<polyline class=\"{class}\" points=\"");
        for (n, (x, y)) in points.into_iter().enumerate() {
            let gap = if n > 0 { " " } else { "" };
            _ = write!(self.out, "{gap}{},{}", number(x), number(y));
        }
        self.out.push_str("\"/>\n");
    }

    /// Many rectangles as one shape.
    pub(super) fn rects(&mut self, class: &str, all: impl IntoIterator<Item = (f64, f64, f64, f64)>) {
        let mut path = String::new();
        for (x, y, width, height) in all {
            let (x, y, width, height) = (number(x), number(y), number(width), number(height));
            _ = write!(path, "M{x} {y}h{width}v{height}h-{width}z");
        }
        if !path.is_empty() {
            _ = writeln!(self.out, "<path class=\"{class}\" d=\"{path}\"/>");
        }
    }

    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y) = (number(x), number(y));
        _ = writeln!(self.out, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escape(text));
    }

    /// Text that runs upwards, for the axis at the left; its middle is at the point.
    pub(super) fn upward(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let (x, y) = (number(x), number(y));
        _ = writeln!(
            self.out,
            "<text class=\"{class}\" transform=\"translate({x} {y}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(text)
        );
    }

    pub(super) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    /// Ends an element; a title is what browsers show when it is pointed at.
    fn close(&mut self, name: &str, title: Option<&str>) {
        match title {
            Some(title) => _ = writeln!(self.out, "><title>{}</title></{name}>", escape_lines(title)),
            None => self.out.push_str("/>\n"),
        }
    }
}

/// Escapes each line of a title; line breaks are ours, those in names are not.
fn escape_lines(title: &str) -> String {
    title.split('\n').map(escape).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let hostile = "</text><script>alert(1)</script>\" onload='x' &amp; \u{1b}[31m\u{202e}";
        let escaped = escape(hostile);
        assert!(!escaped.contains(['<', '>', '"', '\'', '\u{1b}', '\u{202e}']), "{escaped}");
        assert!(escaped.contains("&amp;amp;") && escaped.contains("&lt;script&gt;"));
    }

    #[test]
    fn numbers_have_one_decimal_place_and_no_other_form() {
        let said = [0.0, -0.0, 1.0, 1.04, 1.05, -2.26, 12345.678, f64::NAN, f64::INFINITY, -0.04].map(number);
        assert_eq!(said, ["0", "0", "1", "1", "1.1", "-2.3", "12345.7", "0", "0", "0"]);
    }
}
