//! A victim with things that others would like, and an attacker beside it.

use super::report::Report;
use crate::world::{Checkout, World};
use serde_json::json;
use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};

const SECRET: &str = "victims-secret-4711";
const GROUPS: &str = "files processes kernel network";

const FILES: [(&str, &str); 7] = [
    ("attack.py", include_str!("attacker/attack.py")),
    ("files.py", include_str!("attacker/files.py")),
    ("processes.py", include_str!("attacker/processes.py")),
    ("kernel.py", include_str!("attacker/kernel.py")),
    ("network.py", include_str!("attacker/network.py")),
    ("bombs.py", include_str!("attacker/bombs.py")),
    ("victim.py", include_str!("attacker/victim.py")),
];

/// Everything is tried by each kind of process there is.
pub fn all(world: &World) -> Vec<Report> {
    let victim = deployed_victim(world);
    let tag = format!("xii-test-{}", world.home_id());
    let address = SocketAddr::from_abstract_name(format!("{tag}-host")).unwrap();
    let _of_the_host = UnixListener::bind_addr(&address).unwrap();
    let (attacker, said) = deployed_attacker(world, &targets(world, &victim, &tag));
    let run = format!("exec python3 -B attack.py run {GROUPS} bombs");
    let one_off = attacker.xii(&["run", "--", "sh", "-c", &run]).ok();
    let web = world.until("the web process has tried everything", || {
        let answers = world.get(&attacker.host(), "/").status == 200;
        answers.then(|| world.log("attacker"))
    });
    assert_eq!(victim.body("/"), "victim", "the victim goes on serving");
    let (build, release) = said.split_once("xii-release-phase-begins").unwrap();
    vec![
        Report::read("build", build),
        Report::read("release", release),
        Report::read("web", &of_web(&web)),
        Report::read("run", &one_off.out),
    ]
}

fn of_web(log: &str) -> String {
    log.lines().filter(|line| line.contains("app[web.1]")).flat_map(|line| [line, "\n"]).collect()
}

fn deployed_victim(world: &World) -> Checkout<'_> {
    let tag = format!("xii-test-{}", world.home_id());
    let procfile = format!("web: exec python3 -B victim.py {tag}\n");
    let victim = world.checkout("victim", &FILES);
    victim.commit(&[("Procfile", &procfile), ("xii.toml", "[build]\ncommand = \"true\"\n")]);
    ready_to_deploy(world, &victim);
    let _ = victim.xii(&["create", "victim"]).ok();
    let _ = victim.xii(&["config", "set", "-a", "victim", &format!("TOKEN={SECRET}")]).ok();
    let _ = victim.xii(&["deploy"]).ok();
    victim
}

fn ready_to_deploy(world: &World, app: &Checkout<'_>) {
    if world.is_rootless() {
        world.give_away(app.folder());
    }
}

fn deployed_attacker<'a>(world: &'a World, targets: &serde_json::Value) -> (Checkout<'a>, String) {
    let procfile = format!(
        "web: exec python3 -B attack.py web {GROUPS}\n\
         release: echo xii-release-phase-begins; exec python3 -B attack.py release {GROUPS}\n"
    );
    let settings = format!(
        "boot_timeout = \"50s\"\n[build]\ncommand = \"python3 -B attack.py build {GROUPS}\"\n"
    );
    let attacker = world.checkout("attacker", &FILES);
    let targets = targets.to_string();
    attacker.commit(&[
        ("Procfile", &procfile),
        ("xii.toml", &settings),
        ("targets.json", &targets),
    ]);
    ready_to_deploy(world, &attacker);
    let said = attacker.command(&["deploy"]).env("LEAKED", "by the caller").output().unwrap();
    let said = crate::world::Said::from(said).ok();
    (attacker, format!("{}\n{}", said.out, said.err))
}

/// What there is to reach. Each is there, so that not to reach it means something.
fn targets(world: &World, victim: &Checkout<'_>, tag: &str) -> serde_json::Value {
    let instance = &world.ps("victim")[0];
    let (port, keeper) = (instance["port"].as_u64().unwrap(), instance["keeper"].to_string());
    let pid = instance["pid"].as_u64().unwrap();
    let http = world.http();
    let (_, router_port) = http.rsplit_once(':').unwrap();
    json!({
        "secret": SECRET,
        "home": world.home().display().to_string(),
        "host": victim.host(),
        "port": port,
        "free_port": free_port(port),
        "router_port": router_port.parse::<u16>().unwrap(),
        "other_port": 19_000 + std::process::id() % 500,
        "uid": owner(pid),
        "pids": {"another app's keeper": pid, "the server": world.server_pid()},
        "paths": paths(world),
        "sockets": sockets(world, &keeper),
        "abstract": {"another app": tag, "the host": format!("{tag}-host")},
        "tmp_file": format!("/tmp/{tag}"),
        "shm": tag,
        "queue": format!("/{tag}"),
        "sysv": 4711,
    })
}

/// The next one of the block that nobody has: blocks begin at hundreds.
fn free_port(port: u64) -> u64 {
    port / 100 * 100 + 77
}

/// Of the app, which is the keeper's child.
fn owner(keeper: u64) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{keeper}/task/{keeper}/children"));
    let child = children.unwrap().split_whitespace().next().unwrap().to_string();
    let folder = std::fs::metadata(format!("/proc/{child}")).unwrap();
    std::os::unix::fs::MetadataExt::uid(&folder)
}

fn paths(world: &World) -> BTreeMap<&'static str, String> {
    let (home, run) = (world.home(), world.run_dir());
    let places = [
        ("the home", home.clone()),
        ("the ledger", home.join("ledger.db")),
        ("the key", home.join("key")),
        ("the builds", home.join("builds")),
        ("another app's log", home.join("logs/victim")),
        ("another app's cache", home.join("cache/victim")),
        ("the server's workspaces", home.join("tmp")),
        ("the folder of sockets", run.clone()),
        ("the routing table", run.join("router/routes.json")),
        ("the instance records", run.join("instances")),
        ("another checkout", world.folder().join("checkouts/victim")),
        ("the host's cgroups", "/sys/fs/cgroup".into()),
        ("the host's /sys", "/sys/kernel".into()),
        ("root's home", "/root".into()),
        ("the host's /var/lib", "/var/lib".into()),
        ("the host's /run", "/run/lock".into()),
        ("the host's boot files", "/boot".into()),
    ];
    let (there, missing): (Vec<_>, Vec<_>) = places.into_iter().partition(|(_, at)| at.exists());
    for (what, at) in missing {
        assert!(!at.starts_with(world.folder()), "{what} is not at {}", at.display());
    }
    there.into_iter().map(|(what, at)| (what, at.display().to_string())).collect()
}

fn sockets(world: &World, keeper: &str) -> BTreeMap<&'static str, String> {
    let run = world.run_dir();
    let sockets = [
        ("the server's socket", run.join("server.sock")),
        ("another app's keeper", run.join(format!("instances/{keeper}.sock"))),
        ("the router's keeper", run.join("router.sock")),
        ("the router's control socket", router_socket(&run.join("router"))),
    ];
    let there = |(what, at): (&'static str, PathBuf)| {
        assert!(at.exists(), "{what} is not at {}", at.display());
        (what, at.display().to_string())
    };
    sockets.map(there).into()
}

fn router_socket(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).unwrap().flatten();
    let socket = |entry: &std::fs::DirEntry| entry.file_type().unwrap().is_socket();
    entries.find(socket).expect("the router has a socket").path()
}
