//! The spine, end to end: the real binary, real git, real processes, real sockets.

mod app_json;
mod config;
mod deploy;
mod export;
mod failing;
mod formation;
mod gapless;
mod homes;
mod logs;
mod one_off;
mod plans;
mod promote;
mod refused;
mod retention;
mod rollback;
mod survival;
mod turns;
mod verify;
