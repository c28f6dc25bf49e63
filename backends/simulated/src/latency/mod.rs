//! How long things take.
