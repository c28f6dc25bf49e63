//! The table of what notices what.

use std::path::Path;

use crate::list::Mutation;

/// So many tests are named for a mutation; of the others only the number is.
const NAMED: usize = 3;

const BEGIN: &str = "<!-- mutations: begin -->";
const END: &str = "<!-- mutations: end -->";

/// One row for each mutation.
pub(crate) fn of(rows: &[(&Mutation, Vec<String>)]) -> String {
    let mut table = String::from("| deliberate bug | where | noticed by |\n|---|---|---|\n");
    for (mutation, caught) in rows {
        let mut named: Vec<String> = caught.iter().take(NAMED).map(|test| format!("`{test}`")).collect();
        match caught.len() {
            0 => named.push("**nothing**".into()),
            count if count > NAMED => named.push(format!("and {} more", count - NAMED)),
            _ => {}
        }
        table += &format!("| {} | `{}` | {} |\n", mutation.what, mutation.file, named.join(", "));
    }
    let noticed = rows.iter().filter(|(_, caught)| !caught.is_empty()).count();
    table + &format!("\n{noticed} of {} are noticed.\n", rows.len())
}

/// Puts the table into its page.
pub(crate) fn write(root: &Path, table: &str) -> Result<(), String> {
    let path = root.join("docs/mutations.md");
    let page = std::fs::read_to_string(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
    let (before, rest) = page.split_once(BEGIN).ok_or("docs/mutations.md has no marker for the table")?;
    let (_, after) = rest.split_once(END).ok_or("docs/mutations.md has no marker after the table")?;
    let page = format!("{before}{BEGIN}\n{table}{END}{after}");
    std::fs::write(&path, page).map_err(|cause| format!("{}: {cause}", path.display()))
}
