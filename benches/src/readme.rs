//! The tables in `README.md`: all of them after a run of everything, or those of some themes, which then say
//! when they were measured.

use crate::report::{self, Section};
use crate::rows::Failure;

const BEGIN: &str = "<!-- tables: begin -->";
const END: &str = "<!-- tables: end -->";
const TARGETS: &str = "### Targets\n";

/// The README with these tables in place of those that are there.
///
/// # Errors
/// The README has no marks where the tables begin and end.
pub fn with_all(readme: &str, tables: &str) -> Result<String, Failure> {
    let (before, _, after) = parts(readme)?;
    Ok(format!("{before}{BEGIN}\n{tables}\n{END}{after}"))
}

/// The README with the tables and targets of these sections in place of those that are there, or after them.
///
/// # Errors
/// The README has no marks, or no targets: no run of everything is there yet.
pub fn with_some(readme: &str, sections: &[Section], date: &str) -> Result<String, Failure> {
    let (before, tables, after) = parts(readme)?;
    let mut tables = tables.to_owned();
    for section in sections {
        let heading = format!("### {}\n", section.title);
        let text = report::section(section);
        let text = text.strip_prefix(&heading).unwrap_or(&text).trim();
        put(&mut tables, &heading, &format!("\nMeasured by itself, {date}.\n\n{text}\n"));
        let rows = report::targets(std::slice::from_ref(section));
        let targets = body(&tables, TARGETS).ok_or("the README has no targets: measure everything first")?;
        let mut lines: Vec<&str> = targets.trim().lines().collect();
        for row in rows.lines().skip(2) {
            match lines.iter_mut().find(|line| what(line) == what(row)) {
                Some(line) => *line = row,
                None => lines.push(row),
            }
        }
        let targets = format!("\n{}\n", lines.join("\n"));
        put(&mut tables, TARGETS, &targets);
    }
    Ok(format!("{before}{BEGIN}{tables}{END}{after}"))
}

/// What is before, between and after the marks.
fn parts(readme: &str) -> Result<(&str, &str, &str), Failure> {
    let (before, rest) = readme.split_once(BEGIN).ok_or("the README has no marker for the tables")?;
    let (tables, after) = rest.split_once(END).ok_or("the README has no marker after the tables")?;
    Ok((before, tables, after))
}

/// Where the text under a heading begins and ends.
fn place(tables: &str, heading: &str) -> Option<(usize, usize)> {
    let start = tables.find(&format!("\n{heading}"))? + 1 + heading.len();
    let end = tables[start..].find("\n### ").map_or(tables.len(), |end| start + end);
    Some((start, end))
}

fn body<'a>(tables: &'a str, heading: &str) -> Option<&'a str> {
    place(tables, heading).map(|(start, end)| &tables[start..end])
}

fn put(tables: &mut String, heading: &str, text: &str) {
    match place(tables, heading) {
        Some((start, end)) => tables.replace_range(start..end, text),
        None => {
            let kept = tables.trim_end().len();
            tables.replace_range(kept.., &format!("\n\n{heading}{text}\n"));
        }
    }
}

/// What a row of the targets is about.
fn what(row: &str) -> Option<&str> {
    row.split(" | ").next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Target;

    fn section(title: &str, measured: f64) -> Section {
        let targets = vec![Target::at_most(format!("{title} is fast"), 1.0, measured)];
        Section { title: title.into(), method: format!("As {title} is."), targets, ..Section::default() }
    }

    fn all(sections: &[Section]) -> String {
        let mut tables = format!("- Measured: then\n\n{TARGETS}\n{}", report::targets(sections));
        for section in sections {
            tables.push('\n');
            tables.push_str(&report::section(section));
        }
        with_all(&format!("intro\n{BEGIN}\nold\n{END}\nend\n"), &tables).unwrap()
    }

    #[test]
    fn a_theme_measured_again_takes_the_place_of_what_was_there() {
        let before = all(&[section("One", 0.5), section("Two", 2.0), section("Three", 0.5)]);
        let after = with_some(&before, &[section("Two", 0.75)], "today").unwrap();
        assert!(before.contains("| Two is fast | at most 1 x | 2.00 x | **MISSED** |"), "{before}");
        assert!(after.contains("| Two is fast | at most 1 x | 0.75 x | met |") && !after.contains("MISSED"));
        assert!(
            after.contains("### Two\n\nMeasured by itself, today.\n\nAs Two is.\n\n### Three\n"),
            "{after}"
        );
        assert_eq!(after.matches("### ").count(), 4);
        assert_eq!(with_some(&after, &[section("Two", 0.75)], "today").unwrap(), after);
    }

    #[test]
    fn a_theme_that_is_new_comes_last() {
        let before = all(&[section("One", 0.5)]);
        let after = with_some(&before, &[section("Two", 2.0)], "today").unwrap();
        assert!(after.contains("| One is fast | at most 1 x | 0.50 x | met |\n| Two is fast"), "{after}");
        assert!(
            after.starts_with("intro\n") && after.ends_with(&format!("As Two is.\n\n{END}\nend\n")),
            "{after}"
        );
        assert!(with_some("no marks", &[], "today").is_err());
    }
}
