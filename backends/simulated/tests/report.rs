//! The report of a run with everything in it: what it says, that it is the same every time, and that
//! nothing in it is more than text.

use larder_simulated::draw::{Draws, below};
use larder_simulated::report::{
    Bar, Conclusion, Crash, Fact, FaultCount, Interval, Latencies, Model, Period, Picture, Report, Sample,
    Series, Table,
};

const MS: u64 = 1_000_000;
const S: u64 = 1_000_000_000;

/// A quarter of an hour of four clients, with slow periods, faults, a crash and a violation; `name`
/// stands wherever a user may put a name.
fn report(name: &str) -> Report {
    let draws = Draws::new(7).domain("report");
    let period = Period { from: 300 * S, to: 420 * S, name: format!("brown-out{name}") };
    let mut bars = Vec::new();
    let mut classes: Vec<Latencies> = ["read", "write", "list"]
        .map(|class| Latencies { class: format!("{class}{name}"), samples: Vec::new() })
        .into();
    let mut depth = Vec::new();
    for client in 0..4u64 {
        let (mut at, mut number) = (client * 3 * MS, 0);
        while at < 900 * S {
            let draw = draws.of(client).of(number);
            let class = match draw.at(0) % 40 {
                0 => 2,
                1..10 => 1,
                _ => 0,
            };
            let slow = (period.from..period.to).contains(&at);
            // One uniform draw divided by another has a long tail.
            let tail = (1 + below(draw.at(1), 1000)) * 1000 / (20 + below(draw.at(2), 1000));
            let took = 20 * MS + class as u64 * 15 * MS + tail * MS / 20 * if slow { 20 } else { 1 };
            let faulty = below(draw.at(3), 1000) < 4;
            let late = faulty && !number.is_multiple_of(2);
            bars.push(Bar {
                client,
                number,
                class: classes[class].class.clone(),
                label: format!("{} k{}{name}", ["get", "assoc", "keys"][class], number % 9),
                key: format!("k{}{name}", number % 9),
                invoked: at,
                returned: (number != 700 || client != 2).then_some(at + took),
                effect: Some(at + if late { took * 13 / 10 } else { took * 6 / 10 }),
                outcome: if faulty { format!("TimedOut{name}") } else { "null".to_owned() },
                failed: faulty,
                fault: faulty.then(|| format!("timeout{name}")),
            });
            classes[class].samples.push(Sample { at, took });
            depth.push((at, 1 + below(draw.at(4), 4) + if slow { 30 } else { 0 }));
            at += took + 5 * MS;
            number += 1;
        }
    }
    depth.sort_unstable();
    let troubles = bars.iter().filter(|bar| bar.failed).map(|bar| bar.invoked).collect();
    Report {
        title: format!("mixed on s3-standard{name}"),
        seed: Some(7),
        command: format!("larder simulate --profile s3-standard --workload mixed --seed 7{name}"),
        facts: vec![
            Fact::new(format!("profile{name}"), format!("s3-standard{name}")),
            Fact::new("clients", 4),
        ],
        conclusion: Conclusion::Broken(format!("the history of k3 is not linearizable{name}")),
        lasted: 900 * S,
        bars,
        bars_left_out: 0,
        troubles,
        focus: None,
        storage: classes[..2].to_vec(),
        latencies: classes,
        models: vec![model(format!("read{name}"), 20), model(format!("write{name}"), 35)],
        periods: vec![period, Period { from: 600 * S, to: 610 * S, name: format!("outage{name}") }],
        crashes: vec![Crash { at: 700 * S, what: format!("client 3{name}") }],
        depths: vec![
            Series { name: format!("in flight{name}"), points: depth.clone() },
            Series {
                name: format!("waiting{name}"),
                points: depth.into_iter().map(|(at, n)| (at, n / 3)).collect(),
            },
        ],
        faults: vec![
            FaultCount { kind: format!("timeout{name}"), injected: 41, seen: 31, survived: 10 },
            FaultCount { kind: "hang".to_owned(), injected: 1, seen: 1, survived: 0 },
            FaultCount { kind: "stale read".to_owned(), ..FaultCount::default() },
        ],
        pictures: vec![picture(name)],
        tables: vec![Table {
            title: format!("Model and measurement{name}"),
            note: format!("Milliseconds{name}"),
            columns: vec!["class".to_owned(), format!("p50{name}"), "difference".to_owned()],
            rows: vec![vec![format!("read{name}"), "25".to_owned(), "+3 %".to_owned()]],
        }],
    }
}

fn model(class: String, from: u64) -> Model {
    let quantiles = [(0.0, 0), (0.5, 5), (0.9, 30), (0.99, 150), (0.999, 1000), (1.0, 30_000)];
    Model { class, quantiles: quantiles.map(|(q, ms)| (q, (from + ms) * MS)).into() }
}

/// Two clients read the new value and then the old one.
fn picture(name: &str) -> Picture {
    let interval = |(client, invoked, returned, label)| Interval {
        client,
        label: format!("{label}{name}"),
        invoked,
        returned,
    };
    let intervals = [
        (0, 10, Some(20), "assoc 1"),
        (1, 12, Some(31), "get → null"),
        (2, 14, Some(35), "assoc 2"),
        (3, 22, None, "assoc 3"),
        (0, 40, Some(44), "get → 2"),
        (1, 46, Some(50), "get → 1"),
        (2, 60, Some(66), "get → 2"),
    ];
    Picture {
        key: format!("k3{name}"),
        rule: format!("no order of these operations explains what they saw{name}"),
        intervals: intervals.map(interval).into(),
        order: vec![1, 0, 2, 4],
        before: 0,
        state: format!("2{name}"),
        unplaced: vec![5],
        suspects: vec![4, 5],
        left_out: 3,
    }
}

/// What an attacker would call a key.
const HOSTILE: &str = "</title></svg><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"alert(1)' \
                       ]]> --> &lt;b&gt; \u{1b}[2J\u{7}\u{202e}\u{2066}\r\n\0\u{ffff}";

#[test]
fn the_same_report_is_the_same_page_and_the_same_text() {
    let (one, other) = (report(""), report(""));
    assert_eq!(one.html(), other.html());
    assert_eq!(one.text(), other.text());
}

#[test]
fn the_order_in_which_operations_are_given_does_not_matter() {
    let (one, mut other) = (report(""), report(""));
    other.bars.reverse();
    other.latencies.iter_mut().for_each(|class| class.samples.reverse());
    assert_eq!(one.html(), other.html());
    assert_eq!(one.text(), other.text());
}

#[test]
fn the_page_has_a_section_for_everything_that_happened() {
    let page = report("").html();
    for id in ["violation", "faults", "latency", "heat", "clients", "storage", "depth", "tables"] {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for words in [
        "A promise was broken.</strong> the history of k3 is not linearizable",
        "<dt>seed</dt><dd>7</dd>",
        "<code>larder simulate --profile s3-standard --workload mixed --seed 7</code>",
        "<dt>faults injected</dt><dd>42</dd>",
        "observed",
        ">p99.9 ",
        "brown-out",
        "crash of client 3 at 700 s",
        "virtual time (min)",
        "the time around the first fault",
        "takes effect after it returned",
        "cannot come next",
        "(outcome not known)",
        "<tr class=\"\"><th>timeout</th><td>41</td><td>31</td><td>10</td></tr>",
        "<tr class=\"none\"><th>stale read</th><td>0</td>",
        "Model and measurement",
    ] {
        assert!(page.contains(words), "{words}");
    }
}

#[test]
fn the_text_says_what_the_page_says() {
    let text = report("").text();
    for words in [
        "A PROMISE WAS BROKEN. the history of k3 is not linearizable",
        "seed 7",
        "Again: larder simulate --profile s3-standard --workload mixed --seed 7\n",
        "brown-out from 300 s for 2 min",
        "client 3 at 700 s",
        "client 1: get → 1",
        "10 operations. What is there then: 2.",
        "← cannot come next",
        "the time around the first fault",
        "observed",
        "Model and measurement",
        "in flight",
    ] {
        assert!(text.contains(words), "{words}\n{text}");
    }
    for line in text.lines() {
        let columns = line.chars().count();
        assert!(columns <= 100 || line.starts_with("Again: "), "{columns}: {line}");
        assert_eq!(line, line.trim_end());
    }
}

#[test]
fn a_run_without_faults_says_so() {
    let mut report = report("");
    report.faults.iter_mut().for_each(|fault| fault.injected = 0);
    assert!(report.html().contains("No fault was injected."));
    assert!(report.text().contains("No fault was injected."));
    report.faults.clear();
    assert!(report.html().contains("No fault was injected."));
    assert!(!self::report("").html().contains("No fault was injected."));
}

#[test]
fn hostile_names_stay_text_on_the_page() {
    let page = report(HOSTILE).html();
    // Tags begin with <: none but those of the page itself.
    let tags = |page: &str| -> std::collections::BTreeSet<String> {
        let name = |part: &str| part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
        page.split('<').skip(1).map(name).collect()
    };
    assert_eq!(tags(&page), tags(&report("").html()));
    assert_eq!(page.matches("<script").count(), 1);
    for attribute in [" onload=\"", " onerror=alert(1)>"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
    let unfit =
        |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{ffff}');
    assert_eq!(page.chars().find(unfit), None);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the name is there to be read");
    // Quotes in attributes are balanced: outside them there is no =.
    for tag in page.split("</style>").nth(1).unwrap().split("<script>").next().unwrap().split('<').skip(1) {
        let inside = tag.split('>').next().unwrap();
        assert_eq!(inside.matches('"').count() % 2, 0, "{inside}");
    }
}

#[test]
fn hostile_names_stay_text_on_a_terminal() {
    let text = report(HOSTILE).text();
    let unfit =
        |c: &char| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}' | '\u{2066}' | '\u{ffff}');
    assert_eq!(text.chars().find(unfit), None);
    assert!(text.contains("\\u{1b}[2J"));
}

#[test]
fn the_page_fetches_nothing_and_runs_only_its_own_script() {
    use sha2::{Digest, Sha256};
    let page = report("").html();
    for outside in ["http:", "https:", "//", "@import", "url(", "src=", "<link", "<img", "<iframe"] {
        let found = page.match_indices(outside).map(|(at, _)| &page[at.saturating_sub(40)..at + 20]);
        let found: Vec<&str> = found.filter(|around| !around.contains("// What a pointer")).collect();
        assert!(found.is_empty(), "{outside}: {found:?}");
    }
    let script = page.split("<script>").nth(1).unwrap().split("</script>").next().unwrap();
    let allowed = page.split("script-src 'sha256-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!(base64(&Sha256::digest(script)), allowed, "the policy names the script by its hash");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let sextet = (bits >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= three.len() { DIGITS[sextet] as char } else { '=' });
        }
    }
    out
}

#[test]
fn a_page_stays_small_whatever_the_run_was() {
    let mut report = report("");
    let bars = report.bars.clone();
    for _ in 0..5 {
        report.bars.extend(bars.clone());
        report.periods.push(report.periods[0].clone());
    }
    let page = report.html();
    assert!(page.len() < 600_000, "{} bytes", page.len());
    assert!(report.text().len() < 40_000);
}

#[test]
fn reports_of_almost_nothing_are_made_too() {
    let nothing = Report::default();
    assert!(nothing.html().contains("Not checked.") && nothing.text().contains("Not checked."));
    let ends = [0, u64::MAX];
    let report = Report {
        lasted: u64::MAX,
        bars: vec![Bar { invoked: u64::MAX, returned: Some(0), effect: Some(u64::MAX), ..Bar::default() }],
        latencies: vec![Latencies {
            samples: ends.map(|at| Sample { at, took: u64::MAX - at }).into(),
            ..Latencies::default()
        }],
        models: vec![Model {
            class: String::new(),
            quantiles: vec![(f64::NAN, 1), (2.0, 0), (-1.0, u64::MAX)],
        }],
        periods: vec![Period { from: u64::MAX, to: 0, ..Period::default() }],
        depths: vec![Series { points: vec![(u64::MAX, u64::MAX), (0, 1)], ..Series::default() }],
        faults: vec![FaultCount { injected: u64::MAX, ..FaultCount::default() }; 2],
        pictures: vec![Picture {
            order: vec![9, 9, 0],
            unplaced: vec![7],
            before: u64::MAX,
            left_out: u64::MAX,
            ..picture("")
        }],
        bars_left_out: u64::MAX,
        troubles: vec![u64::MAX, 0],
        focus: Some(u64::MAX),
        crashes: vec![Crash { at: u64::MAX, ..Crash::default() }],
        tables: vec![Table { rows: vec![vec!["more cells than columns".to_owned()]], ..Table::default() }],
        ..Report::default()
    };
    assert!(report.html().len() > 1000 && report.text_within(0).len() > 100);
}
