//! `export`: every entry as lines that `import` takes back.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::{StreamExt, TryStreamExt};
use larder::{Binary, ErrorKind, Key, Kind, Larder, Meta};

use super::exchange::{self, PART_BYTES, Word};
use super::{complain_of, entries};
use crate::failure::{Failure, Outcome, Result};
use crate::json;
use crate::output::Output;
use crate::progress::{self, Total};

/// An entry on its way out.
enum Piece {
    /// The whole of it.
    Line(String),
    /// A binary that is too large for one line, and the line that announces it.
    Large(String, Binary),
}

pub(crate) async fn run(larder: Larder, file: Option<PathBuf>) -> Result<Outcome> {
    const AT_ONCE: usize = 8;
    let mut out = Output::open(file.as_deref())?;
    let bar = progress::bar("export", Total::Entries);
    let mut pieces = larder
        .keys()
        .map(|key| {
            let larder = larder.clone();
            async move {
                let key = key.map_err(|error| (None, error.into()))?;
                match piece(&larder, &key).await {
                    Ok(piece) => Ok((key, piece)),
                    Err(failure) => Err((Some(key), failure)),
                }
            }
        })
        .buffered(AT_ONCE);
    let mut bad = 0;
    while let Some(next) = pieces.next().await {
        bar.inc(1);
        let left_out = match next {
            Ok((_, None)) => None,
            Ok((_, Some(Piece::Line(line)))) => {
                out.write(line.as_bytes())?;
                None
            }
            Ok((key, Some(Piece::Large(line, binary)))) => {
                out.write(line.as_bytes())?;
                parts(&mut out, &key, binary).await?.map(|failure| (Some(key), failure))
            }
            Err(left_out) => Some(left_out),
        };
        if let Some((key, failure)) = left_out {
            bad += 1;
            bar.suspend(|| complain_of(key.as_ref(), &failure));
        }
    }
    bar.finish_and_clear();
    out.finish()?;
    match bad {
        0 => Ok(Outcome::Done),
        _ => {
            Err(Failure::storage(format!("{bad} of the entries could not be read and are not in the export")))
        }
    }
}

/// The entry as it is to be written; `None` if it is not there any more.
async fn piece(larder: &Larder, key: &Key) -> Result<Option<Piece>> {
    loop {
        // The meta first: if the entry is replaced in between, it has the older time.
        let Some(meta) = larder.get_meta(key).await? else { return Ok(None) };
        match piece_of(larder, key, &meta).await {
            Err(Attempt::OtherKind) => {}
            Err(Attempt::Failed(failure)) => return Err(failure),
            Ok(piece) => return Ok(piece),
        }
    }
}

/// Why an entry was not read.
enum Attempt {
    /// It has been replaced by one of another kind meanwhile.
    OtherKind,
    Failed(Failure),
}

impl From<larder::Error> for Attempt {
    fn from(error: larder::Error) -> Attempt {
        match error.kind() {
            ErrorKind::WrongKind => Attempt::OtherKind,
            _ => Attempt::Failed(error.into()),
        }
    }
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Attempt {
        Attempt::Failed(failure)
    }
}

async fn piece_of(larder: &Larder, key: &Key, meta: &Meta) -> Result<Option<Piece>, Attempt> {
    let head = exchange::opening(meta.kind().into(), key) + &exchange::meta_member(meta)?;
    let line = match meta.kind() {
        Kind::Document => {
            let Some(document) = larder.get_document(key).await? else { return Ok(None) };
            format!("{head},\"value\":{}}}\n", json::from_document(&document)?)
        }
        Kind::AppendLog => {
            let Some(elements) = entries::log_elements(larder, key).await? else { return Ok(None) };
            let elements: Vec<_> = elements.iter().map(json::from_document).collect::<Result<_>>()?;
            format!("{head},\"log\":{}}}\n", serde_json::Value::from(elements))
        }
        Kind::Binary => {
            let Some(binary) = larder.bget(key).await? else { return Ok(None) };
            let size = binary.size();
            if size > PART_BYTES as u64 {
                return Ok(Some(Piece::Large(format!("{head},\"size\":{size}}}\n"), binary)));
            }
            let bytes = BASE64.encode(binary.bytes().await?);
            format!("{head},\"size\":{size},\"base64\":\"{bytes}\"}}\n")
        }
    };
    Ok(Some(Piece::Line(line)))
}

/// Writes the parts of a large binary, and after them whether they are all. Answers with what was
/// wrong with the binary.
async fn parts(out: &mut Output, key: &Key, binary: Binary) -> Result<Option<Failure>> {
    let head = exchange::opening(Word::Part, key);
    let mut chunks = binary.into_stream();
    loop {
        match chunks.try_next().await {
            Ok(Some(chunk)) => {
                for part in chunk.chunks(PART_BYTES) {
                    out.write(format!("{head},\"base64\":\"{}\"}}\n", BASE64.encode(part)).as_bytes())?;
                }
            }
            Ok(None) => {
                out.write(format!("{}}}\n", exchange::opening(Word::End, key)).as_bytes())?;
                return Ok(None);
            }
            Err(error) => {
                out.write(format!("{}}}\n", exchange::opening(Word::Abandoned, key)).as_bytes())?;
                return Ok(Some(error.into()));
            }
        }
    }
}
