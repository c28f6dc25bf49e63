//! Progress for people: drawn only when standard error is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is counted, and how much of it there is, if that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Total {
    Bytes(Option<u64>),
    Entries,
}

/// A bar, or a count where nobody knows how much there is.
pub(crate) fn bar(what: &'static str, total: Total) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let (length, template) = match total {
        Total::Bytes(Some(bytes)) => (Some(bytes), "{prefix} {wide_bar} {bytes}/{total_bytes} {eta}"),
        Total::Bytes(None) => (None, "{prefix} {spinner} {bytes}, {elapsed}"),
        Total::Entries => (None, "{prefix} {spinner} {human_pos} entries, {elapsed}"),
    };
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_prefix(what)
}
