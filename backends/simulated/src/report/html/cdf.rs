//! One distribution: the share of operations against their latency, both logarithmic.

use std::f64::consts::LOG10_2;

use super::super::measure::{Distribution, FRACTIONS, Sorted};
use super::super::scale::{LogAxis, log10};
use super::super::svg::{Anchor, Svg};
use super::super::words::{counted, short, time};

const WIDTH: f64 = 540.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 46.0;

/// How many powers of ten rarer than all: 0 % is 0, 90 % is 1, 99 % is 2.
fn rarity(rarer: f64) -> f64 {
    log10(rarer)
}

pub(super) fn chart(
    distribution: &Distribution<'_>,
    of: (&str, &str),
    colour: &str,
    axis: LogAxis,
) -> String {
    let Distribution { class, sorted, model } = distribution;
    let n = sorted.len();
    // As far up as the observation tells something.
    let most = match n {
        0 => 3.0,
        n => (rarity(n as f64 * 2.0) + 0.05).clamp(2.1, 5.1),
    };
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let across = |share: f64| LEFT + share * (right - LEFT);
    let x = |ns: u64| across(axis.at(ns));
    let y = |rarity: f64| bottom - rarity.min(most) / most * (bottom - TOP);
    let name = short(class, 30);
    let mut svg = Svg::new("chart", WIDTH, HEIGHT, &format!("Distribution of the latency of {name}"));
    let heading = format!("{name}: {}", counted(n as u64, of.0, of.1));
    svg.text("heading", (LEFT, 17.0), Anchor::Start, &heading);
    let ticks = axis.ticks();
    let crowded = ticks.len() > 9;
    for (at, (ns, label)) in ticks.iter().enumerate() {
        svg.line("grid", (x(*ns), TOP), (x(*ns), bottom));
        if !crowded || at % 2 == 0 {
            svg.text("tick", (x(*ns), bottom + 16.0), Anchor::Middle, label);
        }
    }
    for (label, nines) in [
        ("0 %", 0.0),
        ("50 %", LOG10_2),
        ("90 %", 1.0),
        ("99 %", 2.0),
        ("99.9 %", 3.0),
        ("99.99 %", 4.0),
        ("99.999 %", 5.0),
    ] {
        if nines <= most {
            svg.line("grid", (LEFT, y(nines)), (right, y(nines)));
            svg.text("tick", (LEFT - 6.0, y(nines) + 4.0), Anchor::End, label);
        }
    }
    svg.line("axis", (LEFT, bottom), (right, bottom));
    svg.text("label", (LEFT + (right - LEFT) / 2.0, bottom + 36.0), Anchor::Middle, "latency (logarithmic)");
    if !model.is_empty() {
        let points = modelled(model, most, axis).into_iter();
        svg.polyline("model", points.map(|(share, rarity)| (across(share), y(rarity))));
    }
    svg.polyline(&format!("curve {colour}"), curve(sorted, most).map(|(ns, rarity)| (x(ns), y(rarity))));
    let labels = FRACTIONS.into_iter().zip([LOG10_2, 1.0, 2.0, 3.0]);
    let points = labels
        .filter_map(|((name, part, whole), rarity)| Some((name, sorted.quantile(part, whole)?, rarity)));
    let top = rarity(n as f64 * 2.0).min(most);
    let mut last = f64::MAX;
    for (name, ns, rarity) in points.chain(sorted.max().map(|max| ("max", max, top))) {
        let said = format!("{name} {}", time(ns));
        let (at, up) = (x(ns), y(rarity));
        svg.circle(
            &format!("point {colour}"),
            (at, up),
            3.5,
            Some(&format!("{class}: {said}", class = short(class, 30))),
        );
        // The names of two points at one height would lie on each other.
        if last - up > 12.0 {
            let flip = at > LEFT + (right - LEFT) * 0.68;
            let (at, up, anchor) = if flip {
                (at - 8.0, up - 4.0, Anchor::End)
            } else {
                (at + 8.0, up + if rarity < 0.5 { 7.0 } else { 12.0 }, Anchor::Start)
            };
            svg.text("value", (at, up), anchor, &said);
            last = up;
        }
    }
    svg.finish()
}

/// The model as shares of the axis and rarities, up to where the picture ends.
fn modelled(model: &[(f64, u64)], most: f64, axis: LogAxis) -> Vec<(f64, f64)> {
    let all = model.iter().filter(|(q, _)| *q < 1.0);
    let all = all.map(|(q, ns)| (axis.at(*ns), rarity(1.0 / (1.0 - q.max(0.0)))));
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (at, rarity) in all {
        match points.last() {
            Some((last, below)) if rarity > most => {
                // Straight to the upper edge.
                let share = if rarity > *below { (most - below) / (rarity - below) } else { 0.0 };
                points.push((last + (at - last) * share, most));
                return points;
            }
            _ => points.push((at, rarity)),
        }
    }
    points
}

/// The observed distribution in a few hundred points.
fn curve(sorted: &Sorted, most: f64) -> impl Iterator<Item = (u64, f64)> {
    let n = sorted.len();
    let mut ranks = Vec::new();
    // So many are slower still; each step leaves 31 of 32 of them.
    let mut slower = n;
    while slower > 0 {
        ranks.push(n - slower);
        slower = if slower > 32 { slower - slower.div_ceil(32) } else { slower - 1 };
    }
    ranks.into_iter().map(move |rank| {
        let rarer = n as f64 / ((n - rank) as f64 - 0.5);
        (sorted.all()[rank], rarity(rarer).min(most))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::data::Sample;
    use super::*;

    #[test]
    fn the_model_ends_at_the_edge_of_the_picture() {
        let model = [(0.0, 1), (0.9, 10), (0.999, 1000), (1.0, 100_000)];
        let points = modelled(&model, 2.0, LogAxis::around(1, 1000));
        assert_eq!(points.len(), 3);
        let (at, rarity) = points[2];
        // Halfway between one in ten and one in a thousand: one in a hundred, and 100 ns.
        assert!((at - 2.0 / 3.0).abs() < 1e-4 && rarity == 2.0, "{points:?}");
    }

    #[test]
    fn the_curve_rises_from_the_shortest_to_the_longest_in_a_few_hundred_points() {
        for n in [1u64, 2, 33, 100, 100_000] {
            let samples: Vec<Sample> = (1..=n).map(|took| Sample { at: 0, took }).collect();
            let points: Vec<(u64, f64)> = curve(&Sorted::of(&samples), 9.0).collect();
            assert!(points.is_sorted_by(|one, two| one.0 < two.0 && one.1 < two.1), "{n}");
            assert_eq!((points[0].0, points[points.len() - 1].0), (1, n));
            assert!(points.len() < 400, "{}", points.len());
            // Half of them took no longer than the median.
            let median = points.iter().find(|(took, _)| *took * 2 >= n).unwrap().1;
            assert!(n < 100 || (median - LOG10_2).abs() < 0.02, "{n}: {median}");
        }
    }
}
