//! A small app whose whole state can be told apart, and what the ledger says of it.

use crate::world::{Checkout, World};
use serde_json::Value;
use std::collections::BTreeMap;

/// Everything a change can change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// A number in the Procfile.
    pub code: u64,
    pub config: BTreeMap<String, String>,
    pub web: u64,
    pub worker: u64,
}

/// A Procfile whose processes know which code they are.
pub fn procfile(code: u64) -> String {
    format!(
        "web: CODE={code} exec python3 -u web.py\nworker: CODE={code} exec python3 -u worker.py\n"
    )
}

/// The small app with this code, deployed.
pub fn deployed<'a>(world: &'a World, name: &str, code: u64) -> Checkout<'a> {
    let checkout = world.checkout(name, crate::world::WEB);
    checkout.commit(&[("Procfile", &procfile(code))]);
    let _ = checkout.xii(&["deploy"]).ok();
    checkout
}

/// The state that is written down, and its release's number.
pub fn recorded(world: &World, app: &str) -> (State, u64) {
    let releases = releases(world, app);
    let current = releases.iter().find(|release| release["current"] == true);
    let current = current.unwrap_or_else(|| panic!("no current release: {releases:#?}"));
    let config = world.xii(&["config", "-a", app, "--show", "--json"]).ok().json();
    let formation = &world.xii(&["ps", "-a", app, "--json"]).ok().json()["formation"];
    let values = config["values"].as_object().unwrap().iter();
    let state = State {
        code: code_of(current),
        config: values.map(|(k, v)| (k.clone(), v.as_str().unwrap().to_string())).collect(),
        web: formation["web"].as_u64().unwrap(),
        worker: formation["worker"].as_u64().unwrap(),
    };
    (state, current["number"].as_u64().unwrap())
}

pub fn releases(world: &World, app: &str) -> Vec<Value> {
    world.xii(&["releases", "-a", app, "--json"]).ok().json().as_array().unwrap().clone()
}

/// The number in the command of its web process.
pub fn code_of(release: &Value) -> u64 {
    let command = release["commands"]["web"].as_str().unwrap();
    let (_, rest) = command.split_once("CODE=").unwrap();
    rest.split(' ').next().unwrap().parse().unwrap()
}

/// Waits until exactly what is wanted runs, on this release, and the page says so.
#[track_caller]
pub fn until_reached(world: &World, app: &str, state: &State, release: u64) {
    let names = |kind: &'static str, count: u64| (1..=count).map(move |i| format!("{kind}.{i}"));
    let names = names("web", state.web).chain(names("worker", state.worker));
    let mut wanted: Vec<String> = names.map(|name| format!("{name} up v{release}")).collect();
    wanted.sort();
    let mut seen = Vec::new();
    let reached = world.within(crate::world::PATIENCE, || {
        seen = running(world, app);
        (seen == wanted).then_some(())
    });
    assert!(reached.is_some(), "wanted {wanted:?}, seen {seen:?}: {:#?}", world.ps(app));
    // A router whose keeper was killed is back after a moment.
    let answers = |path: &str, good: &dyn Fn(&str) -> bool| {
        let mut last = None;
        let reached = world.within(crate::world::PATIENCE, || {
            let answer = world.get(&format!("{app}.localhost"), path);
            let is_good = good(&answer.body);
            last = Some(answer);
            is_good.then_some(())
        });
        assert!(reached.is_some(), "{path} of v{release}: {last:?}");
    };
    answers("/", &|body| body.starts_with(&format!("v{release} ")));
    answers("/env/CODE", &|body| body == state.code.to_string());
}

/// `web.1 up v3`, sorted.
fn running(world: &World, app: &str) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let instances = world.ps(app);
    let mut lines: Vec<String> = instances
        .iter()
        .map(|i| format!("{} {} v{}", text(&i["name"]), text(&i["state"]), i["release"]))
        .collect();
    lines.sort();
    lines
}

/// Each port in use belongs to an instance that runs.
pub fn until_ports_agree(world: &World, app: &str) {
    let ledger = xii::store::Ledger::open(&world.home().join("ledger.db")).unwrap();
    world.until("the ports in use are those of what runs", || {
        let mut used: Vec<u64> = ledger.ports().unwrap().iter().map(|used| used.keeper).collect();
        let instances = world.ps(app);
        let routed = instances.iter().filter(|instance| !instance["port"].is_null());
        let mut living: Vec<u64> = routed.map(|i| i["keeper"].as_u64().unwrap()).collect();
        used.sort_unstable();
        living.sort_unstable();
        (used == living).then_some(())
    });
}
