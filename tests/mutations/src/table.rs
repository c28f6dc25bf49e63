//! The table of what notices what: a row for each mutation that was tried out.

use std::collections::BTreeMap;
use std::path::Path;

use crate::list::{MUTATIONS, Mutation};

/// So many tests are named for a mutation; of the others only the number is.
const NAMED: usize = 3;

const BEGIN: &str = "<!-- mutations: begin -->";
const END: &str = "<!-- mutations: end -->";
const HEAD: &str = "| mutation | deliberate bug | where | noticed by |\n|---|---|---|---|\n";
const NOTHING: &str = "**nothing**";

/// The row of a mutation.
pub(crate) fn row(mutation: &Mutation, caught: &[String]) -> String {
    let mut named: Vec<String> = caught.iter().take(NAMED).map(|test| format!("`{test}`")).collect();
    match caught.len() {
        0 => named.push(NOTHING.into()),
        count if count > NAMED => named.push(format!("and {} more", count - NAMED)),
        _ => {}
    }
    format!("| {} | {} | `{}` | {} |", mutation.name, mutation.what, mutation.file, named.join(", "))
}

/// Puts rows into the table, in the place of those of the same mutations.
pub(crate) fn write(root: &Path, rows: &[String]) -> Result<(), String> {
    let path = root.join("docs/mutations.md");
    let page = std::fs::read_to_string(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let page = with(&page, rows)?;
    std::fs::write(&path, page).map_err(|cause| format!("{}: {cause}", path.display()))
}

fn with(page: &str, rows: &[String]) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/mutations.md has no marker for the table")?;
    let (table, after) = rest.split_once(END).ok_or("docs/mutations.md has no marker after the table")?;
    let rows = table.lines().chain(rows.iter().map(String::as_str));
    let by_name: BTreeMap<&str, &str> = rows.filter_map(|row| Some((name(row)?, row))).collect();
    let known: Vec<&str> =
        MUTATIONS.iter().filter_map(|mutation| by_name.get(mutation.name).copied()).collect();
    let missed = known.iter().filter(|row| row.contains(NOTHING)).count();
    let table: String = known.iter().map(|row| format!("{row}\n")).collect();
    let summary = format!(
        "{} of {} are noticed, {} were not tried.",
        known.len() - missed,
        MUTATIONS.len(),
        MUTATIONS.len() - known.len()
    );
    Ok(format!("{before}{BEGIN}\n{HEAD}{table}\n{summary}\n{END}{after}"))
}

/// The mutation that a row is of.
fn name(row: &str) -> Option<&str> {
    Some(row.strip_prefix("| ")?.split_once(" | ")?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_take_the_place_of_older_ones_in_the_order_of_the_list() {
        let (first, second) = (&MUTATIONS[0], &MUTATIONS[1]);
        let page = format!("before\n{BEGIN}\n{END}\nafter\n");
        let page = with(&page, &[row(second, &[]), row(first, &["a::b".into()])]).unwrap();
        assert!(page.contains(&format!("1 of {} are noticed, {}", MUTATIONS.len(), MUTATIONS.len() - 2)));
        let page = with(&page, &[row(second, &["c".into()])]).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.contains("`")).collect();
        assert_eq!(rows, [row(first, &["a::b".into()]), row(second, &["c".into()])]);
        assert!(page.starts_with("before\n") && page.ends_with("\nafter\n"), "{page}");
    }
}
