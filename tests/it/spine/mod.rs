//! The spine, end to end: the real binary, real git, real processes, real sockets.

mod survival;
