//! Processor time per proxied request, access log on, beside the proxies people know.
//! `just bench-router`; wants wrk, nginx, haproxy and caddy.

use super::{cpu_ms, median};
use crate::router::harness::{Edge, Process};
use crate::stage::wait_until;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 5;
const SECONDS: &str = "4";

/// Answers everything at once with 100 bytes.
const UPSTREAM: &str = r#"
daemon off; worker_processes 1; pid DIR/upstream.pid; error_log stderr crit;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000;
  server { listen 127.0.0.1:PORT; default_type text/plain;
    return 200 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"; } }
"#;

const NGINX: &str = r#"
daemon off; worker_processes 2; pid DIR/nginx.pid; error_log stderr crit;
events { worker_connections 1024; }
http { access_log DIR/nginx.log combined buffer=64k flush=1s; keepalive_requests 100000000;
  upstream app { server 127.0.0.1:UPSTREAM; keepalive 64; }
  server { listen 127.0.0.1:PORT; server_name shop.localhost;
    location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-Id $request_id; } } }
"#;

const HAPROXY: &str = r#"
global
  nbthread 2
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 60s
frontend web
  bind 127.0.0.1:PORT
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  acl shop hdr(host),field(1,:) -i shop.localhost
  use_backend shop if shop
backend shop
  http-reuse always
  server app 127.0.0.1:UPSTREAM
"#;

const CADDY: &str = r#"
{
  admin off
  auto_https off
}
http://shop.localhost:PORT {
  bind 127.0.0.1
  log {
    output file DIR/caddy.log
  }
  reverse_proxy 127.0.0.1:UPSTREAM
}
"#;

struct Proxy {
    name: &'static str,
    address: SocketAddr,
    pid: i32,
    /// µs of processor time per request, requests per second.
    rounds: Vec<(f64, f64)>,
    _process: Option<Process>,
}

#[test]
#[ignore = "a figure, not a test"]
fn processor_time_per_request() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let upstream = start(dir, "upstream", "nginx", &["-c"], UPSTREAM, 0);
    let port = upstream.address.port();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let edge = runtime.block_on(async {
        let edge = Edge::start().await;
        edge.publish(&[upstream.address]).await;
        edge
    });
    let pid = i32::try_from(edge.process.0.id()).unwrap();
    let ours =
        Proxy { name: "xii router", address: edge.address, pid, rounds: vec![], _process: None };
    let mut proxies = vec![
        ours,
        start(dir, "haproxy", "haproxy", &["-f"], HAPROXY, port),
        start(dir, "nginx", "nginx", &["-c"], NGINX, port),
        start(dir, "caddy", "caddy", &["run", "--adapter", "caddyfile", "--config"], CADDY, port),
    ];
    for round in 0..=ROUNDS {
        for proxy in &mut proxies {
            let figures = measure(proxy);
            if round > 0 {
                proxy.rounds.push(figures);
            }
        }
    }
    report(&proxies);
    runtime.block_on(async { drop(edge) });
}

fn start(
    dir: &Path,
    name: &'static str,
    program: &str,
    words: &[&str],
    config: &str,
    upstream: u16,
) -> Proxy {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = config.replace("DIR", &dir.display().to_string());
    let config = config.replace("UPSTREAM", &upstream.to_string());
    let file = dir.join(format!("{name}.conf"));
    std::fs::write(&file, config.replace("PORT", &port.to_string())).unwrap();
    let log = std::fs::File::create(dir.join(format!("{name}.out"))).unwrap();
    let mut command = Command::new(program);
    command.args(words).arg(&file).current_dir(dir).env("HOME", dir).stdin(Stdio::null());
    let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    wait_until(name, || TcpStream::connect(address).ok());
    let pid = i32::try_from(child.id()).unwrap();
    Proxy { name, address, pid, rounds: Vec::new(), _process: Some(Process(child)) }
}

fn measure(proxy: &Proxy) -> (f64, f64) {
    let before = cpu_of_tree(proxy.pid);
    let url = format!("http://{}/", proxy.address);
    let host = format!("Host: shop.localhost:{}", proxy.address.port());
    let words = ["-t1", "-c32", "-d", SECONDS, "-H", &host, &url];
    let output = Command::new("wrk").args(words).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("Non-2xx"), "{}: {text}", proxy.name);
    let line = text.lines().find(|line| line.contains(" requests in ")).expect(&text);
    let count: f64 = line.split_whitespace().next().unwrap().parse().unwrap();
    let used = cpu_of_tree(proxy.pid) - before;
    (used * 1000.0 / count, count / SECONDS.parse::<f64>().unwrap())
}

fn cpu_of_tree(pid: i32) -> f64 {
    cpu_ms(pid) + crate::chaos::children(pid).into_iter().map(cpu_of_tree).sum::<f64>()
}

fn report(proxies: &[Proxy]) {
    let of = |proxy: &Proxy, which: fn(&(f64, f64)) -> f64| {
        median(&proxy.rounds.iter().map(which).collect::<Vec<_>>())
    };
    println!("| proxy | µs of CPU per request | requests/s | xii ÷ it, CPU |\n|---|---|---|---|");
    let ours = of(&proxies[0], |round| round.0);
    for proxy in proxies {
        let (cpu, rate) = (of(proxy, |round| round.0), of(proxy, |round| round.1));
        println!("| {} | {cpu:.1} | {rate:.0} | {:.2} |", proxy.name, ours / cpu);
    }
}
