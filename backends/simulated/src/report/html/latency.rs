//! How long operations took: a distribution for each class, what was observed against the model, and
//! the quantiles in a table.

use super::super::data::Report;
use super::super::measure::{self, Distribution, FRACTIONS};
use super::super::scale::LogAxis;
use super::super::svg::escape;
use super::super::words::{count, short, time};
use super::{Section, cdf, figure, legend};

const HOW_TO_READ: &str = "The share that took no longer than so long, errors included. Both axes are logarithmic: \
                           upwards each step is ten times rarer, so that the tail can be seen.";

pub(super) fn callers(report: &Report) -> Option<Section> {
    let axis = measure::latency_axis(report)?;
    let all = measure::distributions(&report.latencies, &[]);
    let body = group(
        &all,
        ("operation", "operations"),
        axis,
        &format!("How long callers waited. {HOW_TO_READ}"),
        Vec::new(),
    );
    (!all.is_empty()).then_some(Section { id: "latency", title: "What callers waited for", body })
}

pub(super) fn storage(report: &Report) -> Option<Section> {
    let axis = measure::latency_axis(report)?;
    let all = measure::distributions(&report.storage, &report.models);
    let mut marks = Vec::new();
    if !report.models.is_empty() {
        marks.push(("mark-line".to_owned(), "observed"));
        marks.push((
            "mark-dashes".to_owned(),
            "the model, for a call that waits for no other in normal times",
        ));
    }
    let caption =
        format!("How long the storage took for each call; an operation may need several. {HOW_TO_READ}");
    let body = group(&all, ("call", "calls"), axis, &caption, marks);
    (!all.is_empty()).then_some(Section { id: "storage", title: "What the storage took", body })
}

fn group(
    all: &[Distribution<'_>],
    of: (&str, &str),
    axis: LogAxis,
    caption: &str,
    marks: Vec<(String, &str)>,
) -> String {
    let mut charts = String::from("<div class=\"charts\">\n");
    let mut rows = String::new();
    for (n, each) in all.iter().enumerate() {
        charts.push_str(&cdf::chart(each, of, &format!("c{}", n % 8), axis));
        rows.push_str(&quantiles(each));
    }
    charts.push_str("</div>\n");
    let table = format!(
        "<div class=\"scroll\"><table>\n<thead><tr><th>class</th><th></th><th>{}</th>{}<th>max</th></tr></thead>\n\
         <tbody>\n{rows}</tbody></table></div>\n",
        of.1,
        FRACTIONS.map(|(name, ..)| format!("<th>{name}</th>")).concat()
    );
    let marks = if marks.is_empty() { String::new() } else { legend(marks) };
    figure(caption, &marks, &charts) + &table
}

fn quantiles(distribution: &Distribution<'_>) -> String {
    let Distribution { class, sorted, model } = distribution;
    let said = |ns: Option<u64>| format!("<td>{}</td>", ns.map_or_else(|| "–".to_owned(), time));
    let class = escape(&short(class, 30));
    let mut out = String::new();
    if sorted.len() > 0 {
        let cells = FRACTIONS.map(|(_, part, whole)| said(sorted.quantile(part, whole))).concat();
        let n = count(sorted.len() as u64);
        out.push_str(&format!(
            "<tr><th>{class}</th><td class=\"word\">observed</td><td>{n}</td>{cells}{}</tr>\n",
            said(sorted.max())
        ));
    }
    if !model.is_empty() {
        let cells = FRACTIONS
            .map(|(_, part, whole)| said(measure::model_quantile(model, part as f64 / whole as f64)))
            .concat();
        let max = said(measure::model_quantile(model, 1.0));
        out.push_str(&format!(
            "<tr class=\"model\"><th>{class}</th><td class=\"word\">model</td><td></td>{cells}{max}</tr>\n"
        ));
    }
    out
}
