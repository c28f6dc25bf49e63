//! Telling the formats of histories apart.

use super::{History, Malformed, edn, jepsen, json};

/// The formats that a history can be read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// larder's own: one JSON object a line ([`json`](super::json)).
    JsonLines,
    /// One EDN map an event, as Jepsen's `history.edn` ([`edn`](super::edn)).
    Edn,
    /// The console log of a Jepsen test ([`jepsen`](super::jepsen)).
    JepsenLog,
}

impl Format {
    /// The format that this text is in, by its first line that says something; `None` if it is none of them.
    pub fn of(text: &str) -> Option<Format> {
        let begins = |line: &str| match line.trim_start() {
            line if line.starts_with("{\"") => Some(Format::JsonLines),
            line if line.starts_with("{:") || line.starts_with("[{:") || line.starts_with("#") => {
                Some(Format::Edn)
            }
            line if jepsen::is_event(line) => Some(Format::JepsenLog),
            _ => None,
        };
        text.lines().find_map(begins)
    }
}

impl History {
    /// Reads a history in whichever format it is.
    ///
    /// # Errors
    /// [`Malformed`] if it is in none of them, or something is wrong in it.
    ///
    /// ```
    /// use larder_simulated::history::{Format, History};
    /// let log = "INFO  jepsen.util - 0\t:invoke\t:write\t3\nINFO  jepsen.util - 0\t:ok\t:write\t3\n";
    /// assert_eq!(Format::of(log), Some(Format::JepsenLog));
    /// assert_eq!(History::parse(log)?.len(), 1);
    /// # Ok::<(), larder_simulated::history::Malformed>(())
    /// ```
    pub fn parse(text: &str) -> Result<History, Malformed> {
        match Format::of(text) {
            Some(Format::JsonLines) => json::read(text),
            Some(Format::Edn) => edn::read(text),
            Some(Format::JepsenLog) => jepsen::read(text),
            None => Err(Malformed::new("neither JSON Lines, nor EDN, nor a log of Jepsen")),
        }
    }
}
