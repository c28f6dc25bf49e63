//! All that a crash may leave: names and data, as the model allows, each state once.

mod data;
mod journal;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::SimDisk;
use super::state::{Dir, File, Ino, Node, ROOT, State};
use super::world::Settings;
use crate::draw::below;

use data::{Variant, Variants};
use journal::{Journal, Kept, Namespace};

/// What may survive a crash. In all of them, what a sync has made durable does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CrashModel {
    /// No power cut: every process is killed, and all that was written is still there, though not
    /// durable yet. One state.
    Killed,
    /// Everything that was not synced is lost. One state. Misses what goes wrong because something
    /// was not lost.
    AllLost,
    /// What ext4 does in its default mode: names change in the order of the calls, so a crash leaves a
    /// beginning of them; a sync of a file that has grown makes all names durable; data that is appended
    /// is written before the length that covers it, but later than the name, if nobody syncs (the
    /// heuristics of ext4 for replacing by rename are not counted on); sectors that are overwritten are
    /// written or not.
    Ordered,
    /// Whatever the calls do not rule out: any of the changes of names, where each entry goes through its
    /// states in order and a rename is whole; any of the sectors; any length that the file had. A length
    /// without data is zeros or garbage. A file's sync makes its data durable, not its name.
    Adversarial,
}

impl CrashModel {
    /// The three in which the power fails.
    pub const POWER_CUTS: [CrashModel; 3] =
        [CrashModel::AllLost, CrashModel::Ordered, CrashModel::Adversarial];
}

/// A state to be: which changes of names are kept, and which variant of each file.
type Choice = (Kept, BTreeMap<Ino, Variant>);

/// All that a crash may leave, as disks of their own: [`SimDisk::crash_states`].
#[derive(Debug)]
pub struct CrashStates {
    settings: Settings,
    state: State,
    model: CrashModel,
    choices: std::vec::IntoIter<(u64, Choice)>,
    capped: bool,
    digest: u64,
}

impl CrashStates {
    pub(super) fn none(settings: &Settings) -> CrashStates {
        let state = State::new(1);
        let choices = Vec::new().into_iter();
        CrashStates {
            settings: settings.clone(),
            state,
            model: CrashModel::Killed,
            choices,
            capped: false,
            digest: 0,
        }
    }

    pub(super) fn new(
        settings: &Settings,
        state: &State,
        model: CrashModel,
        cap: usize,
        salt: u64,
    ) -> CrashStates {
        let state = state.without_handles();
        let mut states = Enumeration::new(&state, model, cap.max(1));
        let capped = match model {
            CrashModel::Killed => {
                states.found.push((0, (Vec::new(), BTreeMap::new())));
                false
            }
            _ => {
                !states.all() && {
                    states.sample(settings.draws.domain("crash").of(salt));
                    true
                }
            }
        };
        let choices = std::mem::take(&mut states.found).into_iter();
        drop(states);
        CrashStates { settings: settings.clone(), state, model, choices, capped, digest: 0 }
    }

    /// Whether these may be a part of all states: there are more than the cap, or too many ways to come to
    /// them to go through all.
    pub fn is_capped(&self) -> bool {
        self.capped
    }

    /// What tells the last state from others: equal for equal contents.
    pub(super) fn digest(&self) -> Option<u64> {
        (self.model != CrashModel::Killed).then_some(self.digest)
    }
}

impl Iterator for CrashStates {
    type Item = SimDisk;

    fn next(&mut self) -> Option<SimDisk> {
        let (digest, choice) = self.choices.next()?;
        self.digest = digest;
        let state = match self.model {
            CrashModel::Killed => self.state.clone(),
            model => image(&self.state, model, &choice),
        };
        Some(SimDisk::of(self.settings.clone(), state))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.choices.size_hint()
    }
}

impl ExactSizeIterator for CrashStates {}

/// The files of a set of names that are not certain.
fn uncertain(state: &State, names: &Namespace) -> Vec<Ino> {
    let mut found = Vec::new();
    journal::walk(state, names, &mut |_, ino| {
        if let Some(ino) = ino
            && state.file(ino).is_some_and(|file| !file.steps.is_empty())
        {
            found.push(ino);
        }
    });
    found.sort_unstable();
    found.dedup();
    found
}

/// The search for all states, or for some.
struct Enumeration<'a> {
    state: &'a State,
    model: CrashModel,
    cap: usize,
    variants: BTreeMap<Ino, Variants>,
    /// The digest of each variant of a file so far.
    digests: BTreeMap<(Ino, Variant), u64>,
    seen: BTreeSet<u64>,
    found: Vec<(u64, Choice)>,
}

impl<'a> Enumeration<'a> {
    fn new(state: &'a State, model: CrashModel, cap: usize) -> Enumeration<'a> {
        let (variants, digests) = Default::default();
        Enumeration { state, model, cap, variants, digests, seen: BTreeSet::new(), found: Vec::new() }
    }

    fn variants(&mut self, ino: Ino) -> &Variants {
        let (state, model) = (self.state, self.model);
        self.variants.entry(ino).or_insert_with(|| match state.file(ino) {
            Some(file) => Variants::new(file, model),
            None => Variants::new(&File::empty(state.sector), model),
        })
    }

    /// Finds all states. `false` if there are more than the cap, or too many ways to come to them.
    fn all(&mut self) -> bool {
        let most = self.cap.saturating_mul(8).max(4096);
        let Some(sets) = Journal::new(self.state, self.model).all(most) else { return false };
        let mut ways = 0u128;
        for kept in sets {
            let names = journal::namespace(self.state, &kept);
            let files = uncertain(self.state, &names);
            let counts: Vec<u128> = files.iter().map(|ino| self.variants(*ino).count()).collect();
            let count = counts.iter().fold(1u128, |all, count| all.saturating_mul(*count));
            ways = ways.saturating_add(count);
            if ways > most as u128 || files.iter().any(|ino| self.variants(*ino).is_thinned()) {
                return false;
            }
            for mut number in 0..count {
                let mut variants = BTreeMap::new();
                for (ino, count) in files.iter().zip(&counts) {
                    variants.insert(*ino, self.variants(*ino).numbered(number % count));
                    number /= count;
                }
                self.add(&kept, &names, variants);
                if self.found.len() > self.cap {
                    return false;
                }
            }
        }
        true
    }

    /// Finds as many states as the cap allows: first the most telling, then some by chance.
    fn sample(&mut self, draws: crate::draw::Draws) {
        self.seen.clear();
        self.found.clear();
        let journal = Journal::new(self.state, self.model);
        let mut telling = journal.telling();
        // None and all come first, the others in any order, since there may be room for some only.
        let count = telling.len() as u64;
        for at in 2..telling.len() {
            let other = at as u64 + below(draws.domain("order").at(at as u64), count - at as u64);
            telling.swap(at, other as usize);
        }
        let half = self.cap.div_ceil(2);
        for (at, kept) in telling.iter().enumerate() {
            let names = journal::namespace(self.state, kept);
            let files = uncertain(self.state, &names);
            let most = if at < 2 { usize::MAX } else { 2 };
            let lists: Vec<Vec<Variant>> = files.iter().map(|ino| self.variants(*ino).telling()).collect();
            let longest = lists.iter().map(Vec::len).max().unwrap_or(1).min(most);
            for step in 0..longest {
                let pick = |list: &Vec<Variant>| list[step % list.len()].clone();
                let variants = files.iter().zip(&lists).map(|(ino, list)| (*ino, pick(list))).collect();
                self.add(kept, &names, variants);
                if self.found.len() >= half {
                    break;
                }
            }
            if self.found.len() >= half {
                break;
            }
        }
        for n in 0..self.cap as u64 * 4 {
            if self.found.len() >= self.cap {
                break;
            }
            let draws = draws.domain("chance").of(n);
            let kept = journal.by_chance(draws);
            let names = journal::namespace(self.state, &kept);
            let mut variants = BTreeMap::new();
            for ino in uncertain(self.state, &names) {
                variants.insert(ino, self.variants(ino).by_chance(draws.of(ino)));
            }
            self.add(&kept, &names, variants);
        }
    }

    /// Adds a state, unless one with the same content is there.
    fn add(&mut self, kept: &Kept, names: &Namespace, variants: BTreeMap<Ino, Variant>) {
        let mut hasher = DefaultHasher::new();
        journal::walk(self.state, names, &mut |name, ino| {
            name.hash(&mut hasher);
            match ino {
                None => hasher.write_u8(0),
                Some(ino) if self.state.is_dir(ino) => hasher.write_u8(1),
                Some(ino) => {
                    let variant = variants.get(&ino).cloned().unwrap_or_default();
                    let digest = *self.digests.entry((ino, variant)).or_insert_with_key(|(_, variant)| {
                        let mut hasher = DefaultHasher::new();
                        match (self.variants.get(&ino), self.state.file(ino)) {
                            (Some(variants), _) => variants.content(variant).hash(&mut hasher),
                            (None, Some(file)) => file.durable.hash(&mut hasher),
                            (None, None) => {}
                        }
                        hasher.finish()
                    });
                    hasher.write_u64(digest);
                }
            }
        });
        let digest = hasher.finish();
        if self.seen.insert(digest) {
            self.found.push((digest, (kept.clone(), variants)));
        }
    }
}

/// The disk that a choice leaves: only what can be come to, and nothing on its way.
fn image(state: &State, model: CrashModel, (kept, variants): &Choice) -> State {
    let names = journal::namespace(state, kept);
    let mut nodes = BTreeMap::new();
    let mut add = |ino: Ino| {
        let node = match state.nodes.get(&ino).map(|node| &**node) {
            Some(Node::Dir(dir)) => {
                let names = names.get(&ino).unwrap_or(&dir.durable);
                Node::Dir(Dir { live: Arc::clone(names), durable: Arc::clone(names) })
            }
            Some(Node::File(file)) => {
                let content = match variants.get(&ino) {
                    Some(variant) => Variants::new(file, model).content(variant),
                    None => file.durable.clone(),
                };
                Node::File(File { live: content.clone(), durable: content, steps: Vec::new() })
            }
            None => return,
        };
        nodes.insert(ino, Arc::new(node));
    };
    add(ROOT);
    journal::walk(state, &names, &mut |_, ino| {
        if let Some(ino) = ino {
            add(ino);
        }
    });
    State::of_nodes(state.sector, nodes)
}
