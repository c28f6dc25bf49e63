//! What is stored and read: keys, values, documents. The same in every run.

use serde::{Deserialize, Serialize};

/// A sequence of numbers that look random and are the same in every run (SplitMix64).
#[derive(Clone, Debug)]
pub struct Numbers(u64);

impl Numbers {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed)
    }

    /// The next number of the sequence.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.draw() % bound.max(1) as u64) as usize
    }
}

/// So many text keys of 21 bytes.
pub fn keys(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("bench/entry/{n:09}")).collect()
}

/// A shuffled order in which to visit so many things.
pub fn order(count: usize, seed: u64) -> Vec<usize> {
    let mut numbers = Numbers::new(seed);
    let mut order: Vec<usize> = (0..count).collect();
    (1..count).rev().for_each(|at| order.swap(at, numbers.below(at + 1)));
    order
}

/// So many bytes that do not compress.
pub fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut numbers = Numbers::new(seed);
    (0..len).map(|_| numbers.draw() as u8).collect()
}

/// A person: 16 fields on 4 levels, about 1 KiB in CBOR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of a made-up record")]
pub struct Person {
    pub id: u64,
    pub name: String,
    pub active: bool,
    pub balance: f64,
    pub emails: Vec<String>,
    pub tags: Vec<String>,
    pub address: Address,
    pub history: Vec<Visit>,
    pub note: String,
    pub visits: u64,
}

/// Where the person lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of a made-up record")]
pub struct Address {
    pub street: String,
    pub city: String,
    pub place: Place,
}

/// A place on the map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of a made-up record")]
pub struct Place {
    pub latitude: f64,
    pub longitude: f64,
    pub names: Vec<String>,
}

/// One visit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of a made-up record")]
pub struct Visit {
    pub at: u64,
    pub page: String,
    pub seconds: f64,
}

/// The person of this number.
pub fn person(number: u64) -> Person {
    let visit = |n: u64| Visit {
        at: 1_700_000_000 + number * 100 + n,
        page: format!("/shelf/{n}/jar/{number}"),
        seconds: n as f64 * 1.25,
    };
    Person {
        id: number,
        name: format!("Person Number {number}"),
        active: number.is_multiple_of(2),
        balance: number as f64 * 1.1,
        emails: (0..3).map(|n| format!("person{number}.{n}@example.org")).collect(),
        tags: ["pantry", "cellar", "kitchen", "garden"].map(String::from).into(),
        address: Address {
            street: format!("{number} Long Street with a Name"),
            city: "Larderton".into(),
            place: Place {
                latitude: 47.376_887 + number as f64,
                longitude: 8.541_694,
                names: vec!["north".into(), "old town".into(), "by the river".into()],
            },
        },
        history: (0..12).map(visit).collect(),
        note:
            "Prefers jam to marmalade; asks for the key twice a week and returns it. Wants to be told when \
               plums are in, and when the cellar is too warm; pays at the end of the month, in coins."
                .into(),
        visits: number,
    }
}

/// A document of about 100 B in CBOR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields of a made-up record")]
pub struct Small {
    pub id: u64,
    pub name: String,
    pub score: f64,
    pub tags: Vec<String>,
}

/// The small document of this number.
pub fn small(number: u64) -> Small {
    Small {
        id: number,
        name: format!("a jar with the number {number}, second shelf on the left"),
        score: number as f64 * 1.1,
        tags: vec!["pantry".into(), "cellar shelf".into()],
    }
}

/// A list of persons, about 1 MiB in CBOR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// The persons.
    pub persons: Vec<Person>,
    /// How often it was changed. Encoded in front of the persons.
    pub changes: u64,
}

/// So many persons make 1 MiB.
pub const PERSONS: u64 = 1050;

/// The register.
pub fn register() -> Register {
    Register { persons: (0..PERSONS).map(person).collect(), changes: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use larder::Document;

    #[test]
    fn the_documents_have_the_sizes_that_the_table_names() {
        let size = |document: larder::Result<Document>| document.unwrap().as_cbor().len();
        let (small, person, register) = (
            size(Document::encode(&small(7))),
            size(Document::encode(&person(7))),
            size(Document::encode(&register())),
        );
        assert!((95..110).contains(&small), "{small}");
        assert!((950..1100).contains(&person), "{person}");
        assert!((1_000_000..1_100_000).contains(&register), "{register}");
    }

    #[test]
    fn an_order_visits_everything_once() {
        let mut visited = order(1000, 1);
        assert_ne!(visited, (0..1000).collect::<Vec<_>>());
        visited.sort_unstable();
        assert_eq!(visited, (0..1000).collect::<Vec<_>>());
    }
}
