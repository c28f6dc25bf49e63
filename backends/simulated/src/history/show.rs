//! Operations as people read them: `client 3 [17..22] get "a" -> 5`.

use std::fmt;

use larder::{ByteRange, Document, Key};

use super::answer::Answer;
use super::call::{Call, Update};
use super::operation::{Operation, Outcome};

/// How much of a value is shown, in characters.
const SHOWN: usize = 60;

/// At most [`SHOWN`] characters of a text, on one line.
struct Cut(String);

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
        self.0.chars().take(SHOWN).try_for_each(|c| write!(f, "{}", visible(c)))?;
        if self.0.chars().nth(SHOWN).is_some() { f.write_str("..") } else { Ok(()) }
    }
}

fn cut(shown: &impl fmt::Display) -> Cut {
    Cut(shown.to_string())
}

/// The document, or `absent`.
struct Maybe<'a>(&'a Option<Document>);

impl fmt::Display for Maybe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(document) => cut(document).fmt(f),
            None => f.write_str("absent"),
        }
    }
}

/// Some things in brackets; of many, only the ends.
fn listed<T: fmt::Display>(f: &mut fmt::Formatter<'_>, all: &[T]) -> fmt::Result {
    const ENDS: usize = 4;
    f.write_str("[")?;
    for (at, one) in all.iter().enumerate() {
        let left_out = all.len() > 2 * ENDS && (ENDS..all.len() - ENDS).contains(&at);
        match () {
            () if !left_out => write!(f, "{}{}", if at > 0 { ", " } else { "" }, cut(one))?,
            () if at == ENDS => write!(f, ", ..{} more..", all.len() - 2 * ENDS)?,
            () => {}
        }
    }
    f.write_str("]")
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Call::Get(key) | Call::Exists(key) | Call::GetMeta(key) | Call::Dissoc(key) | Call::Log(key) => {
                write!(f, "{name} {}", cut(key))
            }
            Call::Assoc(key, value) => write!(f, "{name} {} {}", cut(key), cut(value)),
            Call::AssocIn(path, value) => write!(f, "{name} {} {}", cut(path), cut(value)),
            Call::UpdateIn(path, update) => {
                write!(f, "{name} ")?;
                if path.segments().is_empty() {
                    cut(path.key()).fmt(f)?
                } else {
                    cut(path).fmt(f)?
                }
                match update {
                    Update::Ran { old, new } => write!(f, " {} => {}", Maybe(old), Maybe(new)),
                    Update::NotRun | Update::Unseen => Ok(()),
                }
            }
            Call::CompareAndSet { key, old, new } => {
                write!(f, "{name} {} {} => {}", cut(key), Maybe(old), cut(new))
            }
            Call::Append(key, elements) => {
                write!(f, "{name} {} ", cut(key))?;
                listed(f, elements)
            }
            Call::Bget(key, range) if *range == ByteRange::ALL => write!(f, "{name} {}", cut(key)),
            Call::Bget(key, range) => {
                let (start, end) = range.within(u64::MAX);
                write!(f, "{name} {} {start}..", cut(key))?;
                if end < u64::MAX { write!(f, "{end}") } else { Ok(()) }
            }
            Call::Bassoc(key, Some(digest)) => write!(f, "{name} {} {digest}", cut(key)),
            Call::Bassoc(key, None) => write!(f, "{name} {} (unfinished)", cut(key)),
            Call::Keys(None) => f.write_str(name),
            Call::Keys(Some(prefix)) => write!(f, "{name} {}", cut(&Key::from(prefix))),
            Call::MultiAssoc { entries, atomic } => {
                let pairs: Vec<String> =
                    entries.iter().map(|(key, value)| format!("{}: {}", cut(key), cut(value))).collect();
                write!(f, "{name}{} ", if *atomic { "" } else { " one by one" })?;
                listed(f, &pairs)
            }
            Call::MultiDissoc { keys, atomic } => {
                write!(f, "{name}{} ", if *atomic { "" } else { " one by one" })?;
                listed(f, keys)
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done => f.write_str("done"),
            Answer::Flag(flag) => write!(f, "{flag}"),
            Answer::Value(value) => Maybe(value).fmt(f),
            Answer::Change { old, new } => write!(f, "{} => {}", Maybe(old), Maybe(new)),
            Answer::Elements(None) | Answer::Binary(None) | Answer::Size(None) => f.write_str("absent"),
            Answer::Elements(Some(elements)) => listed(f, elements),
            Answer::Binary(Some(digest)) => write!(f, "{digest}"),
            Answer::Size(Some(size)) => write!(f, "{size} bytes"),
            Answer::Keys { keys, complete } => {
                listed(f, keys)?;
                if *complete { Ok(()) } else { f.write_str(" (not to the end)") }
            }
            Answer::Flags(flags) => listed(f, flags),
            Answer::WrongKind => f.write_str("wrong kind"),
            Answer::InvalidPath => f.write_str("invalid path"),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Ok(answer) => answer.fmt(f),
            Outcome::Failed(why) => write!(f, "failed: {}", cut(why)),
            Outcome::Unknown(why) => write!(f, "unknown: {}", cut(why)),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {} [{}..", self.client, self.invoked)?;
        if let Some(returned) = self.returned {
            write!(f, "{returned}")?;
        }
        write!(f, "] ")?;
        // The last run of an update is its answer, if there is one.
        match (&self.call, &self.outcome) {
            (Call::UpdateIn(path, _), Outcome::Ok(_)) => {
                Call::UpdateIn(path.clone(), Update::Unseen).fmt(f)?;
            }
            _ => self.call.fmt(f)?,
        }
        write!(f, " -> {}", self.outcome)
    }
}
