//! Whole builds, one file per language: real tools, real packages.

mod rust;
