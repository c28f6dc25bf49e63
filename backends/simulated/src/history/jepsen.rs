//! Jepsen's console logs: lines such as these, with tabs or spaces between the words,
//!
//! ```text
//! INFO  jepsen.util - 2   :invoke   :cas   [3 0]
//! INFO  jepsen.util - 2   :ok   :cas   [3 0]
//! INFO  jepsen.util - 4   :info   :write   :timed-out
//! ```
//!
//! which say process, kind of event, function and value, of one compare-and-set register that begins as nil. A
//! `:fail` of a `:cas` with its own value says that the comparison did not hold; of anything else, that the
//! operation has not happened. An `:info`, and a call that never came back, may have happened at any time since.

use larder::Key;

use super::History;
use super::edn::{self, Edn, Event};
use super::text::Malformed;

/// The key of the register.
const REGISTER: &str = "register";

/// Whether this line is an event of such a log.
pub(super) fn is_event(line: &str) -> bool {
    event_part(line).is_some()
}

/// What comes after the name of the logger, if that is Jepsen's.
fn event_part(line: &str) -> Option<&str> {
    let (level, rest) = line.trim_start().split_once(char::is_whitespace)?;
    let rest = rest.trim_start().strip_prefix("jepsen.util")?;
    (level == "INFO").then_some(rest)?.trim_start().strip_prefix('-').map(str::trim)
}

/// Reads such a log. Lines of others than processes with a number are passed over.
///
/// # Errors
/// [`Malformed`], naming the line, if an event cannot be understood.
pub fn read(text: &str) -> Result<History, Malformed> {
    let mut events = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(part) = event_part(line) {
            events.extend(event(part).map_err(|malformed| malformed.at_line(at + 1))?);
        }
    }
    Ok(edn::assemble(events))
}

fn event(part: &str) -> Result<Option<Event>, Malformed> {
    let values = edn::parse_all(part)?;
    let [Edn::Int(process), Edn::Keyword(kind), Edn::Keyword(f), value] = values.as_slice() else {
        return Ok(None);
    };
    let process = u64::try_from(*process).map_err(|_| Malformed::new("a process has a negative number"))?;
    let kind = edn::event(process, kind, f, Key::from(REGISTER), value, None)?;
    Ok(kind.map(|kind| Event { process, kind, time: None }))
}
