//! Every sequence of events up to a depth, against what must always hold.

use super::*;
use std::collections::HashSet;

const DEPTH: usize = 8;

fn exit(code: i32) -> Exit {
    Exit { code: Some(code), ..Exit::default() }
}

fn events() -> Vec<Event> {
    vec![
        Event::Begin,
        Event::Running,
        Event::Exited(exit(1)),
        Event::OutOfMemory,
        Event::Empty,
        Event::Stop { window_ms: None },
        Event::Stop { window_ms: Some(10) },
        Event::Kill,
        Event::Restart,
        Event::Signal(1),
        Event::Tick,
        Event::Told,
    ]
}

/// What the world around the machine knows: whether there is a main process, whether
/// anything is alive, whether somebody asked for the end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct World {
    begun: bool,
    main: bool,
    others: bool,
    asked_to_stop: bool,
    term_sent: bool,
    kill_sent: bool,
    ended: bool,
    told_exits: u64,
}

impl World {
    /// Events the world cannot produce now are not tried.
    fn can_produce(&self, event: &Event) -> bool {
        match event {
            Event::Begin => !self.begun,
            _ if !self.begun => false,
            Event::Running | Event::Exited(_) => self.main,
            Event::Empty => !self.main,
            _ => !self.ended,
        }
    }

    fn before(&mut self, event: &Event) {
        match event {
            Event::Begin => self.begun = true,
            Event::Exited(_) => self.main = false,
            Event::Empty => self.others = false,
            Event::Stop { .. } | Event::Kill => self.asked_to_stop = true,
            _ => {}
        }
    }

    fn carry_out(&mut self, action: &Action, state: &State) {
        assert!(!self.ended, "{action:?} after the end");
        match action {
            Action::Spawn => {
                assert!(!self.main, "two main processes");
                assert!(!self.others, "a new incarnation beside the rest of the last");
                assert!(!self.asked_to_stop, "a start after a stop");
                *self = World { begun: true, main: true, others: true, ..self.clone() };
                (self.term_sent, self.kill_sent) = (false, false);
            }
            Action::Signal(signal) => {
                assert!(self.main, "a signal to nobody");
                self.term_sent |= *signal == 15;
            }
            Action::KillAll => self.kill_sent = true,
            Action::Tell(Notice::Exited(_)) => {
                assert!(!self.main && !self.others, "told the end of something alive");
                self.told_exits += 1;
                assert!(self.told_exits <= state.incarnation, "one end told twice");
            }
            Action::Tell(Notice::Stopped) => assert!(!self.main && !self.others),
            Action::End => {
                assert!(!self.main && !self.others, "ended with something alive");
                self.ended = true;
            }
            Action::Tell(_) | Action::Log(_) => {}
        }
    }
}

type Seen = HashSet<(String, World, u64)>;

fn walk(state: &State, world: &World, now: u64, depth: usize, seen: &mut Seen) -> u64 {
    if depth == 0 || !seen.insert((format!("{state:?}{depth}"), world.clone(), now)) {
        return 0;
    }
    let mut steps = 0;
    for event in events() {
        if !world.can_produce(&event) {
            continue;
        }
        // A tick comes when it is due; everything else a little later than the last.
        let now = match (&event, state.wakeup()) {
            (Event::Tick, Some(due)) => due.max(now),
            _ => now + 7,
        };
        let mut world = world.clone();
        world.before(&event);
        let (next, actions) = step(state.clone(), event.clone(), Moment { now, jitter: 500 });
        for action in &actions {
            world.carry_out(action, &next);
        }
        check(state, &event, &next, &world);
        steps += 1 + walk(&next, &world, now, depth - 1, seen);
        a_kill_ends_it(&next, &world, now);
    }
    steps
}

fn check(state: &State, event: &Event, next: &State, world: &World) {
    assert_eq!(next.main_alive, world.main);
    assert_eq!(next.phase == Phase::Ended, world.ended);
    if world.asked_to_stop && !world.ended {
        assert!(
            next.goal == Goal::Stop || matches!(next.phase, Phase::Final { .. }),
            "a stop was forgotten at {event:?}: {next:?}"
        );
    }
    if let (Phase::Stopping { kill_at: before, .. }, Phase::Stopping { kill_at, .. }) =
        (state.phase, next.phase)
    {
        assert!(kill_at <= before, "{event:?} lengthened a stop");
    }
    // Something will always happen without anybody's help, or it is simply running.
    let quiet = matches!(next.phase, Phase::New | Phase::Starting | Phase::Ended)
        || matches!(next.phase, Phase::Running { ready: true, .. });
    assert!(quiet || next.wakeup().is_some(), "stuck in {next:?}");
    let alone = !world.main && !world.others && world.begun;
    assert!(!alone || !matches!(next.phase, Phase::Running { .. } | Phase::Starting));
}

/// From anywhere: a kill, and a world in which the killed die, lead to the end.
fn a_kill_ends_it(state: &State, world: &World, now: u64) {
    let (mut state, mut world) = (state.clone(), world.clone());
    let at = |now| Moment { now, jitter: 0 };
    let mut feed = |event: Event, now: u64| {
        world.before(&event);
        let (next, actions) = step(state.clone(), event, at(now));
        actions.iter().for_each(|action| world.carry_out(action, &next));
        state = next;
        (state.main_alive, state.awaits_empty(), state.phase)
    };
    let (main, ..) = feed(Event::Kill, now);
    let (_, waits, _) =
        if main { feed(Event::Exited(exit(137)), now) } else { feed(Event::Tick, now) };
    let (.., phase) = if waits { feed(Event::Empty, now) } else { feed(Event::Tick, now) };
    let phase = if phase == Phase::New { return } else { phase };
    let (.., phase) =
        if phase == Phase::Ended { return } else { feed(Event::Tick, now + FINAL_MS) };
    assert_eq!(phase, Phase::Ended);
}

#[test]
fn no_sequence_of_events_breaks_the_lifecycle() {
    let always = Restart::Always { first_ms: 100, most_ms: 400, healthy_ms: 1000 };
    for restart in [always, Restart::Never] {
        let state = State::new(restart, 30_000);
        let steps = walk(&state, &World::default(), 0, DEPTH, &mut HashSet::new());
        assert!(steps > 10_000, "only {steps} steps");
    }
}
