//! The page: what was run and what was found, and a section for each kind of picture.

mod cdf;
mod depth;
mod frame;
mod heat;
mod lanes;
mod latency;
mod picture;
mod tables;

use super::data::{Conclusion, Report};
use super::measure;
use super::svg::escape;
use super::words::{count, short, time};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("detail.js");
/// The SHA-256 of [`SCRIPT`], the only one that the page lets run.
const SCRIPT_SHA256: &str = "pqSvEqB4iLqQL39B1eAlqLPkSOLhhHNGbzxXd+uQ3ZM=";

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: String,
}

pub(super) fn page(report: &Report) -> String {
    let sections: Vec<Section> = [
        picture::section(report),
        Some(tables::faults(report)),
        latency::callers(report),
        heat::section(report),
        lanes::section(report),
        latency::storage(report),
        depth::section(report),
        tables::others(report),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         script-src 'sha256-{SCRIPT_SHA256}'\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape(&short(&report.title, 200))
    );
    out.push_str(&head(report));
    out.push_str("<nav>");
    for section in &sections {
        out.push_str(&format!("<a href=\"#{}\">{}</a>\n", section.id, section.title));
    }
    out.push_str("</nav>\n<main>\n");
    for Section { id, title, body } in sections {
        out.push_str(&format!("<section id=\"{id}\">\n<h2>{title}</h2>\n{body}</section>\n"));
    }
    out.push_str("</main>\n<div id=\"detail\" hidden></div>\n<script>");
    out.push_str(SCRIPT);
    out.push_str("</script>\n</body>\n</html>\n");
    out
}

/// Title, verdict, and what it takes to run this again.
fn head(report: &Report) -> String {
    let mut out = format!("<header>\n<h1>{}</h1>\n", escape(&short(&report.title, 200)));
    let (class, word, sentence) = match &report.conclusion {
        Conclusion::Unchecked => ("unchecked", "Not checked.", ""),
        Conclusion::Kept(sentence) => ("kept", "Promises kept.", sentence.as_str()),
        Conclusion::Broken(sentence) => ("broken", "A promise was broken.", sentence.as_str()),
        Conclusion::Unknown(sentence) => ("unknown", "Unknown.", sentence.as_str()),
    };
    let sentence = escape(&short(sentence, 2000));
    out.push_str(&format!("<p class=\"verdict {class}\"><strong>{word}</strong> {sentence}</p>\n<dl>\n"));
    let mut fact = |name: &str, value: &str| {
        let (name, value) = (escape(&short(name, 60)), escape(&short(value, 400)));
        out.push_str(&format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n"));
    };
    if let Some(seed) = report.seed {
        fact("seed", &seed.to_string());
    }
    for each in &report.facts {
        fact(&each.name, &each.value);
    }
    fact("virtual time", &time(measure::end(report)));
    let injected = report.faults.iter().fold(0u64, |sum, fault| sum.saturating_add(fault.injected));
    fact("faults injected", &count(injected));
    fact("crashes", &count(report.crashes.len() as u64));
    out.push_str("</dl>\n");
    if !report.command.is_empty() {
        let command = escape(&short(&report.command, 2000));
        out.push_str(&format!("<p>This command runs it again:</p>\n<pre><code>{command}</code></pre>\n"));
    }
    out.push_str("</header>\n");
    out
}

/// A drawing with words above it. Wide ones can be moved sideways where the screen is narrow.
fn figure(caption: &str, legend: &str, drawing: &str) -> String {
    format!(
        "<figure>\n<figcaption>{caption}</figcaption>\n{legend}<div class=\"scroll\">\n{drawing}</div>\n</figure>\n"
    )
}

/// What the colours and marks mean: the class of a mark, and its meaning.
fn legend<'a>(items: impl IntoIterator<Item = (String, &'a str)>) -> String {
    let mut out = String::from("<ul class=\"legend\">\n");
    for (class, name) in items {
        out.push_str(&format!("<li><i class=\"{class}\"></i>{}</li>\n", escape(&short(name, 100))));
    }
    out.push_str("</ul>\n");
    out
}

/// The class that colours a class of operations.
fn colour(classes: &[&str], class: &str) -> String {
    let at = classes.iter().position(|known| *known == class).unwrap_or(0);
    format!("c{}", at % 8)
}
