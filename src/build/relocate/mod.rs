//! Installations of this server, copied so that they run at another place for another user.

mod python;
mod rust;

pub use python::python;
pub use rust::rust;
