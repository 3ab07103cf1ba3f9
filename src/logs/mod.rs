//! Factor XI: an app's output is a stream of events, and this room is where it lands.
//!
//! A keeper appends what its instance prints through a [`Writer`], one file per writer;
//! readers merge the files in time order. Nothing in here may block an app for good, let
//! an app forge a line that is not its own, or need the server to be alive.

mod framer;
mod label;
mod line;
mod overflow;
mod part;
mod sink;
mod slot;
mod stamp;
mod writer;

pub use line::Line;
pub use writer::{Writer, WriterSpec};
