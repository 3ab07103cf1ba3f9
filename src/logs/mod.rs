//! Factor XI: an app's output is a stream of events, and this room is where it lands.
//!
//! A keeper appends what its instance prints through a [`Writer`], one file per writer;
//! readers merge the files in time order. Nothing in here may block an app for good, let
//! an app forge a line that is not its own, or need the server to be alive.

mod backward;
mod cursor;
mod due;
mod filter;
mod follow;
mod framer;
mod label;
mod last;
mod line;
mod listing;
mod overflow;
mod part;
mod shown;
mod sink;
mod slot;
mod stamp;
mod tail;
mod watch;
mod writer;

pub use cursor::Cursor;
pub use filter::{Filter, Source};
pub use last::last;
pub use line::Line;
pub use listing::{owners, remove};
pub use tail::{Start, Tail};
pub use writer::{Writer, WriterSpec};

#[cfg(test)]
mod tests;
