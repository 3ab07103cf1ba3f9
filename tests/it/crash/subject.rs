//! Two small apps in a world of their own, changes of them, and everything that is known of
//! them from outside.

use super::fault::Kind;
use super::leftovers::Known;
use crate::chaos::State;
use crate::world::{Checkout, Said, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

pub const MAIN: &str = "app/production";
pub const EXTRA: &str = "extra/production";
const STAGING: &str = "extra/staging";

/// By `APP/DEPLOY`.
pub type States = BTreeMap<String, State>;

pub struct Subject<'a> {
    pub world: &'a World,
    app: Checkout<'a>,
    extra: Checkout<'a>,
    round: u64,
    /// Releases of the main app that a command has said are there.
    pub acknowledged: BTreeMap<u64, State>,
}

/// A change about to be made: its command, and what it makes of what is.
pub struct Change {
    pub words: Vec<String>,
    pub in_extra: bool,
    pub before: States,
    pub after: States,
}

/// What the platform says.
#[derive(Debug)]
pub struct Seen {
    pub states: States,
    /// The current release, and whether it has code.
    pub releases: BTreeMap<String, u64>,
    /// Of the main app, with their statuses.
    pub statuses: BTreeMap<u64, String>,
}

fn files(code: u64) -> [(&'static str, String); 3] {
    [
        ("Procfile", format!("web: CODE={code} exec perl web.pl\nworker: exec sleep 86400\n")),
        ("xii.toml", "[build]\ncommand = \"true\"\n".to_string()),
        ("web.pl", include_str!("web.pl").to_string()),
    ]
}

fn commit(checkout: &Checkout<'_>, code: u64) {
    let files = files(code);
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    checkout.commit(&files);
}

impl<'a> Subject<'a> {
    pub fn new(world: &'a World) -> Subject<'a> {
        let (app, extra) = (world.checkout("app", &[]), world.checkout("extra", &[]));
        let mut subject = Subject { world, app, extra, round: 0, acknowledged: BTreeMap::new() };
        let change = subject.prepare(Kind::Deploy);
        let _ = subject.command(&change).output().map(Said::from).unwrap().ok();
        subject.learn();
        subject
    }

    /// Brings about what the change needs, and says what it will be.
    pub fn prepare(&mut self, kind: Kind) -> Change {
        self.prepare_to(kind, false)
    }

    /// `starts`: the change has to start something.
    pub fn prepare_to(&mut self, kind: Kind, starts: bool) -> Change {
        self.round += 1;
        let round = self.round;
        if kind == Kind::Rollback && self.acknowledged.len() < 2 {
            self.ok(&["config", "set", "-a", "app", &format!("COLOUR=for-{round}")]);
            self.learn();
        }
        let before = self.see().states;
        let before = self.furnish(kind, starts, before);
        let mut after = before.clone();
        let main = || after_of(&before, MAIN);
        let word = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        let words = match kind {
            Kind::Deploy => {
                commit(&self.app, round);
                let web = main().web.max(1);
                after.insert(MAIN.into(), State { code: round, web, ..main() });
                word("deploy -a app")
            }
            Kind::Config => {
                let mut state = main();
                state.config.insert("COLOUR".into(), round.to_string());
                after.insert(MAIN.into(), state);
                word(&format!("config set -a app COLOUR={round}"))
            }
            Kind::Scale => {
                let (web, worker) = if main().web == 1 { (2, 1) } else { (1, 0) };
                after.insert(MAIN.into(), State { web, worker, ..main() });
                word(&format!("scale -a app web={web} worker={worker}"))
            }
            Kind::Rollback => {
                let (to, then) = self.acknowledged.iter().rev().nth(1).unwrap();
                let State { code, config, .. } = then.clone();
                after.insert(MAIN.into(), State { code, config, ..main() });
                word(&format!("rollback -a app v{to}"))
            }
            Kind::Restart => word("restart -a app"),
            Kind::First => {
                commit(&self.extra, round);
                let state = State { code: round, web: 1, ..State::default() };
                after.insert(EXTRA.into(), state);
                word("deploy -a extra")
            }
            Kind::Destroy => {
                after.remove(STAGING);
                word("destroy -a extra -d staging --confirm extra/staging")
            }
            Kind::DestroyApp => {
                after.retain(|deploy, _| !deploy.starts_with("extra/"));
                word("apps destroy extra --confirm extra")
            }
        };
        Change { words, in_extra: kind == Kind::First, before, after }
    }

    /// What has to be there, or not, for this kind of change; as cheap as can be.
    fn furnish(&mut self, kind: Kind, starts: bool, before: States) -> States {
        let has_code = |deploy: &str| before.get(deploy).is_some_and(|state| state.code > 0);
        match kind {
            Kind::First if self.knows_extra() => {
                self.ok(&["apps", "destroy", "extra", "--confirm", "extra"]);
            }
            Kind::Destroy | Kind::DestroyApp => {
                let with_code = if kind == Kind::Destroy { STAGING } else { EXTRA };
                if has_code(with_code) && before.contains_key(EXTRA) && before.contains_key(STAGING)
                {
                    return before;
                }
                for (name, deploy) in [("production", EXTRA), ("staging", STAGING)] {
                    if !before.contains_key(deploy) {
                        self.ok(&["create", "-a", "extra", "-d", name]);
                    }
                }
                if !has_code(with_code) {
                    commit(&self.extra, self.round);
                    let _ = self.extra.xii(&["deploy", "-a", with_code]).ok();
                }
            }
            // Each further instance makes what follows slower.
            Kind::First => return before,
            Kind::Scale if !starts => return before,
            _ if before.get(MAIN).is_some_and(|state| state.web > 1) => {
                self.ok(&["scale", "-a", "app", "web=1", "worker=0"]);
            }
            _ => return before,
        }
        self.see().states
    }

    fn knows_extra(&self) -> bool {
        self.apps().iter().any(|app| app["app"] == "extra")
    }

    fn ok(&self, words: &[&str]) {
        let _ = self.world.xii(words).ok();
    }

    pub fn command(&self, change: &Change) -> std::process::Command {
        let checkout = if change.in_extra { &self.extra } else { &self.app };
        checkout.command(&change.words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    pub fn begin(&self, change: &Change) -> Child {
        let mut command = self.command(change);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The current release has been acknowledged.
    pub fn learn(&mut self) {
        let seen = self.see();
        self.learn_of(&seen);
    }

    pub fn learn_of(&mut self, seen: &Seen) {
        let state = seen.states[MAIN].clone();
        self.acknowledged.insert(seen.releases[MAIN], state);
    }

    fn apps(&self) -> Vec<Value> {
        self.ask("/apps").as_array().unwrap().clone()
    }

    /// The API itself: there is much to ask after each fault.
    pub fn ask(&self, path: &str) -> Value {
        let mut server = UnixStream::connect(self.world.run_dir().join("server.sock")).unwrap();
        let request = format!("GET /v1{path} HTTP/1.1\r\nHost: xii\r\nConnection: close\r\n\r\n");
        server.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        server.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {path}: {answer}"))
    }

    pub fn see(&self) -> Seen {
        let mut seen =
            Seen { states: States::new(), releases: BTreeMap::new(), statuses: BTreeMap::new() };
        for app in self.apps() {
            let app_name = app["app"].as_str().unwrap();
            for deploy in app["deploys"].as_array().unwrap() {
                let name = format!("{app_name}/{}", deploy.as_str().unwrap());
                self.see_one(&name, &mut seen);
            }
        }
        seen
    }

    fn see_one(&self, name: &str, seen: &mut Seen) {
        let json = |what: &str| self.ask(&format!("/apps/{name}/{what}"));
        let releases = json("releases");
        let releases = releases.as_array().unwrap();
        let current = releases.iter().find(|release| release["current"] == true);
        let config = json("config?reveal=true");
        let formation = &json("ps")["formation"];
        let values = config["values"].as_object().unwrap().iter();
        let state = State {
            code: current.map_or(0, crate::chaos::code_of),
            config: values.map(|(k, v)| (k.clone(), v.as_str().unwrap().to_string())).collect(),
            web: formation["web"].as_u64().unwrap_or(0),
            worker: formation["worker"].as_u64().unwrap_or(0),
        };
        seen.states.insert(name.to_string(), state);
        if let Some(current) = current {
            seen.releases.insert(name.to_string(), current["number"].as_u64().unwrap());
        }
        if name == MAIN {
            let status = |release: &Value| {
                (release["number"].as_u64().unwrap(), release["status"].as_str().unwrap().into())
            };
            seen.statuses = releases.iter().map(status).collect();
        }
    }

    /// What runs of everything: `app/production web.1 up v3`, sorted, and whose it is.
    pub fn running(&self, seen: &Seen) -> (Vec<String>, Known) {
        let mut lines = Vec::new();
        let mut known = Known::default();
        for deploy in seen.states.keys() {
            known.deploys.insert(deploy.clone());
            let processes = self.ask(&format!("/apps/{deploy}/ps"));
            for instance in processes["instances"].as_array().unwrap() {
                let text = |name: &str| instance[name].as_str().unwrap_or_default().to_string();
                let (name, state) = (text("name"), text("state"));
                lines.push(format!("{deploy} {name} {state} v{}", instance["release"]));
                let keeper = instance["keeper"].as_u64().unwrap();
                known.keepers.insert(keeper);
                if !instance["port"].is_null() {
                    known.routed.insert(keeper);
                }
            }
        }
        lines.sort();
        (lines, known)
    }
}

fn after_of(states: &States, deploy: &str) -> State {
    states.get(deploy).cloned().unwrap_or_default()
}

/// What is to run of everything.
pub fn wanted(seen: &Seen) -> Vec<String> {
    let mut lines = BTreeSet::new();
    for (deploy, state) in seen.states.iter().filter(|(_, state)| state.code > 0) {
        let release = seen.releases[deploy];
        for (kind, count) in [("web", state.web), ("worker", state.worker)] {
            lines.extend((1..=count).map(|i| format!("{deploy} {kind}.{i} up v{release}")));
        }
    }
    lines.into_iter().collect()
}
