//! Who listens on a port: an answer that comes from a stranger's socket says nothing about
//! the instance the port was given to.

/// The sockets that listen on TCP ports of this machine, as the kernel lists them.
const TABLES: [&str; 2] = ["/proc/net/tcp", "/proc/net/tcp6"];
const LISTEN: &str = "0A";

/// A user other than `uid` that listens on the port.
pub(super) fn stranger(port: u16, uid: u32) -> Option<u32> {
    let texts = TABLES.map(|path| std::fs::read_to_string(path).unwrap_or_default());
    texts.iter().flat_map(|text| owners(text, port)).find(|owner| *owner != uid)
}

/// The users that listen on the port, by a table of the kernel.
fn owners(table: &str, port: u16) -> Vec<u32> {
    table.lines().skip(1).filter_map(|line| owner(line, port)).collect()
}

fn owner(line: &str, port: u16) -> Option<u32> {
    let mut fields = line.split_whitespace().skip(1);
    let (_, local) = fields.next()?.rsplit_once(':')?;
    let state = fields.nth(1)?;
    let here = u16::from_str_radix(local, 16).ok()? == port && state == LISTEN;
    here.then(|| fields.nth(3)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:6D60 00000000:0000 0A 00000000:00000000 00:00000000 00000000 90002        0 88 1
   1: 0100007F:6D61 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 89 1
   2: 0100007F:6D60 0100007F:1F90 01 00000000:00000000 00:00000000 00000000 90003        0 90 1
";

    #[test]
    fn only_sockets_that_listen_on_the_port_count() {
        assert_eq!(owners(TABLE, 28_000), [90_002]);
        assert_eq!(owners(TABLE, 28_001), [0]);
        assert!(owners(TABLE, 28_002).is_empty());
        assert!(owners("odd\nlines : : :\n", 28_000).is_empty());
    }

    #[test]
    fn a_socket_of_this_very_process_is_seen() {
        let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let me = rustix::process::geteuid().as_raw();
        assert_eq!(stranger(port, me), None);
        assert_eq!(stranger(port, me + 1), Some(me));
    }
}
