//! The conformance suite of larder: what every backend must do, as tests.
//!
//! A backend's author adds this crate as a dev-dependency, implements [`Harness`] (how a store is
//! opened, how a future is run) and writes one line: [`conformance_tests!`]. That makes one named
//! `#[test]` per property. A new version of this crate may bring new ones.
//!
//! The suite is driven by the backend's [`Capabilities`](larder::Capabilities): what is claimed
//! must work, and what is not claimed must answer `Unsupported`. It brings no runtime: the harness
//! runs every future. Properties that draw random numbers print their seed; set `LARDER_SEED` to it
//! to see the same run again.

#![forbid(unsafe_code)]

mod handle;
mod harness;
mod keys;
mod list;
mod race;
mod random;
mod states;
mod value;
mod watchdog;

pub mod properties {
    //! The properties, one function each. [`conformance_tests!`](crate::conformance_tests) calls them.

    pub mod backend;
    pub mod larder;
}

pub use harness::{Harness, Tamper};
pub use list::{Property, all_properties};
#[doc(hidden)]
pub use watchdog::__check;
