//! [`Model`]: what a history is a history of.

use std::fmt;
use std::str::FromStr;

use crate::history::{Answer, Call, History};

/// What a history is a history of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Model {
    /// A store, as larder promises it: [`Entry`](super::Entry) for each key, batches, listings.
    #[default]
    Larder,
    /// For each key a register with read and write.
    Register,
    /// For each key a register with read, write and compare-and-set: [`CasRegister`](super::CasRegister).
    CasRegister,
    /// For each key a counter: [`Counter`](super::Counter).
    Counter,
    /// For each key a log: [`AppendLog`](super::AppendLog).
    Log,
    /// For each key a text that is appended to: [`Text`](super::Text).
    Text,
}

impl Model {
    /// All models with their names.
    pub const ALL: [(&'static str, Model); 6] = [
        ("larder", Model::Larder),
        ("register", Model::Register),
        ("cas-register", Model::CasRegister),
        ("counter", Model::Counter),
        ("log", Model::Log),
        ("text", Model::Text),
    ];

    /// The model that a history seems to be of: [`Text`](Model::Text) if some key is both read whole and
    /// appended to, [`Larder`](Model::Larder) otherwise, which covers all but counters of unknown effect.
    pub fn of(history: &History) -> Model {
        let appended: std::collections::BTreeSet<_> = history
            .operations()
            .iter()
            .filter_map(|operation| match &operation.call {
                Call::Append(key, _) => Some(key),
                _ => None,
            })
            .collect();
        let reads_text =
            history.operations().iter().any(|operation| match (&operation.call, operation.answer()) {
                (Call::Get(key), Some(Answer::Value(Some(value)))) => {
                    appended.contains(key) && value.decode::<String>().is_ok()
                }
                _ => false,
            });
        if reads_text { Model::Text } else { Model::Larder }
    }

    /// Whether the model knows this call.
    pub fn knows(self, call: &Call) -> bool {
        match self {
            Model::Larder => true,
            Model::Register => matches!(call, Call::Get(_) | Call::Assoc(..)),
            Model::CasRegister => matches!(call, Call::Get(_) | Call::Assoc(..) | Call::CompareAndSet { .. }),
            Model::Counter => matches!(call, Call::Get(_) | Call::UpdateIn(..)),
            Model::Log => matches!(call, Call::Append(..) | Call::Log(_)),
            Model::Text => matches!(call, Call::Get(_) | Call::Assoc(..) | Call::Append(..)),
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Model::ALL.iter().find(|(_, model)| model == self);
        f.write_str(name.map_or("", |(name, _)| name))
    }
}

impl FromStr for Model {
    type Err = String;

    fn from_str(text: &str) -> Result<Model, String> {
        let found = Model::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, model)| *model).ok_or_else(|| {
            let names: Vec<&str> = Model::ALL.iter().map(|(name, _)| *name).collect();
            format!("there is no model {text:?}, only {}", names.join(", "))
        })
    }
}
