//! The rooms of the core: `ARCHITECTURE.md` lists them from the top, and no module uses one that
//! stands above it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn rooms() -> Vec<String> {
    let text = fs::read_to_string(Path::new(ROOT).join("ARCHITECTURE.md")).unwrap();
    let list = text.split("<!-- rooms -->").nth(1).unwrap().split("<!-- /rooms -->").next().unwrap();
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
    let mut listed = rooms();
    listed.sort();
    let face = fs::read_to_string(Path::new(ROOT).join("src/lib.rs")).unwrap();
    let declared = face.lines().filter_map(|line| {
        line.trim_start_matches("pub ").strip_prefix("mod ").and_then(|line| line.strip_suffix(';'))
    });
    let mut declared: Vec<&str> = declared.collect();
    declared.sort_unstable();
    assert_eq!(listed, declared, "the rooms in ARCHITECTURE.md, and the modules in src/lib.rs");
}

#[test]
fn no_module_uses_one_above_it() {
    let order: BTreeMap<String, usize> = rooms().into_iter().enumerate().map(|(i, room)| (room, i)).collect();
    for (room, place) in &order {
        let mut path = Path::new(ROOT).join("src").join(room);
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
