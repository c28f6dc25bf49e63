//! EDN: a reader for the part of it that histories use, and a writer.

use std::fmt;

use crate::history::text::Malformed;

type Result<T> = std::result::Result<T, Malformed>;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::history) enum Edn {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    /// Without its colon.
    Keyword(String),
    Symbol(String),
    Vector(Vec<Edn>),
    Map(Vec<(Edn, Edn)>),
    Set(Vec<Edn>),
    Tagged(String, Box<Edn>),
}

impl Edn {
    /// What the map holds under this keyword.
    pub(in crate::history) fn get(&self, keyword: &str) -> Option<&Edn> {
        let Edn::Map(entries) = self else { return None };
        let named = |(name, _): &&(Edn, Edn)| matches!(name, Edn::Keyword(name) if name == keyword);
        entries.iter().find(named).map(|(_, value)| value)
    }

    pub(in crate::history) fn keyword(&self) -> Option<&str> {
        match self {
            Edn::Keyword(name) => Some(name),
            _ => None,
        }
    }
}

/// How deep values may nest.
const DEPTH: usize = 128;

/// All values in a text.
///
/// # Errors
/// [`Malformed`] without a line if it is no EDN.
pub(in crate::history) fn parse_all(text: &str) -> Result<Vec<Edn>> {
    let mut reader = Reader { rest: text };
    let mut values = Vec::new();
    while !reader.at_end() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    /// Whether nothing but space and comments is left, which is passed over.
    fn at_end(&mut self) -> bool {
        loop {
            self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
            match self.rest.strip_prefix(';') {
                Some(comment) => self.rest = comment.split_once('\n').map_or("", |(_, rest)| rest),
                None => return self.rest.is_empty(),
            }
        }
    }

    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Result<Edn> {
        if depth > DEPTH {
            return Err(Malformed::new(format!("EDN nests deeper than {DEPTH}")));
        }
        if self.at_end() {
            return Err(Malformed::new("EDN ends in the middle of a value"));
        }
        match () {
            () if self.take("{") => self.until("}", depth).and_then(pairs),
            () if self.take("#{") => self.until("}", depth).map(Edn::Set),
            () if self.take("[") => self.until("]", depth).map(Edn::Vector),
            () if self.take("(") => self.until(")", depth).map(Edn::Vector),
            () if self.take("\"") => self.text().map(Edn::Text),
            () if self.take("#_") => {
                self.value(depth + 1)?;
                self.value(depth)
            }
            () if self.take("#") => {
                let tag = self.word().to_owned();
                Ok(Edn::Tagged(tag, Box::new(self.value(depth + 1)?)))
            }
            () if self.take(":") => Ok(Edn::Keyword(self.word().to_owned())),
            () => self.atom(),
        }
    }

    fn until(&mut self, end: &str, depth: usize) -> Result<Vec<Edn>> {
        let mut values = Vec::new();
        loop {
            if self.at_end() {
                return Err(Malformed::new(format!("EDN ends before {end:?}")));
            }
            if self.take(end) {
                return Ok(values);
            }
            values.push(self.value(depth + 1)?);
        }
    }

    fn text(&mut self) -> Result<String> {
        let mut out = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => {
                    self.rest = chars.as_str();
                    return Ok(out);
                }
                '\\' => out.push(match chars.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('u') => {
                        let code = chars.as_str().get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                        let c = code.and_then(char::from_u32);
                        chars = chars.as_str().get(4..).unwrap_or("").chars();
                        c.ok_or_else(|| Malformed::new("a text has a wrong \\u"))?
                    }
                    Some(c @ ('"' | '\\')) => c,
                    _ => return Err(Malformed::new("a text has an unknown escape")),
                }),
                c => out.push(c),
            }
        }
        Err(Malformed::new("EDN ends within a text"))
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || "{}[]()\",;".contains(c));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn atom(&mut self) -> Result<Edn> {
        let word = self.word();
        Ok(match word {
            "" => return Err(Malformed::new("EDN has a closing bracket too many")),
            "nil" => Edn::Nil,
            "true" => Edn::Bool(true),
            "false" => Edn::Bool(false),
            number if number.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) => {
                match number.trim_end_matches(['N', 'M']).parse::<i128>() {
                    Ok(int) => Edn::Int(int),
                    Err(_) => match number.parse::<f64>() {
                        Ok(float) => Edn::Float(float),
                        Err(_) => Edn::Symbol(number.to_owned()),
                    },
                }
            }
            symbol => Edn::Symbol(symbol.to_owned()),
        })
    }
}

fn pairs(values: Vec<Edn>) -> Result<Edn> {
    if values.len() % 2 == 1 {
        return Err(Malformed::new("an EDN map has a key without a value"));
    }
    let mut values = values.into_iter();
    let mut entries = Vec::new();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        entries.push((key, value));
    }
    Ok(Edn::Map(entries))
}

impl fmt::Display for Edn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |f: &mut fmt::Formatter<'_>, open: &str, values: &[Edn], close: &str| {
            f.write_str(open)?;
            for (at, value) in values.iter().enumerate() {
                write!(f, "{}{value}", if at > 0 { " " } else { "" })?;
            }
            f.write_str(close)
        };
        match self {
            Edn::Nil => f.write_str("nil"),
            Edn::Bool(flag) => write!(f, "{flag}"),
            Edn::Int(int) if i64::try_from(*int).is_ok() => write!(f, "{int}"),
            Edn::Int(int) => write!(f, "{int}N"),
            Edn::Float(float) => write!(f, "{float:?}"),
            Edn::Text(text) => {
                f.write_str("\"")?;
                for c in text.chars() {
                    match c {
                        '"' | '\\' => write!(f, "\\{c}")?,
                        '\n' => f.write_str("\\n")?,
                        '\t' => f.write_str("\\t")?,
                        '\r' => f.write_str("\\r")?,
                        c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                        c => write!(f, "{c}")?,
                    }
                }
                f.write_str("\"")
            }
            Edn::Keyword(name) => write!(f, ":{name}"),
            Edn::Symbol(name) => f.write_str(name),
            Edn::Vector(values) => row(f, "[", values, "]"),
            Edn::Set(values) => row(f, "#{", values, "}"),
            Edn::Map(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    write!(f, "{}{key} {value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
            Edn::Tagged(tag, value) => write!(f, "#{tag} {value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let text = r#"{:a [1 -2 3.5 nil true "x\n\"y\\"], "k" #{1}, :n {}, :big 99999999999999999999N} #t/x "0a" sym"#;
        let values = parse_all(text).unwrap();
        assert_eq!(values.len(), 3);
        let written: Vec<String> = values.iter().map(Edn::to_string).collect();
        assert_eq!(parse_all(&written.join("\n")).unwrap(), values);
        assert_eq!(values[0].get("a"), parse_all(r#"[1, -2, 3.5, nil, true, "x\n\"y\\"]"#).unwrap().first());
    }

    #[test]
    fn malformed_text_is_refused_and_nothing_panics() {
        for bad in ["{", "[1", "\"a", "{:a}", "}", "\"\\q\"", "\"\\u12\"", "#", ")", &"[".repeat(1000)] {
            assert!(parse_all(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_all(" ; only a comment\n,, ").unwrap(), []);
        assert_eq!(parse_all("#_ 1 2").unwrap(), [Edn::Int(2)]);
    }
}
