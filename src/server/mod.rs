//! The control API: typed requests in, one call, typed answers out.

pub mod api;
