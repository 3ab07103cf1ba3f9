//! The plan's rules one by one, then every event sequence to a stated depth.

use super::*;
use std::collections::HashSet;

const WEB: &str = "web";
const WORKER: &str = "worker";

fn kind(name: &str) -> ProcessType {
    name.parse().unwrap()
}

fn desired(release: u64, formation: &[(&str, u32)]) -> Desired {
    let wanted = |name: &str, count: u32| Wanted {
        indexes: (1..=count).collect(),
        routed: name == WEB,
        singleton: false,
    };
    Desired {
        release: Some(ReleaseNumber(release)),
        types: formation.iter().map(|(n, c)| (kind(n), wanted(n, *c))).collect(),
        ..Desired::default()
    }
}

fn seen(name: &str, index: u32, keeper: u64, release: u64, state: State) -> Seen {
    let id = InstanceId { process_type: kind(name), index, keeper };
    Seen { id, release: ReleaseNumber(release), state, drained: true }
}

fn observed(instances: Vec<Seen>, table: &[u64]) -> Observed {
    let mut instances = instances;
    for instance in &mut instances {
        instance.drained = !table.contains(&instance.id.keeper);
    }
    Observed { instances, table: table.iter().copied().collect(), ..Observed::default() }
}

fn next(desired: &Desired, observed: &Observed) -> Vec<String> {
    plan(desired, observed, Timestamp::UNIX_EPOCH).iter().map(show).collect()
}

fn show(action: &Action) -> String {
    match action {
        Action::Start { process_type, index, release } => {
            format!("start {process_type}.{index} {release}")
        }
        Action::Route(keepers) => format!("route {keepers:?}"),
        Action::Stop(id) => format!("stop {id}"),
    }
}

use State::{Crashed, Ready, Starting};

#[test]
fn no_more_start_than_may_boot_at_once() {
    let desired = desired(2, &[(WEB, 3)]);
    let two = Observed { places: Some(2), ..Observed::default() };
    assert_eq!(next(&desired, &two), ["start web.1 v2", "start web.2 v2"]);
    assert!(next(&desired, &Observed { places: Some(0), ..two }).is_empty());
}

#[test]
fn what_is_not_routed_waits_for_no_boot() {
    let desired = desired(1, &[(WORKER, 3)]);
    let none = Observed { places: Some(0), ..Observed::default() };
    let starts = ["start worker.1 v1", "start worker.2 v1", "start worker.3 v1"];
    assert_eq!(next(&desired, &none), starts);
}

#[test]
fn nothing_is_done_when_observed_is_desired() {
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WORKER, 1, 2, 1, Ready)], &[1]);
    assert!(next(&desired(1, &[(WEB, 1), (WORKER, 1)]), &world).is_empty());
}

#[test]
fn the_first_release_starts_routed_types_and_then_the_others() {
    let want = desired(1, &[(WEB, 1), (WORKER, 1)]);
    assert_eq!(next(&want, &observed(vec![], &[])), ["start web.1 v1"]);
    let booted = observed(vec![seen(WEB, 1, 1, 1, Ready)], &[]);
    assert_eq!(next(&want, &booted), ["route {1}", "start worker.1 v1"]);
}

#[test]
fn a_new_release_gets_no_request_until_all_its_routed_instances_are_ready() {
    let want = desired(2, &[(WEB, 2)]);
    let old = [seen(WEB, 1, 1, 1, Ready), seen(WEB, 2, 2, 1, Ready)];
    let half = [seen(WEB, 1, 3, 2, Ready), seen(WEB, 2, 4, 2, Starting)];
    assert!(next(&want, &observed([&old[..], &half[..]].concat(), &[1, 2])).is_empty());
    let whole = [seen(WEB, 1, 3, 2, Ready), seen(WEB, 2, 4, 2, Ready)];
    assert_eq!(next(&want, &observed([&old[..], &whole[..]].concat(), &[1, 2])), ["route {3, 4}"]);
}

#[test]
fn old_instances_stop_only_when_drained_and_not_held() {
    let mut want = desired(2, &[(WEB, 1)]);
    let both = vec![seen(WEB, 1, 1, 1, Ready), seen(WEB, 1, 2, 2, Ready)];
    let mut world = observed(both, &[2]);
    world.instances[0].drained = false;
    assert!(next(&want, &world).is_empty());
    world.instances[0].drained = true;
    assert_eq!(next(&want, &world), ["stop web.1#1"]);
    want.hold = true;
    assert!(next(&want, &world).is_empty());
}

#[test]
fn a_crash_of_the_new_release_during_the_watch_gives_the_requests_back() {
    let mut want = desired(2, &[(WEB, 1)]);
    want.hold = true;
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WEB, 1, 2, 2, Crashed)], &[2]);
    assert_eq!(next(&want, &world), ["route {1}"]);
}

#[test]
fn a_change_taken_back_stops_its_instances_at_once() {
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WEB, 1, 2, 2, Crashed)], &[1]);
    assert_eq!(next(&desired(1, &[(WEB, 1)]), &world), ["stop web.1#2"]);
}

#[test]
fn scaling_down_takes_the_highest_and_scaling_up_adds() {
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WEB, 2, 2, 1, Ready)], &[1, 2]);
    assert_eq!(next(&desired(1, &[(WEB, 1)]), &world), ["route {1}"]);
    assert_eq!(next(&desired(1, &[(WEB, 3)]), &world), ["start web.3 v1"]);
}

#[test]
fn a_restart_of_one_instance_keeps_the_others_serving() {
    let mut want = desired(1, &[(WEB, 2)]);
    want.replace.insert(1);
    let mut all = vec![seen(WEB, 1, 1, 1, Ready), seen(WEB, 2, 2, 1, Ready)];
    assert_eq!(next(&want, &observed(all.clone(), &[1, 2])), ["start web.1 v1"]);
    all.push(seen(WEB, 1, 3, 1, Ready));
    assert_eq!(next(&want, &observed(all.clone(), &[1, 2])), ["route {2, 3}"]);
    assert_eq!(next(&want, &observed(all, &[2, 3])), ["stop web.1#1"]);
}

#[test]
fn a_singleton_stops_before_its_successor_starts() {
    let mut want = desired(2, &[(WEB, 1), (WORKER, 1)]);
    for wanted in want.types.values_mut() {
        wanted.singleton = true;
    }
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WORKER, 1, 2, 1, Ready)], &[1]);
    assert_eq!(next(&want, &world), ["route {}", "stop worker.1#2"]);
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready)], &[]);
    assert_eq!(next(&want, &world), ["stop web.1#1"]);
    assert_eq!(next(&want, &observed(vec![], &[])), ["start web.1 v2"]);
}

#[test]
fn without_a_release_everything_stops() {
    let want = Desired::default();
    let world = observed(vec![seen(WEB, 1, 1, 1, Ready), seen(WORKER, 1, 2, 1, Ready)], &[1]);
    assert_eq!(next(&want, &world), ["route {}", "stop worker.1#2"]);
}

#[test]
fn a_failed_start_waits_for_its_time() {
    let mut world = observed(vec![], &[]);
    world.retry_at.insert((kind(WEB), 1), Timestamp::from_second(5).unwrap());
    assert!(next(&desired(1, &[(WEB, 1)]), &world).is_empty());
    let later = Timestamp::from_second(6).unwrap();
    assert_eq!(plan(&desired(1, &[(WEB, 1)]), &world, later).len(), 1);
}

/// A small world: two releases, two process types; the plan's actions are carried out at
/// once, everything else is an event that may or may not come.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct World {
    release: u64,
    web: u32,
    hold: bool,
    /// (worker?, index, keeper, release, state, drained)
    instances: Vec<(bool, u32, u64, u64, u8, bool)>,
    table: BTreeSet<u64>,
    served: bool,
}

impl World {
    fn desired(&self) -> Desired {
        Desired { hold: self.hold, ..desired(self.release, &[(WEB, self.web), (WORKER, 1)]) }
    }

    fn observed(&self) -> Observed {
        let states = [Starting, Ready, Crashed, State::Stopping];
        let instances =
            self.instances.iter().map(|(worker, index, keeper, release, state, drained)| {
                let name = if *worker { WORKER } else { WEB };
                let seen = seen(name, *index, *keeper, *release, states[usize::from(*state)]);
                Seen { drained: *drained, ..seen }
            });
        Observed {
            instances: instances.collect(),
            table: self.table.clone(),
            ..Observed::default()
        }
    }

    /// Carries out the plan until it is empty.
    fn settle(&mut self) {
        for _round in 0..20 {
            let actions = plan(&self.desired(), &self.observed(), Timestamp::UNIX_EPOCH);
            if actions.is_empty() {
                return;
            }
            actions.into_iter().for_each(|action| self.apply(action));
        }
        panic!("the plan does not become empty");
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Start { process_type, index, release } => {
                let keeper = self.instances.iter().map(|i| i.2).max().unwrap_or(0) + 1;
                let worker = process_type.as_str() == WORKER;
                self.instances.push((worker, index, keeper, release.0, 0, true));
            }
            Action::Route(keepers) => self.route(keepers),
            Action::Stop(id) => {
                assert!(!self.table.contains(&id.keeper), "an instance in the table was stopped");
                let stopped = self.instances.iter_mut().find(|i| i.2 == id.keeper).unwrap();
                assert!(stopped.5, "an instance with requests in flight was stopped");
                stopped.4 = 3;
            }
        }
    }

    fn route(&mut self, keepers: BTreeSet<u64>) {
        let able = self.instances.iter().any(|i| !i.0 && i.4 == 1 && i.3 <= self.release);
        assert!(!keepers.is_empty() || !able || self.web == 0, "a serving app lost its route");
        for instance in self.instances.iter_mut() {
            if keepers.contains(&instance.2) {
                assert_eq!(instance.4, 1, "an instance that is not ready was routed");
                instance.5 = false;
            }
        }
        self.served |= !keepers.is_empty();
        self.table = keepers;
    }

    fn successors(&self) -> Vec<World> {
        let mut next = Vec::new();
        let mut changed = |change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            world.settle();
            next.push(world);
        };
        changed(&|w| (w.release, w.hold) = (2, true));
        changed(&|w| (w.release, w.hold) = (1, false));
        changed(&|w| w.hold = false);
        changed(&|w| w.web = if w.web == 1 { 2 } else { 1 });
        for at in 0..self.instances.len() {
            let (_, _, keeper, _, state, drained) = self.instances[at];
            match state {
                0 => changed(&|w| w.instances[at].4 = 1),
                2 => changed(&|w| w.instances[at].4 = 0),
                3 => changed(&|w| _ = w.instances.remove(at)),
                _ => {}
            }
            if state < 2 {
                changed(&|w| (w.instances[at].4, w.instances[at].5) = (2, w.instances[at].5));
            }
            if !drained && !self.table.contains(&keeper) {
                changed(&|w| w.instances[at].5 = true);
            }
        }
        next
    }

    /// Every good thing that can happen happens: the world must become what is desired.
    fn heal(mut self) {
        self.hold = false;
        for _round in 0..50 {
            self.settle();
            self.instances.retain(|i| i.4 != 3);
            for instance in &mut self.instances {
                instance.4 = 1;
                instance.5 |= !self.table.contains(&instance.2);
            }
        }
        let mut found: Vec<_> = self.instances.iter().map(|i| (i.0, i.1, i.3)).collect();
        found.sort_unstable();
        let web = (1..=self.web).map(|index| (false, index, self.release));
        let wanted: Vec<_> = web.chain([(true, 1, self.release)]).collect();
        assert_eq!(found, wanted, "not converged");
        let routed = self.instances.iter().filter(|i| !i.0).map(|i| i.2).collect();
        assert_eq!(self.table, routed);
    }
}

/// All worlds that seven events can reach, each checked while its actions are carried out
/// and again after everything has healed.
#[test]
fn every_sequence_of_seven_events_keeps_serving_and_heals() {
    let mut start = World {
        release: 1,
        web: 1,
        hold: false,
        instances: vec![],
        table: BTreeSet::new(),
        served: false,
    };
    start.settle();
    let mut reached = HashSet::from([start.clone()]);
    let mut frontier = vec![start];
    for _depth in 0..7 {
        let found: Vec<World> = frontier.iter().flat_map(World::successors).collect();
        frontier = found.into_iter().filter(|world| reached.insert(world.clone())).collect();
    }
    assert!(reached.len() > 1000, "only {} worlds", reached.len());
    reached.into_iter().for_each(World::heal);
}

/// The best of a few, in microseconds of this thread: others of the machine do not count.
fn time_of_a_switch(instances: u32) -> u64 {
    let formation = [(WEB, instances)];
    let old = (1..=instances).map(|i| seen(WEB, i, u64::from(i), 1, State::Ready));
    let new = |i: u32| seen(WEB, i, u64::from(instances + i), 2, State::Ready);
    let table: Vec<u64> = (1..=u64::from(instances)).collect();
    let observed = observed(old.chain((1..=instances).map(new)).collect(), &table);
    let desired = desired(2, &formation);
    let once = |_| {
        let began = cpu_us();
        assert_eq!(plan(&desired, &observed, Timestamp::UNIX_EPOCH).len(), 1);
        cpu_us() - began
    };
    (0..5).map(once).min().unwrap().max(1)
}

fn cpu_us() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1000
}

#[test]
fn a_plan_of_ten_times_the_instances_does_not_take_a_hundred_times_as_long() {
    let (some, many) = (time_of_a_switch(300), time_of_a_switch(3000));
    assert!(many < 40 * some, "{some} µs for 300, {many} µs for 3000");
}
