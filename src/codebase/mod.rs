//! A git revision → a source tree and its facts.

mod facts;

pub use facts::Facts;
