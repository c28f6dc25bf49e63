//! A disk that crashes.
