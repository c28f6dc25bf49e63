//! The tools: damaged stores of several kinds are verified, which names the damage, and repaired, which saves
//! everything that was not damaged and nothing that is wrong.

mod ahead;
mod damage;
mod dump;
mod every_bit;
mod open_elsewhere;
mod repairs;
mod stats;
mod support;
