//! Whole builds, one file per language: real tools, real packages.

mod python;
mod rust;
