//! Reads the input of an import and tells which of the forms it has: lines of an export, JSON Lines,
//! one object or one array. Runs in a thread of its own, so that reading never holds up the writes.

use std::io::{BufRead, BufReader, Read};
use std::thread;

use async_std::task;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::SinkExt;
use futures::channel::mpsc;
use larder::{Key, MetaUpdate};
use serde_json::{Map, Value as Json};

use super::upload::{self, Sender};
use super::{Entry, Input, Value};
use crate::commands::exchange::{self, MARK, Word};
use crate::failure::{Failure, Result};
use crate::json;

/// Starts reading. What comes is a number of entries, and after a failure nothing more.
pub(super) fn start(input: Input, ahead: usize) -> mpsc::Receiver<Result<Entry>> {
    let (sender, entries) = mpsc::channel(ahead);
    thread::spawn(move || {
        let mut reader = Reader { entries: sender, field: input.field, upload: None };
        if let Err(Stop::Malformed(failure)) = reader.read(Lines::new(input.source)) {
            // Before the upload is dropped, so that the write which then fails can learn why.
            _ = task::block_on(reader.entries.send(Err(failure)));
        }
    });
    entries
}

/// Why reading ends early.
enum Stop {
    Malformed(Failure),
    /// The writing side has given up.
    Unwanted,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop::Malformed(failure)
    }
}

struct Reader {
    entries: mpsc::Sender<Result<Entry>>,
    field: Option<String>,
    upload: Option<Announced>,
}

/// A binary whose parts are coming.
struct Announced {
    key: Key,
    left: u64,
    sender: Sender,
}

impl Reader {
    fn read(&mut self, mut lines: Lines) -> Result<(), Stop> {
        let Some(first) = lines.next()? else { return Ok(()) };
        let number = lines.number;
        let (value, whole) = match serde_json::from_slice(&first) {
            Ok(value) => (value, false),
            // It goes on in the next line, so it is not JSON Lines.
            Err(error) if error.is_eof() => (lines.rest(&first, number)?, true),
            Err(error) => return Err(malformed(number, &error).into()),
        };
        match value {
            Json::Array(items) => {
                lines.nothing_follows("an array is one JSON value")?;
                for (n, item) in items.into_iter().enumerate() {
                    let here = |failure: Failure| match failure {
                        Failure::Usage(message) => Failure::Usage(format!("element {n}: {message}")),
                        other => other,
                    };
                    self.record(item, here)?;
                }
                self.nothing_open()?;
            }
            Json::Object(members) if self.field.is_none() && !members.contains_key(MARK) => {
                lines.nothing_follows(
                    "there is more than one object: say which member is the key, with --key FIELD",
                )?;
                for (name, value) in members {
                    let document = json::to_document(&value)
                        .map_err(|failure| Failure::usage(format!("member {name:?}: {failure}")))?;
                    self.send(Key::from(name), MetaUpdate::new(), Value::Document(document))?;
                }
            }
            first => {
                self.record(first, |failure| failure.at_line(number))?;
                while let Some(line) = if whole { None } else { lines.next()? } {
                    let number = lines.number;
                    let value = serde_json::from_slice(&line).map_err(|error| malformed(number, &error))?;
                    self.record(value, |failure| failure.at_line(number))?;
                }
                self.nothing_open().map_err(|failure| failure.at_line(lines.number))?;
            }
        }
        Ok(())
    }

    /// One object of JSON Lines, of an array or of an export.
    fn record(&mut self, value: Json, here: impl Fn(Failure) -> Failure) -> Result<(), Stop> {
        let Json::Object(members) = value else {
            return Err(here(Failure::usage("this is no JSON object")).into());
        };
        let (key, meta, value) = match &self.field {
            Some(field) => {
                let key = key_of(&members, field).map_err(&here)?;
                let document = json::to_document(&Json::Object(members)).map_err(&here)?;
                (key, MetaUpdate::new(), Value::Document(document))
            }
            None if members.contains_key(MARK) => match self.exported(&members).map_err(&here)? {
                Some(entry) => entry,
                None => return Ok(()),
            },
            None => return Err(here(Failure::usage("say which member is the key, with --key FIELD")).into()),
        };
        self.send(key, meta, value)
    }

    /// A line of an export; `None` if it belongs to an entry that was announced before.
    fn exported(&mut self, line: &Map<String, Json>) -> Result<Option<(Key, MetaUpdate, Value)>> {
        let (word, key) = exchange::read(line)?;
        if matches!(word, Word::Part | Word::End | Word::Abandoned) {
            self.go_on(word, &key, line)?;
            return Ok(None);
        }
        self.nothing_open()?;
        let meta = exchange::read_meta(line)?;
        let missing = |what| move || Failure::usage(format!("the line of an export has no {what}"));
        let value = match word {
            Word::Document => {
                Value::Document(json::to_document(line.get("value").ok_or_else(missing("value"))?)?)
            }
            Word::Log => {
                let elements = line.get("log").and_then(Json::as_array).ok_or_else(missing("log"))?;
                Value::Log(elements.iter().map(json::to_document).collect::<Result<_>>()?)
            }
            _ => {
                let size = line.get("size").and_then(Json::as_u64).ok_or_else(missing("size"))?;
                if line.contains_key("base64") {
                    let bytes = bytes_of(line)?;
                    if bytes.len() as u64 != size {
                        return Err(Failure::usage(format!(
                            "the binary has {} bytes and not {size}",
                            bytes.len()
                        )));
                    }
                    Value::Binary(bytes.into())
                } else {
                    let (sender, upload) = upload::new();
                    self.upload = Some(Announced { key: key.clone(), left: size, sender });
                    Value::Upload(upload)
                }
            }
        };
        Ok(Some((key, meta, value)))
    }

    /// A line that continues a binary.
    fn go_on(&mut self, word: Word, key: &Key, line: &Map<String, Json>) -> Result {
        let Some(announced) = self.upload.as_mut().filter(|announced| announced.key == *key) else {
            return Err(Failure::usage(
                "a part of a binary stands without the line that announces the binary",
            ));
        };
        match word {
            Word::Part => {
                let bytes = bytes_of(line)?;
                announced.left = announced
                    .left
                    .checked_sub(bytes.len() as u64)
                    .ok_or_else(|| Failure::usage("the binary has more bytes than were announced"))?;
                announced.sender.send(bytes.into());
            }
            Word::End if announced.left > 0 => {
                return Err(Failure::usage(format!("the binary lacks {} of its bytes", announced.left)));
            }
            _ => {
                if let Some(announced) = self.upload.take() {
                    if word == Word::End { announced.sender.end() } else { announced.sender.abandon() }
                }
            }
        }
        Ok(())
    }

    fn nothing_open(&self) -> Result {
        match &self.upload {
            None => Ok(()),
            Some(announced) => {
                let key = crate::notation::print(&announced.key);
                Err(Failure::usage(format!("the binary {key} is not complete: its last parts are missing")))
            }
        }
    }

    fn send(&mut self, key: Key, meta: MetaUpdate, value: Value) -> Result<(), Stop> {
        let entry = Entry { key, meta, value };
        task::block_on(self.entries.send(Ok(entry))).map_err(|_| Stop::Unwanted)
    }
}

fn bytes_of(line: &Map<String, Json>) -> Result<Vec<u8>> {
    let text = line.get("base64").and_then(Json::as_str);
    text.and_then(|text| BASE64.decode(text).ok())
        .ok_or_else(|| Failure::usage("the line of an export has no valid base64"))
}

/// The key in a member of the object. Text is the text itself, not the notation of the command line.
fn key_of(members: &Map<String, Json>, field: &str) -> Result<Key> {
    match members.get(field) {
        None | Some(Json::Null) => {
            Err(Failure::usage(format!("the object has no member {field:?} for its key")))
        }
        Some(Json::String(text)) => Ok(Key::from(text)),
        Some(value) => json::to_key(value),
    }
}

fn malformed(line: u64, error: &serde_json::Error) -> Failure {
    let text = error.to_string();
    // The position that serde_json adds counts the lines of what it was given.
    let what = text.split(" at line ").next().unwrap_or_default();
    Failure::usage(format!("line {line}: malformed JSON: {what} in column {}", error.column()))
}

/// The lines of the input that are not blank.
struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    number: u64,
}

impl Lines {
    fn new(source: Box<dyn Read + Send>) -> Lines {
        Lines { input: BufReader::with_capacity(64 * 1024, source), number: 0 }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        loop {
            let mut line = Vec::new();
            self.input.read_until(b'\n', &mut line).map_err(|error| unreadable(&error))?;
            if line.is_empty() {
                return Ok(None);
            }
            self.number += 1;
            if self.number == 1 && line.starts_with(BYTE_ORDER_MARK) {
                line.drain(..BYTE_ORDER_MARK.len());
            }
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
    }

    /// The one JSON value of which this line is the beginning.
    fn rest(&mut self, first: &[u8], number: u64) -> Result<Json> {
        let whole = first.chain(&mut self.input);
        serde_json::from_reader(whole).map_err(|error| match error.io_error_kind() {
            Some(kind) => unreadable(&kind.into()),
            None => malformed(number + (error.line() as u64).saturating_sub(1), &error),
        })
    }

    fn nothing_follows(&mut self, why: &str) -> Result {
        match self.next()? {
            None => Ok(()),
            Some(_) => Err(Failure::usage(format!("line {}: {why}", self.number))),
        }
    }
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::storage(format!("the input cannot be read: {error}"))
}
