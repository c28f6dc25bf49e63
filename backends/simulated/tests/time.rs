//! Virtual time on every driver, and how runs end that would not.

#![expect(clippy::disallowed_methods, reason = "some of these simulations have real threads beside them")]

mod time {
    mod drivers;
    mod instants;
    mod real;
    mod schedules;
    mod stalls;
}
