//! The firewall with real connections. A network namespace of its own for each test would
//! hide the host's rules, so these run on the host, on ports of their own.

use crate::stage::skip_without_root;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use xii::sandbox::firewall::{self, Rules};
use xii::sandbox::process::run_tool;

const ROUTER: u32 = 97_000;
const FRIEND: u32 = 97_001;
const STRANGER: u32 = 97_002;

fn skip(test: &str) -> bool {
    if skip_without_root(test) {
        return true;
    }
    if let Err(failure) = firewall::try_out() {
        eprintln!("SKIP {test}: {failure}");
        return true;
    }
    false
}

/// Gives the rules back when a test ends, however it ends.
struct Home(&'static str);

impl Drop for Home {
    fn drop(&mut self) {
        firewall::remove(self.0).unwrap();
    }
}

/// How a connection by this user ends: `ok`, or the error's name.
fn connect(uid: u32, address: SocketAddr) -> String {
    let script = format!(
        "import socket,os\nos.setuid({uid})\n\
         try: socket.create_connection(('{}',{}),5); print('ok')\n\
         except OSError as e: print(type(e).__name__)",
        address.ip(),
        address.port()
    );
    let output = run_tool("/usr/bin/python3", &["-c", &script], b"").unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_string()
}

#[test]
fn only_the_router_and_given_pairs_reach_a_port_of_the_block() {
    if skip("only_the_router_and_given_pairs_reach_a_port_of_the_block") {
        return;
    }
    let home = Home("f1f1f1f1");
    let inside = TcpListener::bind((Ipv4Addr::LOCALHOST, 29_911)).unwrap();
    let inside_v6 = TcpListener::bind("[::1]:29912").ok();
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let allowed = [(FRIEND, 29_911)];
    let rules = Rules {
        ports: 29_910..29_920,
        uids: 97_000..97_100,
        router_uid: ROUTER,
        allowed: &allowed,
    };
    assert!(!firewall::exists(home.0).unwrap());
    firewall::apply(home.0, &rules).unwrap();
    firewall::apply(home.0, &rules).unwrap();
    assert!(firewall::exists(home.0).unwrap());
    let address = inside.local_addr().unwrap();
    assert_eq!(connect(ROUTER, address), "ok");
    assert_eq!(connect(FRIEND, address), "ok");
    assert_eq!(connect(STRANGER, address), "ConnectionRefusedError");
    assert_eq!(connect(0, address), "ConnectionRefusedError");
    assert_eq!(connect(STRANGER, outside.local_addr().unwrap()), "ok");
    if let Some(listener) = inside_v6 {
        let address = listener.local_addr().unwrap();
        assert_eq!(connect(ROUTER, address), "ok");
        assert_eq!(connect(FRIEND, address), "ConnectionRefusedError");
    }
    let none = Rules { allowed: &[], ..rules };
    firewall::apply(home.0, &none).unwrap();
    assert_eq!(connect(FRIEND, address), "ConnectionRefusedError");
    firewall::remove(home.0).unwrap();
    firewall::remove(home.0).unwrap();
    assert_eq!(connect(STRANGER, address), "ok");
}

#[test]
fn datagrams_to_the_block_are_kept_out_too() {
    if skip("datagrams_to_the_block_are_kept_out_too") {
        return;
    }
    let home = Home("f2f2f2f2");
    let rules =
        Rules { ports: 29_930..29_940, uids: 97_000..97_100, router_uid: ROUTER, allowed: &[] };
    firewall::apply(home.0, &rules).unwrap();
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 29_931)).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    for (uid, word) in [(STRANGER, "stranger"), (ROUTER, "router")] {
        let script = format!(
            "import socket,os\nos.setuid({uid})\ns=socket.socket(2,2)\n\
             try: s.sendto(b'{word}',('127.0.0.1',29931))\nexcept OSError: pass"
        );
        assert!(run_tool("/usr/bin/python3", &["-c", &script], b"").unwrap().status.success());
    }
    let mut text = [0; 16];
    let (count, _) = socket.recv_from(&mut text).unwrap();
    assert_eq!(&text[..count], b"router", "the stranger's datagram came first");
}

#[test]
fn from_another_network_namespace_no_port_of_the_block_is_reached() {
    let test = "from_another_network_namespace_no_port_of_the_block_is_reached";
    if skip(test) {
        return;
    }
    let ip = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        run_tool("ip", &words, b"").is_ok_and(|output| output.status.success())
    };
    let made = ip("netns add xii-test-fw")
        && ip("link add xiifw0 type veth peer name xiifw1 netns xii-test-fw")
        && ip("addr add 198.18.99.1/30 dev xiifw0")
        && ip("link set xiifw0 up")
        && ip("-n xii-test-fw addr add 198.18.99.2/30 dev xiifw1")
        && ip("-n xii-test-fw link set xiifw1 up");
    if made {
        let home = Home("f3f3f3f3");
        let rules =
            Rules { ports: 29_950..29_960, uids: 97_000..97_100, router_uid: ROUTER, allowed: &[] };
        let inside = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 29_951)).unwrap();
        let open = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 29_961)).unwrap();
        firewall::apply(home.0, &rules).unwrap();
        let reach = |port: u16| {
            let script = format!(
                "import socket\ntry: socket.create_connection(('198.18.99.1',{port}),2); print('ok')\n\
                 except OSError as e: print(type(e).__name__)"
            );
            let words = ["netns", "exec", "xii-test-fw", "/usr/bin/python3", "-c", &script];
            String::from_utf8(run_tool("ip", &words, b"").unwrap().stdout).unwrap()
        };
        let (blocked, free) = (reach(29_951), reach(29_961));
        drop((inside, open));
        ip("netns del xii-test-fw");
        assert_eq!((blocked.trim(), free.trim()), ("TimeoutError", "ok"));
    } else {
        ip("link del xiifw0");
        ip("netns del xii-test-fw");
        eprintln!("SKIP {test}: no network namespaces or veth here");
    }
}
