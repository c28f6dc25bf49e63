//! What happened, for people to look at.
