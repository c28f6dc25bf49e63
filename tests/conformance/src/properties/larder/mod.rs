//! Properties of the whole: what an application sees through [`Larder`](larder::Larder).

pub mod binaries;
pub mod closing;
pub mod damage;
pub mod documents;
pub mod dropping;
pub mod durable;
pub mod entries;
pub mod hooks;
pub mod kinds;
pub mod limits;
pub mod logs;
pub mod meta;
pub mod model;
pub mod multi;
pub mod paths;
pub mod updates;
