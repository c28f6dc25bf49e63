//! What other rooms keep with a run: recorders, histories, reports.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// One value of each type.
///
/// A value that owns the run's [`Context`](super::Context) would keep both alive for ever; what needs the
/// context takes it as an argument.
#[derive(Clone, Default)]
pub struct Extensions(Arc<Mutex<BTreeMap<TypeId, Arc<dyn Any + Send + Sync>>>>);

impl Extensions {
    /// The value of this type; made by `make` if there is none yet.
    pub fn get_or_insert_with<T: Send + Sync + 'static>(&self, make: impl FnOnce() -> T) -> Arc<T> {
        if let Some(value) = self.get() {
            return value;
        }
        // Made outside the lock: it may ask for others.
        let made: Arc<dyn Any + Send + Sync> = Arc::new(make());
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = Arc::clone(map.entry(TypeId::of::<T>()).or_insert(made));
        drop(map);
        match value.downcast() {
            Ok(value) => value,
            Err(_) => unreachable!("values stand under their own types"),
        }
    }

    /// The value of this type, if there is one.
    pub fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.get(&TypeId::of::<T>())?).downcast().ok()
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extensions({})", self.0.lock().unwrap_or_else(PoisonError::into_inner).len())
    }
}
