//! Which ports the processes of a cgroup may bind: of those that xii gives out, their own one
//! and no other. Else an app could wait for another one to restart, take its port, and be
//! sent its requests. The kernel asks a program of ours at each bind; it is so small that it
//! is written here as the kernel reads it.

use super::step::{Result, at};
use super::sys;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::path::Path;

/// What homes give out on this host, whichever home.
const GIVEN_OUT: RangeInclusive<u16> = 20_000..=29_999;

/// The two places where the kernel asks: binds of IPv4 and of IPv6 sockets.
const BINDS: [u32; 2] = [8, 9];

const LOAD_WORD: u8 = 0x61;
const TO_BIG_ENDIAN: u8 = 0xdc;
const SET: u8 = 0xb7;
const JUMP_IF_EQUAL: u8 = 0x15;
const JUMP_IF_GREATER: u8 = 0x25;
const JUMP_IF_LESS: u8 = 0xa5;
const EXIT: u8 = 0x95;

/// Where `struct bpf_sock_addr` has the port, in the order of the network.
const PORT_OFFSET: i16 = 24;

/// Holds every process in the cgroup, now and later, to its own port. It ends with the cgroup.
pub fn guard(cgroup: &Path, own: Option<u16>) -> Result<()> {
    let step = || format!("guard the ports of {}", cgroup.display());
    let folder = at(std::fs::File::open(cgroup), step)?;
    let program = program(own);
    without_memory_lock_limit(|| {
        for place in BINDS {
            let loaded = at(sys::load_bind_program(&program, place), step)?;
            at(sys::attach_to_cgroup(folder.as_fd(), loaded.as_fd(), place), step)?;
        }
        Ok(())
    })
}

/// Kernels before 5.11 count programs as locked memory of the user, of which few have enough
/// for many. Where the limit may not be raised, it stays.
fn without_memory_lock_limit<T>(work: impl FnOnce() -> T) -> T {
    let limit = getrlimit(Resource::Memlock);
    let _ = setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None });
    let done = work();
    let _ = setrlimit(Resource::Memlock, limit);
    done
}

/// One for allowed, zero for refused.
fn program(own: Option<u16>) -> Vec<u64> {
    let (first, last) = (i32::from(*GIVEN_OUT.start()), i32::from(*GIVEN_OUT.end()));
    // No port is 0 here, so without an own one nothing is equal to it.
    let own = i32::from(own.unwrap_or(0));
    let (answer, context, port) = (0, 1, 2);
    vec![
        instruction(LOAD_WORD, port, context, PORT_OFFSET, 0),
        instruction(TO_BIG_ENDIAN, port, 0, 0, 16),
        instruction(SET, answer, 0, 0, 1),
        instruction(JUMP_IF_LESS, port, 0, 3, first),
        instruction(JUMP_IF_GREATER, port, 0, 2, last),
        instruction(JUMP_IF_EQUAL, port, 0, 1, own),
        instruction(SET, answer, 0, 0, 0),
        instruction(EXIT, 0, 0, 0, 0),
    ]
}

/// As `struct bpf_insn` lies in memory, on machines of either order.
fn instruction(code: u8, target: u8, source: u8, offset: i16, value: i32) -> u64 {
    let registers = match cfg!(target_endian = "little") {
        true => (source << 4) | target,
        false => (target << 4) | source,
    };
    let [o0, o1] = offset.to_ne_bytes();
    let [v0, v1, v2, v3] = value.to_ne_bytes();
    u64::from_ne_bytes([code, registers, o0, o1, v0, v1, v2, v3])
}
