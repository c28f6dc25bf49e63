//! [`Table`]: numbers for the contents of one key, and the steps between them.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use larder::Document;

use super::atom::{ABSENT, Atom, EMPTY_LOG, Kind};
use crate::check::spec::{Content, Entry, Spec};
use crate::history::{Answer, Call, Digest};

type Map<K, V> = HashMap<K, V, FixedState>;

/// The contents that one key has had or may get, numbered as they appear.
///
/// A log is a node of a tree: its last element and the log without it. So a log of n elements is one number,
/// appending is one look-up, and what a reader saw is found by walking down from the empty log.
#[derive(Debug)]
pub(in crate::check) struct Table<'h> {
    contents: Vec<Stored>,
    documents: Map<Document, u32>,
    digests: Map<Digest, u32>,
    elements: Map<Document, u32>,
    /// From a log and one more element to the longer log.
    longer: Map<(u32, u32), u32>,
    /// The elements that are appended together.
    lists: Vec<Vec<u32>>,
    deep: Vec<(&'h Call, Option<&'h Answer>)>,
    deep_steps: Map<(u32, u32), Option<u32>>,
}

#[derive(Debug)]
enum Stored {
    Absent,
    Document(Document),
    Binary(Digest),
    Log { shorter: u32, element: u32, len: u32 },
}

impl<'h> Table<'h> {
    pub(in crate::check) fn new() -> Table<'h> {
        Table {
            contents: vec![Stored::Absent, Stored::Log { shorter: EMPTY_LOG, element: 0, len: 0 }],
            documents: Map::default(),
            digests: Map::default(),
            elements: Map::default(),
            longer: Map::default(),
            lists: Vec::new(),
            deep: Vec::new(),
            deep_steps: Map::default(),
        }
    }

    /// How many contents there are.
    pub(in crate::check) fn len(&self) -> usize {
        self.contents.len()
    }

    fn add(&mut self, content: Stored) -> u32 {
        let number = self.contents.len() as u32;
        self.contents.push(content);
        number
    }

    pub(in crate::check) fn document(&mut self, document: &Document) -> u32 {
        if let Some(number) = self.documents.get(document) {
            return *number;
        }
        let number = self.add(Stored::Document(document.clone()));
        self.documents.insert(document.clone(), number);
        number
    }

    pub(in crate::check) fn document_or_absent(&mut self, document: Option<&Document>) -> u32 {
        document.map_or(ABSENT, |document| self.document(document))
    }

    pub(in crate::check) fn binary(&mut self, digest: Digest) -> u32 {
        if let Some(number) = self.digests.get(&digest) {
            return *number;
        }
        let number = self.add(Stored::Binary(digest));
        self.digests.insert(digest, number);
        number
    }

    fn element(&mut self, element: &Document) -> u32 {
        if let Some(number) = self.elements.get(element) {
            return *number;
        }
        let number = self.elements.len() as u32;
        self.elements.insert(element.clone(), number);
        number
    }

    /// The log of these elements.
    pub(in crate::check) fn log(&mut self, elements: &[Document]) -> u32 {
        elements.iter().fold(EMPTY_LOG, |log, element| {
            let element = self.element(element);
            self.longer(log, element)
        })
    }

    /// The number of a list of elements to append.
    pub(in crate::check) fn list(&mut self, elements: &[Document]) -> u32 {
        let list = elements.iter().map(|element| self.element(element)).collect();
        self.lists.push(list);
        self.lists.len() as u32 - 1
    }

    /// The number of an operation that works inside documents.
    pub(in crate::check) fn deep(&mut self, call: &'h Call, answer: Option<&'h Answer>) -> u32 {
        self.deep.push((call, answer));
        self.deep.len() as u32 - 1
    }

    fn longer(&mut self, log: u32, element: u32) -> u32 {
        if let Some(longer) = self.longer.get(&(log, element)) {
            return *longer;
        }
        let len = self.log_len(log).unwrap_or(0) + 1;
        let longer = self.add(Stored::Log { shorter: log, element, len });
        self.longer.insert((log, element), longer);
        longer
    }

    /// How many elements the log has; `None` if it is none.
    pub(in crate::check) fn log_len(&self, content: u32) -> Option<u32> {
        match self.contents.get(content as usize) {
            Some(Stored::Log { len, .. }) => Some(*len),
            _ => None,
        }
    }

    /// The log without its last element, and that element; `None` for what has none.
    pub(super) fn shorter(&self, log: u32) -> Option<(u32, u32)> {
        match self.contents.get(log as usize) {
            Some(Stored::Log { shorter, element, len: 1.. }) => Some((*shorter, *element)),
            _ => None,
        }
    }

    /// The elements of a list to append.
    pub(super) fn elements(&self, list: u32) -> &[u32] {
        self.lists.get(list as usize).map_or(&[], Vec::as_slice)
    }

    /// The log with these elements more.
    pub(super) fn extended(&mut self, log: u32, elements: &[u32]) -> u32 {
        elements.iter().fold(log, |log, element| self.longer(log, *element))
    }

    /// The logs from the empty one to this one, each an element longer.
    pub(in crate::check) fn prefixes(&self, log: u32) -> Vec<u32> {
        let mut prefixes = vec![log];
        let mut at = log;
        while let Some((shorter, _)) = self.shorter(at) {
            at = shorter;
            prefixes.push(at);
        }
        prefixes.reverse();
        prefixes
    }

    /// What is there after this atom, if it may happen where `content` is.
    pub(in crate::check) fn step(&mut self, content: u32, atom: Atom) -> Option<u32> {
        let agrees = |right: bool| right.then_some(content);
        match atom {
            Atom::Read(seen) => agrees(content == seen),
            Atom::There(there) => agrees(there == (content != ABSENT)),
            Atom::NotOf(kind) => agrees(self.kind(content).is_some_and(|present| present != kind)),
            Atom::Size(size) => agrees(
                matches!(self.contents.get(content as usize), Some(Stored::Binary(digest)) if digest.size == size),
            ),
            Atom::Write(content) => Some(content),
            Atom::Remove { seen } => (content != ABSENT || !seen).then_some(ABSENT),
            Atom::Move { from, to } => (content == from).then_some(to),
            Atom::Unless(unequal) => agrees(content != unequal),
            Atom::Swap { from, to } => Some(if content == from { to } else { content }),
            Atom::Append(list) | Atom::Unread(list) => self.append(content, list),
            Atom::Deep(deep) | Atom::Look(deep) => self.deep_step(content, deep),
            Atom::Never => None,
        }
    }

    fn kind(&self, content: u32) -> Option<Kind> {
        match self.contents.get(content as usize)? {
            Stored::Absent => None,
            Stored::Document(_) => Some(Kind::Document),
            Stored::Binary(_) => Some(Kind::Binary),
            Stored::Log { .. } => Some(Kind::Log),
        }
    }

    fn append(&mut self, content: u32, list: u32) -> Option<u32> {
        let mut log = if content == ABSENT { EMPTY_LOG } else { content };
        self.log_len(log)?;
        for at in 0..self.lists.get(list as usize)?.len() {
            let element = self.lists[list as usize][at];
            log = self.longer(log, element);
        }
        Some(log)
    }

    fn deep_step(&mut self, content: u32, deep: u32) -> Option<u32> {
        if let Some(known) = self.deep_steps.get(&(content, deep)) {
            return *known;
        }
        let (call, answer) = *self.deep.get(deep as usize)?;
        let before = match self.contents.get(content as usize)? {
            Stored::Absent => Content::Absent,
            Stored::Document(document) => Content::Document(document.clone()),
            Stored::Binary(digest) => Content::Binary(*digest),
            // Nothing here looks inside a log.
            Stored::Log { .. } => Content::Log(Vec::new()),
        };
        let after = match Entry.step(&before, call, answer) {
            Some(after) if after == before => Some(content),
            Some(Content::Absent) => Some(ABSENT),
            Some(Content::Document(document)) => Some(self.document(&document)),
            Some(Content::Binary(_) | Content::Log(_)) | None => None,
        };
        self.deep_steps.insert((content, deep), after);
        after
    }

    /// The content, for people.
    pub(in crate::check) fn describe(&self, content: u32) -> String {
        match self.contents.get(content as usize) {
            None | Some(Stored::Absent) => "absent".to_owned(),
            Some(Stored::Document(document)) => Answer::Value(Some(document.clone())).to_string(),
            Some(Stored::Binary(digest)) => format!("a binary, {digest}"),
            Some(Stored::Log { len, element, .. }) => {
                #[expect(clippy::disallowed_methods, reason = "no two elements have the same number")]
                let last = self.elements.iter().find(|(_, number)| *number == element && *len > 0);
                match last {
                    Some((last, _)) => {
                        format!("a log of {len}, the last of them {}", Answer::Value(Some(last.clone())))
                    }
                    None => "an empty log".to_owned(),
                }
            }
        }
    }
}
