//! Says to systemd when a service serves, so that what depends on it, and whoever ordered its
//! start, waits for that and not for a process that has only begun.

use super::log::Log;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

/// `socket`: where systemd hears, if it started us.
pub fn ready(socket: Option<&Path>, log: Log) {
    if let Some(socket) = socket
        && let Err(error) = send(socket.as_os_str(), b"READY=1")
    {
        log.warn(&format!("cannot tell systemd that the server serves: {error}"));
    }
}

/// A name that begins with `@` stands in no file system.
pub fn send(socket: &OsStr, said: &[u8]) -> io::Result<()> {
    let address = match socket.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(said, &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives_at_a_path_and_at_an_abstract_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("xii-test-{}", std::process::id());
        let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
        let heard = [
            (path.as_os_str().to_owned(), UnixDatagram::bind(&path).unwrap()),
            (format!("@{name}").into(), UnixDatagram::bind_addr(&abstract_name).unwrap()),
        ];
        for (socket, hears) in heard {
            send(&socket, b"READY=1").unwrap();
            let mut said = [0; 16];
            assert_eq!(hears.recv(&mut said).unwrap(), 7);
        }
    }
}
