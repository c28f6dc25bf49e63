//! The rooms of the core: `ARCHITECTURE.md` lists them from the top, and no module uses one that
//! stands above it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The crates whose rooms are listed: the marker of the list, and the folder of the source.
const HOUSES: [(&str, &str); 4] = [
    ("rooms", "src"),
    ("simulated rooms", "backends/simulated/src"),
    ("pack rooms", "backends/pack/src"),
    ("redis rooms", "backends/redis/src"),
];

fn rooms(house: &str) -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap();
    let (begin, end) = (format!("<!-- {house} -->"), format!("<!-- /{house} -->"));
    let list = text.split(&begin).nth(1).unwrap().split(&end).next().unwrap();
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    fs::read_dir(path).unwrap().flat_map(|entry| sources(&entry.unwrap().path())).collect()
}

/// The rooms that a source names, outside comments and tests.
fn uses(source: &str) -> Vec<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut found = Vec::new();
    for line in lines {
        for part in line.split("crate::").skip(1) {
            let name: String = part.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            if !name.is_empty() {
                found.push(name);
            }
        }
    }
    found
}

#[test]
fn every_module_is_a_room() {
    for (house, source) in HOUSES {
        let mut listed = rooms(house);
        listed.sort();
        let face = fs::read_to_string(Path::new(ROOT).join(source).join("lib.rs")).unwrap();
        let declared = face.lines().filter_map(|line| {
            line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|line| line.strip_suffix(';'))
        });
        let mut declared: Vec<&str> = declared.collect();
        declared.sort_unstable();
        assert_eq!(listed, declared, "the {house} in ARCHITECTURE.md, and the modules in {source}/lib.rs");
    }
}

#[test]
fn no_module_uses_one_above_it() {
    for (house, source) in HOUSES {
        let order: BTreeMap<String, usize> =
            rooms(house).into_iter().enumerate().map(|(i, room)| (room, i)).collect();
        for (room, place) in &order {
            let mut path = Path::new(ROOT).join(source).join(room);
            if !path.is_dir() {
                path.set_extension("rs");
            }
            for file in sources(&path) {
                for used in uses(&fs::read_to_string(&file).unwrap()) {
                    if let Some(below) = order.get(&used) {
                        assert!(below >= place, "{} uses {used}, which stands above {room}", file.display());
                    }
                }
            }
        }
    }
}

#[test]
fn every_source_says_what_it_is_for() {
    let places = ["src", "backends", "cli", "tests", "examples"];
    for file in places.into_iter().flat_map(|place| sources(&Path::new(ROOT).join(place))) {
        if file.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&file).unwrap();
            let says = text.starts_with("//!") || text.starts_with("#![doc");
            assert!(says, "{} opens without saying what it is for", file.display());
        }
    }
}

#[test]
fn every_test_that_the_scenarios_name_is_there() {
    let page = fs::read_to_string(Path::new(ROOT).join("docs/scenarios.md")).unwrap();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    assert_eq!(rows.len(), 40);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row[1], (number + 1).to_string());
        let tests: Vec<&str> = row[3].split(", ").map(|test| test.trim_matches('`')).collect();
        for test in tests {
            let here = Path::new(ROOT).join("backends/simulated/tests").join(test);
            assert!(here.exists() || Path::new(ROOT).join(test).exists(), "{}: {test}", number + 1);
        }
    }
}
