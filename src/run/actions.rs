//! Carrying out what the plan says: keepers, ports, the routing table.

use super::Host;
use super::boots::Place;
use super::instance::Running;
use super::plan::{Action, Slot, State};
use super::runnable::{Launch, Runnable};
use super::runner::{Message, RouterState, Runner};
use super::start_failure::StartFailure;
use super::{keepers, readiness};
use crate::app::{Failure, InstanceId, ProcessType, ReleaseNumber};
use crate::keeper::{Client, Output, Request, Restart};
use crate::router::{Service, State as ServiceState, Target};
use crate::sandbox::Level;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Back-off of crashed instances: at once, then 1 s doubling to 5 min, forgotten after a
/// minute of health.
const RESTART: Restart = Restart::Always { first_ms: 1_000, most_ms: 300_000, healthy_ms: 60_000 };

/// As many keepers are started at once: most of a start is waiting for the kernel.
const STARTS_AT_ONCE: usize = 8;

/// Between two attempts to start what could not be: 2 to this power, in seconds. What is in the
/// way is the host's, and may be over any moment.
const LONGEST_WAIT: u32 = 4;

/// `Err` means that the rest of the plan must wait: the routers have not answered.
pub(super) async fn execute_all(runner: &mut Runner, plan: &[Action]) -> Result<(), ()> {
    let is_start = |action: &Action| matches!(action, Action::Start { .. });
    for actions in plan.chunk_by(|one, next| is_start(one) && is_start(next)) {
        match actions {
            [Action::Route(keepers)] => route(runner, keepers.clone()).await?,
            [Action::Stop(id)] => stop(runner, id),
            starts => {
                for starts in starts.chunks(STARTS_AT_ONCE) {
                    start_all(runner, starts).await;
                }
            }
        }
    }
    Ok(())
}

/// An instance whose keeper is being started.
struct Begun {
    slot: Slot,
    id: InstanceId,
    release: ReleaseNumber,
    port: Option<u16>,
    place: Option<Place>,
    keeper: JoinHandle<Result<(i32, Client), Failure>>,
}

async fn start_all(runner: &mut Runner, starts: &[Action]) {
    let mut all = Vec::new();
    for start in starts {
        let Action::Start { process_type, index, release } = start else { continue };
        let routed = *process_type == ProcessType::web();
        let place = if routed { runner.host.boots.take(Instant::now()) } else { None };
        // Another deploy may have taken the last one since the plan was made.
        if routed && place.is_none() {
            continue;
        }
        let slot = (process_type.clone(), *index);
        match begin(runner, slot.clone(), *release, place) {
            Ok(begun) => all.push(begun),
            Err(failure) => failed_to_start(runner, slot, failure),
        }
    }
    for begun in all {
        finish_start(runner, begun).await;
    }
}

fn begin(
    runner: &Runner,
    slot: Slot,
    release: ReleaseNumber,
    place: Option<Place>,
) -> Result<Begun, Failure> {
    let (process_type, index) = slot.clone();
    let runnable = runner.runnables.get(&release).cloned();
    let runnable = runnable
        .ok_or_else(|| Failure::internal(format!("{release} is desired but not loaded")))?;
    let argv = runnable.argv(&process_type).ok_or_else(|| {
        Failure::internal(format!("{release} has no command for the process type {process_type}"))
    })?;
    let keeper = runner.host.ledger.next_keeper()?;
    let port = match process_type == ProcessType::web() {
        true => Some(runner.host.take_port(keeper)?),
        false => None,
    };
    let id = InstanceId { process_type, index, keeper };
    let output = Output::Log {
        dir: runner.host.home.deploy_logs(&runner.deploy),
        label: format!("app[{}]", id.name()),
    };
    let launch = Launch {
        instance: &id,
        argv,
        port,
        extra_env: Vec::new(),
        restart: RESTART,
        output,
        attached: false,
    };
    let spec = runnable.spec(&runner.host, launch);
    let host = runner.host.clone();
    let keeper = tokio::spawn(async move { keepers::start(&host, spec, (None, None)).await });
    Ok(Begun { slot, id, release, port, place, keeper })
}

async fn finish_start(runner: &mut Runner, begun: Begun) {
    let Begun { slot, id, release, port, place, keeper } = begun;
    let broken = |error| Failure::internal("starting a keeper was broken off").because(error);
    match keeper.await.map_err(broken).and_then(|started| started) {
        Ok((pid, client)) => {
            let (requests, wanted) = tokio::sync::mpsc::unbounded_channel();
            if let Some(outbox) = runner.outbox.upgrade() {
                keepers::follow(runner.host.clone(), client, id.keeper, outbox, wanted);
            }
            let running = Running { place, ..starting(id, release, port, pid, requests) };
            runner.start_failures.remove(&slot);
            runner.instances.insert(running.id.keeper, running);
        }
        Err(failure) => {
            if port.is_some() {
                // Nothing has listened there; a failure to note it is met at the next allocation.
                let _ = runner.host.ledger.free_port(id.keeper, Timestamp::now());
            }
            failed_to_start(runner, slot, failure);
        }
    }
}

fn failed_to_start(runner: &mut Runner, slot: Slot, failure: Failure) {
    let times = runner.start_failures.get(&slot).map_or(0, |f| f.times) + 1;
    let pause = Duration::from_secs(1 << times.min(LONGEST_WAIT));
    runner.start_failures.insert(slot, StartFailure::new(failure, times, pause));
}

pub(super) fn starting(
    id: InstanceId,
    release: ReleaseNumber,
    port: Option<u16>,
    pid: i32,
    requests: keepers::Requests,
) -> Running {
    Running {
        id,
        release,
        port,
        pid,
        state: State::Starting,
        incarnation: 0,
        alive: false,
        answered: false,
        started: Instant::now(),
        since: Timestamp::now(),
        boot_ms: None,
        unrouted: None,
        drained: true,
        in_flight: 0,
        restarts: 0,
        restarting_at: None,
        last_exit: None,
        failure: None,
        requests,
        place: None,
    }
}

/// Asks the router for a first answer, for as long as a boot may take.
pub(super) fn watch_readiness(runner: &Runner, keeper: u64) {
    let Some(instance) = runner.instances.get(&keeper) else { return };
    let Some(port) = instance.port else { return };
    let Some(runnable) = runner.runnables.get(&instance.release) else { return };
    let target = readiness::Target {
        keeper,
        incarnation: instance.incarnation,
        address: address(port),
        host: runner.host.addressing.host_name(&runner.deploy),
        path: runnable.health_path(),
        boot_timeout: runnable.boot_timeout(),
        uid: (runner.host.level == Level::Full).then_some(runnable.uid),
    };
    if let Some(outbox) = runner.outbox.upgrade() {
        tokio::spawn(readiness::watch(runner.host.clone(), target, outbox));
    }
}

async fn route(runner: &mut Runner, keepers: BTreeSet<u64>) -> Result<(), ()> {
    let service = service(runner, &keepers);
    runner.host.routes.publish(service).await.map_err(drop)?;
    for instance in runner.instances.values_mut() {
        let (was, is) =
            (runner.table.contains(&instance.id.keeper), keepers.contains(&instance.id.keeper));
        match (was, is) {
            (false, true) => instance.enters_table(),
            (true, false) => instance.leaves_table(),
            _ => {}
        }
    }
    runner.table = keepers;
    Ok(())
}

/// Tells the routers why there is nobody, when nothing else has changed.
pub(super) async fn refresh(runner: &mut Runner) -> Result<(), ()> {
    let service = service(runner, &runner.table);
    runner.host.routes.publish(service).await.map_err(drop)
}

fn service(runner: &Runner, keepers: &BTreeSet<u64>) -> Service {
    let targets = keepers.iter().filter_map(|keeper| runner.instances.get(keeper));
    Service {
        deploy: runner.deploy.clone(),
        hosts: vec![runner.host.addressing.host_name(&runner.deploy)],
        instances: targets
            .filter_map(|i| Some(Target { key: i.id.to_string(), address: address(i.port?) }))
            .collect(),
        state: service_state(runner),
    }
}

fn service_state(runner: &Runner) -> ServiceState {
    let web = runner.desired.types.get(&ProcessType::web());
    let starting = runner.instances.values().any(|i| {
        i.port.is_some() && matches!(i.state, State::Starting | State::Ready) && i.failure.is_none()
    });
    match runner.router_state {
        RouterState::Stopped => ServiceState::Stopped,
        RouterState::Serving if web.is_none_or(|web| web.indexes.is_empty()) => {
            ServiceState::NoProcesses
        }
        RouterState::Serving if starting => ServiceState::Starting,
        RouterState::Serving => ServiceState::Crashed,
    }
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn stop(runner: &mut Runner, id: &InstanceId) {
    let Some(instance) = runner.instances.get_mut(&id.keeper) else { return };
    let runnable = runner.runnables.get(&instance.release);
    let window_ms = runnable.map_or(30_000, |r| r.stop_window_ms(&id.process_type));
    instance.state = State::Stopping;
    instance.place = None;
    instance.since = Timestamp::now();
    // A closed channel means the keeper is gone, and `Lost` is on its way.
    let _ = instance.requests.send(Request::Stop { window_ms: Some(window_ms) });
}

/// Asks the routers about instances that left the table: done, or out of time?
pub(super) async fn poll_drains(runner: &mut Runner) {
    if runner.desired.hold {
        return;
    }
    let windows = |runnable: Option<&Arc<Runnable>>, id: &InstanceId| {
        Duration::from_millis(runnable.map_or(30_000, |r| r.stop_window_ms(&id.process_type)))
    };
    for instance in runner.instances.values_mut().filter(|i| !i.drained) {
        let Some(since) = instance.unrouted else { continue };
        let window = windows(runner.runnables.get(&instance.release), &instance.id);
        let key = instance.id.to_string();
        // WebSockets would keep it for ever: they are told to go.
        let _ = runner.host.routes.client.close_websockets(&key).await;
        // Without an answer the window decides.
        let asked = runner.host.routes.client.in_flight(&key).await;
        instance.in_flight = asked.map_or(u64::MAX, |at| at.requests + at.websockets);
        instance.drained = instance.in_flight == 0 || since.elapsed() > window;
    }
}

/// A port goes back when its instance is gone and no table names it. False when the ledger has
/// refused one: it is to be asked again.
pub(super) fn free_ports(runner: &mut Runner) -> bool {
    let table = &runner.table;
    let ledger = &runner.host.ledger;
    let mut freed = true;
    runner.ports_to_free.retain(|keeper| {
        let stays = table.contains(keeper);
        let failed = !stays && ledger.free_port(*keeper, Timestamp::now()).is_err();
        freed &= !failed;
        stays || failed
    });
    freed
}

/// What a keeper leaves behind: its record, its socket, its cgroup.
pub(super) fn clean_up(host: &Arc<Host>, keeper: u64) {
    let host = host.clone();
    tokio::task::spawn_blocking(move || keepers::clean_up(&host, keeper));
}

/// The message type is used by the tasks started here.
pub(super) type Outbox = tokio::sync::mpsc::UnboundedSender<Message>;
