//! Documents against a model: splicing, encoding, decoding, and bytes that are none.

#[path = "documents/decoding.rs"]
mod decoding;
#[path = "documents/hostile.rs"]
mod hostile;
#[path = "../fuzz/fuzz_targets/model.rs"]
mod model;
#[path = "documents/splicing.rs"]
mod splicing;
mod values;
