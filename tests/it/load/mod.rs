//! Visitors who never stop coming, of every kind that a change of the platform could break,
//! at an app that closes its connections when it suits nobody. What counts as failed:
//!
//! - an answer that is not 200, not whole, or of a release that had no right to it;
//! - a connection that ends in place of an answer, unless an answer had said so before;
//! - a `POST` that was answered and done twice, or answered and not done;
//! - a WebSocket that ends without a closing frame, or says back what nobody said.

mod app;
mod changes;
mod post;
mod tally;
mod timeline;
mod upload;
mod visitor;
mod visitors;
mod websocket;

pub use app::deployed;
pub use timeline::Timeline;
pub use visitor::Kind;
pub use visitors::Visitors;
