//! What happened, for people to look at: one page of HTML that needs nothing else, and the same as text
//! for a terminal.
//!
//! A [`Report`] is plain data, so that anything can be shown: a simulated run, or the measurement of a
//! real store. The same report is the same page and the same text, byte for byte, on every machine.
//!
//! ```
//! use larder_simulated::report::{Latencies, Report, Sample};
//! let samples = (1..=100).map(|n| Sample { at: n * 1_000_000, took: n * 10_000 }).collect();
//! let report = Report {
//!     title: "a hundred reads".to_owned(),
//!     latencies: vec![Latencies { class: "read".to_owned(), samples }],
//!     ..Report::default()
//! };
//! assert!(report.html().starts_with("<!doctype html>"));
//! assert!(report.text().contains("p50"));
//! ```

mod data;
mod from;
mod html;
mod measure;
mod placing;
mod scale;
mod svg;
mod text;
mod window;
mod words;

pub use self::data::{
    Bar, Conclusion, Crash, Fact, FaultCount, Interval, Latencies, Model, Nanos, Period, Picture, Report,
    Sample, Series, Table,
};

impl Report {
    /// The report as one HTML page: drawings inline, nothing fetched, readable without its script.
    ///
    /// Names and keys may hold anything; they stay text.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// The report as text, 100 columns wide: block characters, no colours, no control characters but
    /// line breaks.
    pub fn text(&self) -> String {
        self.text_within(100)
    }

    /// The report as text of so many columns (at least 60).
    pub fn text_within(&self, columns: usize) -> String {
        text::print(self, columns.max(60))
    }
}
