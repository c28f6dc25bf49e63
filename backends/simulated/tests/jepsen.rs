//! Histories that others recorded, with known verdicts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use larder_simulated::check::{Checker, Model, Verdict};
use larder_simulated::history::History;

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/histories")
}

fn verdicts() -> BTreeMap<String, bool> {
    serde_json::from_str(&fs::read_to_string(data().join("verdicts.json")).unwrap()).unwrap()
}

fn history(name: &str) -> History {
    History::parse(&fs::read_to_string(data().join(name)).unwrap()).unwrap()
}

#[test]
fn every_verdict_is_the_known_one() {
    let mut wrong = Vec::new();
    for (name, linearizable) in verdicts() {
        let history = history(&name);
        let verdict = Checker::new().model(Model::of(&history)).check(&history);
        match (verdict, linearizable) {
            (Verdict::Linearizable, true) | (Verdict::NotLinearizable(_), false) => {}
            (verdict, _) => wrong.push(format!("{name}: {verdict}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
