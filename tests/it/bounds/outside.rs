//! From a second network namespace with an address of its own.

use super::is_full;
use crate::world::World;
use std::process::Command;

/// A namespace and the pair of interfaces to it; gone when dropped.
struct Elsewhere {
    name: String,
    network: String,
}

impl Elsewhere {
    fn new() -> Option<Elsewhere> {
        let number = std::process::id() % 200;
        let elsewhere =
            Elsewhere { name: format!("xii-t{number}"), network: format!("10.213.{number}") };
        let (name, network) = (&elsewhere.name, &elsewhere.network);
        let (near, far) = (format!("{name}a"), format!("{name}b"));
        let made = ip(&["netns", "add", name])
            && ip(&["link", "add", &near, "type", "veth", "peer", "name", &far, "netns", name])
            && ip(&["addr", "add", &format!("{network}.1/30"), "dev", &near])
            && ip(&["link", "set", &near, "up"])
            && ip(&["-n", name, "addr", "add", &format!("{network}.2/30"), "dev", &far])
            && ip(&["-n", name, "link", "set", &far, "up"]);
        made.then_some(elsewhere)
    }

    /// What a request from there to a port of the host gets: a status, or an error's name.
    fn get(&self, port: &str, host: &str) -> String {
        let script = format!(
            "import http.client\n\
             c = http.client.HTTPConnection('{}.1', {port}, timeout=4)\n\
             try:\n c.request('GET', '/', headers={{'Host': '{host}'}})\n \
             print(c.getresponse().status)\n\
             except OSError as e: print(type(e).__name__)",
            self.network
        );
        let words = ["netns", "exec", &self.name, "/usr/bin/python3", "-c", &script];
        let output = Command::new("ip").args(words).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        ip(&["link", "del", &format!("{}a", self.name)]);
        ip(&["netns", "del", &self.name]);
    }
}

fn ip(words: &[&str]) -> bool {
    Command::new("ip").args(words).output().is_ok_and(|output| output.status.success())
}

#[test]
fn from_another_host_the_router_answers_and_an_instance_does_not() {
    let name = "from_another_host_the_router_answers_and_an_instance_does_not";
    let world = World::without_server();
    let mut up = world.command(world.folder(), &["up"]);
    assert!(up.env("XII_HTTP", "0.0.0.0:0").output().unwrap().status.success());
    world.up();
    if !is_full(&world, name) {
        return world.leave();
    }
    let Some(elsewhere) = Elsewhere::new() else {
        eprintln!("SKIP {name}: no second network namespace can be made");
        return world.leave();
    };
    let app = world.deployed("app");
    let http = world.http();
    let (_, router) = http.rsplit_once(':').unwrap();
    assert_eq!(elsewhere.get(router, &app.host()), "200");
    let port = world.ps("app")[0]["port"].to_string();
    assert_eq!(elsewhere.get(&port, &app.host()), "TimeoutError");
    // The same port is open to those who may use it.
    assert_eq!(app.body("/"), "v1 web.1");
    world.leave();
}
