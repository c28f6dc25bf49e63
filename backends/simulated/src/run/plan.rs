//! What a run is going to do, as lists that can be stored, replayed, and cut down.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Lists by name: the operations of a workload, the faults, and whatever else a run asked for by
/// [`Context::plan`](super::Context::plan). Items are JSON; those with a field `client` or `key` are also cut
/// down by it.
pub type Plan = BTreeMap<String, Vec<Value>>;

/// The plan of a run: given, or noted down as it is asked for.
#[derive(Debug, Default)]
pub(super) struct Plans {
    given: Option<Plan>,
    noted: Option<Mutex<Plan>>,
}

impl Plans {
    /// A run with this plan, or with one of its own, which is noted down if it is asked for afterwards.
    pub(super) fn new(given: Option<Plan>, note: bool) -> Plans {
        Plans { given, noted: note.then(Mutex::default) }
    }

    /// The list of this name: the given one, or what is generated.
    pub(super) fn list<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        generate: impl FnOnce() -> Vec<T>,
    ) -> serde_json::Result<Vec<T>> {
        let items = self.given(name).unwrap_or_else(|| Ok(generate()))?;
        self.note(name, &items)?;
        Ok(items)
    }

    /// The list of this name that was given.
    pub(super) fn given<T: DeserializeOwned>(&self, name: &str) -> Option<serde_json::Result<Vec<T>>> {
        let items = self.given.as_ref()?.get(name)?;
        Some(items.iter().map(T::deserialize).collect())
    }

    /// Notes a list down.
    pub(super) fn note<T: Serialize>(&self, name: &str, items: &[T]) -> serde_json::Result<()> {
        if let Some(noted) = &self.noted {
            let values = items.iter().map(serde_json::to_value).collect::<serde_json::Result<_>>()?;
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), values);
        }
        Ok(())
    }

    /// What was noted down.
    pub(super) fn noted(&self) -> Plan {
        let noted = self.noted.as_ref();
        noted.map(|noted| noted.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}
