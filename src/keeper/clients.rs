//! The keeper's end of the control socket. A client that does not read is dropped, never
//! waited for.

use super::named;
use super::protocol::{MOST_BYTES, encode};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType};
use serde::Serialize;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

const MOST_CLIENTS: usize = 64;

/// A socket that only its owner can connect to.
pub fn listen(path: &Path) -> io::Result<OwnedFd> {
    let failed = |error: Errno| named(path, error.into());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let kind = SocketType::SEQPACKET;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, kind, flags, None)?;
    let address = SocketAddrUnix::new(path).map_err(failed)?;
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(named(path, error)),
        _ => {}
    }
    rustix::net::bind(&socket, &address).map_err(failed)?;
    rustix::net::listen(&socket, MOST_CLIENTS as i32).map_err(failed)?;
    Ok(socket)
}

pub struct Clients {
    listener: OwnedFd,
    all: Vec<OwnedFd>,
}

impl Clients {
    pub fn new(listener: OwnedFd) -> Clients {
        Clients { listener, all: Vec::new() }
    }

    pub fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    pub fn iter(&self) -> impl Iterator<Item = &OwnedFd> {
        self.all.iter()
    }

    pub fn accept(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        while let Ok(client) = rustix::net::accept_with(&self.listener, flags) {
            if self.all.len() < MOST_CLIENTS {
                self.all.push(client);
            }
        }
    }

    /// The next message of a client; `None` when it has none; an error when it is gone.
    pub fn receive(&self, index: usize) -> Result<Option<Vec<u8>>, Errno> {
        let Some(client) = self.all.get(index) else { return Ok(None) };
        let mut bytes = vec![0u8; MOST_BYTES];
        match rustix::net::recv(client, &mut bytes[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) => Err(Errno::CONNRESET),
            Ok((count, _)) => {
                bytes.truncate(count);
                Ok(Some(bytes))
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// False when the client was dropped for it.
    pub fn send(&mut self, index: usize, message: &impl Serialize) -> bool {
        let sent = self.all.get(index).is_some_and(|client| deliver(client, &encode(message)));
        if !sent {
            self.drop(index);
        }
        sent
    }

    /// How many clients it reached.
    pub fn tell_all(&mut self, message: &impl Serialize) -> usize {
        let bytes = encode(message);
        self.all.retain(|client| deliver(client, &bytes));
        self.all.len()
    }

    pub fn drop(&mut self, index: usize) {
        if index < self.all.len() {
            self.all.remove(index);
        }
    }
}

fn deliver(client: &OwnedFd, bytes: &[u8]) -> bool {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::send(client, bytes, flags).is_ok()
}
