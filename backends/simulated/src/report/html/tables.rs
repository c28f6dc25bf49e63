//! Tables: what was injected, and whatever else a report brings.

use super::super::data::{Report, Table};
use super::super::svg::escape;
use super::super::words::{count, short};
use super::Section;

/// The table of faults stands on every page: that nothing was injected is a result.
pub(super) fn faults(report: &Report) -> Section {
    let mut body = String::new();
    if report.faults.iter().all(|fault| fault.injected == 0) {
        body.push_str(
            "<p class=\"warn\">No fault was injected. This run tells nothing about how faults are survived.</p>\n",
        );
    }
    if !report.faults.is_empty() {
        body.push_str(
            "<div class=\"scroll\"><table>\n<thead><tr><th>kind</th><th>injected</th><th>seen</th>\
             <th>survived</th></tr></thead>\n<tbody>\n",
        );
        for fault in &report.faults {
            let class = if fault.injected == 0 { "none" } else { "" };
            body.push_str(&format!(
                "<tr class=\"{class}\"><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escape(&short(&fault.kind, 60)),
                count(fault.injected),
                count(fault.seen),
                count(fault.survived)
            ));
        }
        body.push_str("</tbody></table></div>\n");
        body.push_str(
            "<p class=\"note\">Seen: whoever called the storage got an error, a wrong answer or none. Survived: it got the \
             answer that there would have been without the fault, which may yet hurt later: a write that was lost is \
             answered like any other, and shows only when it is read.</p>\n",
        );
    }
    Section { id: "faults", title: "Faults", body }
}

pub(super) fn others(report: &Report) -> Option<Section> {
    let body: String = report.tables.iter().map(table).collect();
    (!body.is_empty()).then_some(Section { id: "tables", title: "Tables", body })
}

fn table(table: &Table) -> String {
    let cells = |cells: &[String], tag: &str| {
        let cells = cells.iter().enumerate();
        let cell = |(at, cell): (usize, &String)| {
            let tag = if at == 0 { "th" } else { tag };
            format!("<{tag}>{}</{tag}>", escape(&short(cell, 120)))
        };
        format!("<tr>{}</tr>\n", cells.map(cell).collect::<String>())
    };
    let mut out = format!("<h3>{}</h3>\n", escape(&short(&table.title, 120)));
    if !table.note.is_empty() {
        out.push_str(&format!("<p class=\"note\">{}</p>\n", escape(&short(&table.note, 1000))));
    }
    out.push_str(&format!(
        "<div class=\"scroll\"><table>\n<thead>{}</thead>\n<tbody>\n",
        cells(&table.columns, "th")
    ));
    table.rows.iter().for_each(|row| out.push_str(&cells(row, "td")));
    out.push_str("</tbody></table></div>\n");
    out
}
