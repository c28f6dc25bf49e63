//! [`SpecMachine`]: any specification as a machine, its states numbered as they appear.

use std::collections::HashMap;

use super::machine::Machine;
use crate::check::spec::Spec;

/// The machine of a specification over calls with their answers.
pub(in crate::check) struct SpecMachine<'a, S: Spec> {
    spec: &'a S,
    calls: Vec<(&'a S::Call, Option<&'a S::Answer>)>,
    states: Vec<S::State>,
    numbers: HashMap<S::State, u32>,
}

impl<'a, S: Spec> SpecMachine<'a, S> {
    pub(in crate::check) fn new(
        spec: &'a S,
        calls: Vec<(&'a S::Call, Option<&'a S::Answer>)>,
    ) -> SpecMachine<'a, S> {
        SpecMachine { spec, calls, states: Vec::new(), numbers: HashMap::new() }
    }

    fn number(&mut self, state: S::State) -> u32 {
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as u32;
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}

impl<S: Spec> Machine for SpecMachine<'_, S> {
    fn initial(&mut self) -> u32 {
        let initial = self.spec.initial();
        self.number(initial)
    }

    fn step(&mut self, state: u32, item: usize) -> Option<u32> {
        let (call, answer) = self.calls[item];
        let before = &self.states[state as usize];
        let after = self.spec.step(before, call, answer)?;
        if after == *before {
            return Some(state);
        }
        Some(self.number(after))
    }

    fn only_reads(&self, item: usize) -> bool {
        let (call, answer) = self.calls[item];
        self.spec.only_reads(call, answer)
    }
}
