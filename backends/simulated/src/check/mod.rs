//! Whether a history is linearizable.
