//! Small apps of each language and package manager, built with the real tools.

mod node;
mod python;
mod rust;
