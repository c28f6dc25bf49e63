//! What was called, and what came back.
