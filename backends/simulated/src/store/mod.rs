//! A backend behind latency and faults.
