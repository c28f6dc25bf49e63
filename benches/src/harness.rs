//! The harness: contenders measured side by side. Every round runs each contender once, in an order
//! that is rotated from round to round, so that whatever the machine does meanwhile hits all of them.
//! Of the rounds, those count during which others used the machine least.

use std::fmt;

use crate::time::{Clock, Guard, Sample};

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// So many rounds count.
    pub rounds: usize,
    /// So many rounds are run at the most to find quiet ones.
    pub most_rounds: usize,
    /// What divides the operations per sample.
    pub divide: u64,
}

impl Effort {
    /// For a table that is kept.
    pub const FULL: Effort = Effort { rounds: 11, most_rounds: 17, divide: 1 };
    /// To see whether everything runs.
    pub const QUICK: Effort = Effort { rounds: 3, most_rounds: 3, divide: 10 };

    /// The same with more rounds, for rows whose samples are short and wait for a disk that is never twice the same.
    #[must_use]
    pub fn more(self) -> Effort {
        let times = if self.rounds < Effort::FULL.rounds { 1 } else { 4 };
        Effort { rounds: self.rounds * times, most_rounds: self.most_rounds * times, ..self }
    }

    /// The same with fewer rounds, for rows whose samples are long or whose effect is large.
    #[must_use]
    pub fn fewer(self) -> Effort {
        Effort { rounds: self.rounds.min(7), most_rounds: self.most_rounds.min(12), ..self }
    }

    /// The same with as few rounds as give a median, for samples of seconds.
    #[must_use]
    pub fn fewest(self) -> Effort {
        Effort { rounds: 3, most_rounds: 4, ..self }
    }

    /// The same with at most so many rounds, and half as many again to find quiet ones.
    #[must_use]
    pub fn rounds(self, rounds: usize) -> Effort {
        let rounds = self.rounds.min(rounds);
        Effort { rounds, most_rounds: self.most_rounds.min(rounds + rounds / 2), ..self }
    }

    /// The same with at most so many rounds, quiet or not, for rounds that take minutes.
    #[must_use]
    pub fn exactly(self, rounds: usize) -> Effort {
        let rounds = self.rounds.min(rounds);
        Effort { rounds, most_rounds: rounds, ..self }
    }

    /// So many operations per sample, or the share of them that this effort allows.
    pub fn operations(&self, full: u64) -> u64 {
        (full / self.divide).max(1)
    }
}

/// A share of the machine up to which others do not count as a disturbance.
const QUIET: f64 = 0.05;

type Run<'a> = Box<dyn FnMut(Clock) -> Sample + 'a>;

struct Contender<'a> {
    name: String,
    terms: &'static str,
    run: Run<'a>,
}

/// One row of contenders that do the same job.
pub struct Contest<'a> {
    title: String,
    clock: Clock,
    contenders: Vec<Contender<'a>>,
}

/// What came of one contender.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// What it promises when it has answered.
    pub terms: &'static str,
    /// Median over the rounds, in nanoseconds per operation.
    pub median_ns: f64,
    /// The least of the rounds, in nanoseconds per operation: what is left if nobody disturbs.
    pub best_ns: f64,
    /// Half the distance of the quartiles, as a share of the median.
    pub spread: f64,
    /// Nanoseconds per operation, one for each round that counts.
    rounds: Vec<f64>,
}

/// What came of a contest.
#[derive(Clone, Debug)]
pub struct Outcomes {
    /// What was measured.
    pub title: String,
    /// In what.
    pub clock: Clock,
    /// The share of the machine that others used during the rounds that count, at the median.
    pub others: f64,
    /// How many rounds count.
    pub rounds: usize,
    /// The contenders in the order in which they were named.
    pub contenders: Vec<Outcome>,
}

impl<'a> Contest<'a> {
    /// A contest without contenders yet.
    pub fn new(title: impl Into<String>, clock: Clock) -> Contest<'a> {
        Contest { title: title.into(), clock, contenders: Vec::new() }
    }

    /// Adds a contender: its name, its terms of durability (empty where there is no such question),
    /// and what runs one sample of it, timed by the clock that it gets.
    #[must_use]
    pub fn contender(
        mut self,
        name: impl Into<String>,
        terms: &'static str,
        run: impl FnMut(Clock) -> Sample + 'a,
    ) -> Contest<'a> {
        self.contenders.push(Contender { name: name.into(), terms, run: Box::new(run) });
        self
    }

    /// Adds a contender that could not be measured.
    #[must_use]
    pub fn absent(self, name: impl Into<String>) -> Contest<'a> {
        self.contender(name, "", |_| Sample::NONE)
    }

    /// Runs one round to warm up, and then those that count.
    pub fn run(self, effort: Effort) -> Outcomes {
        self.run_from(0, effort)
    }

    /// Runs the rounds that count at once, for work that begins anew each time.
    pub fn run_cold(self, effort: Effort) -> Outcomes {
        self.run_from(1, effort)
    }

    /// Round 0 does not count.
    fn run_from(mut self, first: usize, effort: Effort) -> Outcomes {
        eprintln!("{} ...", self.title);
        let count = self.contenders.len();
        let mut rounds: Vec<(f64, Vec<f64>)> = Vec::new();
        for round in first..=effort.most_rounds {
            let guard = Guard::begin();
            let mut measured = vec![0.0; count];
            for turn in 0..count {
                let at = (turn + round) % count;
                measured[at] = (self.contenders[at].run)(self.clock).nanos();
            }
            if round > 0 {
                rounds.push((guard.others(), measured));
            }
            if rounds.iter().filter(|(others, _)| *others <= QUIET).count() >= effort.rounds {
                break;
            }
        }
        rounds.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        rounds.truncate(effort.rounds);
        let others = median(&mut rounds.iter().map(|(others, _)| *others).collect::<Vec<_>>());
        let contenders = self.contenders.into_iter().enumerate().map(|(at, contender)| {
            let samples: Vec<f64> = rounds.iter().map(|(_, measured)| measured[at]).collect();
            Outcome::new(contender.name, contender.terms, samples)
        });
        Outcomes {
            title: self.title,
            clock: self.clock,
            others,
            rounds: rounds.len(),
            contenders: contenders.collect(),
        }
    }
}

impl Outcome {
    fn new(name: String, terms: &'static str, rounds: Vec<f64>) -> Outcome {
        let mut sorted = rounds.clone();
        let median_ns = median(&mut sorted);
        let (low, high) = (sorted[sorted.len() / 4], sorted[sorted.len() * 3 / 4]);
        let best_ns = sorted[0];
        Outcome { name, terms, median_ns, best_ns, spread: (high - low) / 2.0 / median_ns, rounds }
    }
}

impl Outcomes {
    /// The outcome of the contender of this name.
    pub fn of(&self, name: &str) -> Option<&Outcome> {
        self.contenders.iter().find(|contender| contender.name == name)
    }

    /// How many times longer `one` took than `other`: the median of the ratios round by round, which
    /// a machine that is slower in some rounds does not move. NaN if either is not there.
    pub fn ratio(&self, one: &str, other: &str) -> f64 {
        let (Some(one), Some(other)) = (self.of(one), self.of(other)) else { return f64::NAN };
        median(&mut one.rounds.iter().zip(&other.rounds).map(|(one, other)| one / other).collect::<Vec<_>>())
    }
}

/// A sample of so many operations within one `block_on`, as a task of a program would run them.
pub fn looped<F: Future>(clock: Clock, operations: u64, mut each: impl FnMut() -> F) -> Sample {
    clock.time(operations, || {
        pollster::block_on(async {
            for _ in 0..operations {
                drop(std::hint::black_box(each().await));
            }
        });
    })
}

/// A sample of so many operations, one after the other.
pub fn repeated<T>(clock: Clock, operations: u64, mut each: impl FnMut() -> T) -> Sample {
    clock.time(operations, || (0..operations).for_each(|_| drop(std::hint::black_box(each()))))
}

/// Sorts, and takes the one in the middle; NaN of nothing.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    match (values.len(), values.len() / 2) {
        (0, _) => f64::NAN,
        (len, middle) if len % 2 == 1 => values[middle],
        (_, middle) => (values[middle - 1] + values[middle]) / 2.0,
    }
}

impl fmt::Debug for Contest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contest({}, {} contenders)", self.title, self.contenders.len())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_round_runs_each_contender_once_in_rotated_order() {
        let order = RefCell::new(String::new());
        let run = |name: char, nanos: u64| {
            let order = &order;
            move |_: Clock| {
                order.borrow_mut().push(name);
                Sample::new(1, Duration::from_nanos(nanos))
            }
        };
        let effort = Effort { rounds: 2, most_rounds: 2, divide: 1 };
        let outcomes = Contest::new("t", Clock::Wall)
            .contender("a", "", run('a', 10))
            .contender("b", "", run('b', 30))
            .contender("c", "", run('c', 20))
            .run(effort);
        assert_eq!(order.borrow().as_str(), "abcbcacab");
        assert!((outcomes.ratio("b", "a") - 3.0).abs() < 1e-9);
        assert!(outcomes.of("c").is_some_and(|c| (c.median_ns - 20.0).abs() < 1e-9));
        assert!(outcomes.ratio("a", "nobody").is_nan());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&mut []).is_nan());
    }
}
