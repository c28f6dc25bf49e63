//! A run with the state of the disk after every call that changed it: each is a point at which the power
//! may fail.

use super::SimDisk;
use super::calls::Call;
use super::crash::{CrashModel, CrashStates};
use super::state::State;
use super::world::Settings;

/// A recording under way.
#[derive(Clone, Debug)]
pub(super) struct Recorder {
    points: Vec<Point>,
    /// For each mark, the point at which it was made.
    marks: Vec<usize>,
}

/// The disk after a call.
#[derive(Clone, Debug)]
struct Point {
    /// `None` at the beginning.
    call: Option<Call>,
    text: String,
    state: State,
}

impl Recorder {
    pub(super) fn new(state: &State) -> Recorder {
        let start = Point { call: None, text: "the beginning".to_owned(), state: state.clone() };
        Recorder { points: vec![start], marks: Vec::new() }
    }

    pub(super) fn add(&mut self, call: Call, text: String, state: &State) {
        self.points.push(Point { call: Some(call), text, state: state.clone() });
    }

    pub(super) fn mark(&mut self) -> usize {
        self.marks.push(self.points.len() - 1);
        self.marks.len() - 1
    }

    pub(super) fn end(self, settings: Settings) -> Recording {
        Recording { points: self.points, marks: self.marks, settings }
    }
}

/// A run that was recorded: [`SimDisk::record`].
#[derive(Clone, Debug)]
pub struct Recording {
    points: Vec<Point>,
    marks: Vec<usize>,
    settings: Settings,
}

impl Recording {
    /// How many points there are: the beginning, and one after each call that changed anything.
    pub fn points(&self) -> usize {
        self.points.len()
    }

    /// What was called last before this point.
    pub fn after(&self, point: usize) -> &str {
        self.points.get(point).map_or("nothing", |point| point.text.as_str())
    }

    /// How many [marks](SimDisk::mark) had been made when the run was at this point: all that were made
    /// between the call before it and the call after it count.
    pub fn marks_at(&self, point: usize) -> usize {
        self.marks.iter().filter(|at| **at <= point).count()
    }

    /// Whether this is the last point before something becomes durable, or of all. Whatever a crash may
    /// leave at another point it may leave at the next of these too, unless states are capped.
    pub fn is_before_sync(&self, point: usize) -> bool {
        self.points.get(point + 1).is_none_or(|next| next.call.is_some_and(Call::is_sync))
    }

    /// The disk as it was at this point, with every program ended.
    pub fn disk_at(&self, point: usize) -> Option<SimDisk> {
        self.points.get(point).map(|point| SimDisk::of(self.settings.clone(), point.state.without_handles()))
    }

    /// What a crash at this point may leave: see [`SimDisk::crash_states`].
    pub fn crash_states(&self, point: usize, model: CrashModel, cap: usize) -> CrashStates {
        match self.points.get(point) {
            Some(at) => CrashStates::new(&self.settings, &at.state, model, cap, point as u64),
            None => CrashStates::none(&self.settings),
        }
    }
}
