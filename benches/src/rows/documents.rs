//! One field of a document, read and changed, against decoding, changing and encoding the whole.

use ciborium::Value;
use larder::{Document, Larder, Path};
use larder_memory::Memory;
use pollster::block_on;

use super::data;
use crate::harness::{Contest, Effort, Outcomes, looped, repeated};
use crate::report::{Section, Target};
use crate::time::Clock;

const WHOLE: &str = "ciborium";
const IN: &str = "larder";

/// A document, in a larder and as bytes, and the way to a number in it.
#[derive(Debug)]
pub struct Field {
    larder: Larder,
    path: Path,
    document: Document,
    segments: Vec<Segment>,
}

/// A step for a walk through a `ciborium::Value`.
#[derive(Clone, Copy, Debug)]
pub enum Segment {
    /// Into a map.
    Name(&'static str),
    /// Into an array.
    Index(usize),
}

impl Field {
    /// The number at the end of these steps.
    pub fn new<T: serde::Serialize>(value: &T, segments: &[Segment]) -> larder::Result<Field> {
        let larder = Larder::new(Memory::new());
        block_on(larder.assoc("document", value))?;
        let document = Document::encode(value)?;
        let path = segments.iter().fold(Path::new("document"), |path, segment| match segment {
            Segment::Name(name) => path.join(*name),
            Segment::Index(index) => path.join(*index),
        });
        Ok(Field { larder, path, document, segments: segments.into() })
    }

    /// `Larder::get_in`, the path being there already.
    #[inline]
    pub async fn larder_get(&self) -> Option<u64> {
        self.larder.get_in(&self.path).await.ok()?
    }

    /// `Document::get_in` alone.
    #[inline]
    pub fn document_get(&self) -> Option<u64> {
        self.document.get_in(self.path.segments()).ok()??.decode().ok()
    }

    /// ciborium decodes everything, and the value is walked.
    #[inline]
    pub fn ciborium_get(&self) -> Option<u64> {
        let mut value: Value = ciborium::from_reader(&self.document.as_cbor()[..]).ok()?;
        u64::try_from(walk(&mut value, &self.segments)?.as_integer()?).ok()
    }

    /// `Larder::update_in`.
    #[inline]
    pub async fn larder_update(&self) -> Option<u64> {
        let (_, new) = self.larder.update_in(&self.path, |n: Option<u64>| n.unwrap_or(0) + 1).await.ok()?;
        Some(new)
    }

    /// `Document::assoc_in` after `Document::get_in`: what `update_in` does, without a store.
    #[inline]
    pub fn document_update(&self) -> Option<Document> {
        let new = self.document_get()? + 1;
        self.document.assoc_in(self.path.segments(), &Document::encode(&new).ok()?).ok()
    }

    /// ciborium decodes everything, the value is changed, and ciborium encodes everything.
    #[inline]
    pub fn ciborium_update(&self) -> Option<Vec<u8>> {
        let mut value: Value = ciborium::from_reader(&self.document.as_cbor()[..]).ok()?;
        let field = walk(&mut value, &self.segments)?;
        *field = Value::from(u64::try_from(field.as_integer()?).ok()? + 1);
        let mut bytes = Vec::with_capacity(self.document.as_cbor().len() + 16);
        ciborium::into_writer(&value, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Whether all find the same number, and change it into the same document.
    fn agree(&self) -> bool {
        let found = self.document_get();
        let changed = self.document_update().map(|document| document.as_cbor().to_vec());
        found.is_some()
            && [self.ciborium_get(), block_on(self.larder_get())] == [found, found]
            && changed.is_some()
            && changed == self.ciborium_update()
    }
}

fn walk<'a>(mut value: &'a mut Value, segments: &[Segment]) -> Option<&'a mut Value> {
    for segment in segments {
        value = match *segment {
            Segment::Index(index) => value.as_array_mut()?.get_mut(index)?,
            Segment::Name(name) => {
                let found = value.as_map_mut()?.iter_mut().find(|(key, _)| key.as_text() == Some(name));
                found.map(|(_, value)| value)?
            }
        };
    }
    Some(value)
}

/// The fields of the table: what, the value, how many operations make a sample.
pub fn fields() -> larder::Result<Vec<(&'static str, Field, u64)>> {
    use Segment::{Index, Name};
    let (person, register) = (data::person(7), data::register());
    let (middle, last) = (data::PERSONS as usize / 2, data::PERSONS as usize - 1);
    Ok(vec![
        ("1 KiB, a number at the top", Field::new(&person, &[Name("visits")])?, 20_000),
        (
            "1 KiB, a number 3 levels down",
            Field::new(&person, &[Name("history"), Index(7), Name("at")])?,
            20_000,
        ),
        (
            "1 MiB, a number in the middle",
            Field::new(&register, &[Name("persons"), Index(middle), Name("visits")])?,
            40,
        ),
        (
            "1 MiB, a number at the end",
            Field::new(&register, &[Name("persons"), Index(last), Name("visits")])?,
            40,
        ),
    ])
}

/// All rows of this theme.
pub fn section(effort: Effort) -> larder::Result<Section> {
    let mut contests = Vec::new();
    let mut targets = Vec::new();
    for (what, field, operations) in fields()? {
        assert!(field.agree(), "{what}: different numbers");
        let small = what.starts_with("1 KiB");
        let operations = effort.operations(operations);
        let effort = if small { effort } else { effort.fewer() };
        let got = get(format!("get_in, {what}"), &field, operations, effort);
        let updated = update(format!("update_in, {what}"), &field, operations, effort);
        if small {
            let speed = 1.0 / got.ratio(IN, WHOLE);
            targets.push(Target::at_least(
                format!("`get_in`, {what}, to decoding it with ciborium"),
                10.0,
                speed,
            ));
        } else {
            let speed = 1.0 / updated.ratio(IN, WHOLE);
            let what = format!("`update_in`, {what}, to ciborium's decode, change, encode");
            targets.push(Target::at_least(what, 20.0, speed));
        }
        contests.extend([got, updated]);
    }
    let method = "One thread; larder over `larder-memory` under `pollster::block_on`, one for each sample. The path \
                  is made once. ciborium decodes into its `Value`, which is walked, changed and encoded; it has \
                  no store to write to, larder has, and writes a checksummed record there. `Document` alone is the \
                  walk and the splice on the encoded bytes, without a store."
        .into();
    Ok(Section { title: "One field of a document".into(), method, contests, targets, ..Section::default() })
}

fn get(title: String, field: &Field, operations: u64, effort: Effort) -> Outcomes {
    let operations_of_ciborium = (operations / 10).max(1);
    Contest::new(title, Clock::ThreadCpu)
        .contender(WHOLE, "", |clock| repeated(clock, operations_of_ciborium, || field.ciborium_get()))
        .contender("`Document` alone", "", |clock| repeated(clock, operations, || field.document_get()))
        .contender(IN, "", |clock| looped(clock, operations, || field.larder_get()))
        .run(effort)
}

fn update(title: String, field: &Field, operations: u64, effort: Effort) -> Outcomes {
    let operations_of_ciborium = (operations / 10).max(1);
    Contest::new(title, Clock::ThreadCpu)
        .contender(WHOLE, "", |clock| repeated(clock, operations_of_ciborium, || field.ciborium_update()))
        .contender("`Document` alone", "", |clock| repeated(clock, operations, || field.document_update()))
        .contender(IN, "", |clock| looped(clock, operations, || field.larder_update()))
        .run(effort)
}
