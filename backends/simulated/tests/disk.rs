//! The simulated disk: the same as a real one as long as nothing goes wrong, and what goes wrong.

#[path = "disk/crashes.rs"]
mod crashes;
#[path = "disk/differential.rs"]
mod differential;
#[path = "disk/faults.rs"]
mod faults;
#[path = "disk/processes.rs"]
mod processes;
#[path = "disk/protocols.rs"]
mod protocols;
