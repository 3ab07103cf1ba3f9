use super::*;

const ALWAYS: Restart = Restart::Always { first_ms: 1000, most_ms: 10_000, healthy_ms: 60_000 };

struct Machine {
    state: State,
    now: u64,
}

impl Machine {
    fn running(restart: Restart) -> Machine {
        let mut machine = Machine { state: State::new(restart, 30_000), now: 0 };
        assert_eq!(machine.feed(Event::Begin), [Action::Spawn]);
        machine.feed(Event::Running);
        machine
    }

    fn feed(&mut self, event: Event) -> Vec<Action> {
        let (state, actions) =
            step(self.state.clone(), event, Moment { now: self.now, jitter: 500 });
        self.state = state;
        actions
    }

    fn crash(&mut self) -> Vec<Action> {
        self.feed(Event::Exited(Exit { code: Some(1), ..Exit::default() }));
        self.feed(Event::Empty)
    }

    /// To the moment of its next wake-up.
    fn wake(&mut self) -> Vec<Action> {
        self.now = self.state.wakeup().unwrap();
        self.feed(Event::Tick)
    }

    fn restart_delay(&mut self) -> u64 {
        assert!(self.crash().iter().any(|a| matches!(a, Action::Tell(Notice::Restarting { .. }))));
        let delay = match self.state.phase {
            Phase::BackingOff { until } => until - self.now,
            _ => 0,
        };
        if delay > 0 {
            assert!(self.wake().contains(&Action::Spawn));
        }
        self.feed(Event::Running);
        delay
    }
}

#[test]
fn the_first_restart_is_at_once_and_later_ones_double_up_to_the_most() {
    let mut machine = Machine::running(ALWAYS);
    let delays: Vec<u64> = (0..7).map(|_| machine.restart_delay()).collect();
    assert_eq!(delays, [0, 1000, 2000, 4000, 8000, 10_000, 10_000]);
}

#[test]
fn a_minute_of_health_makes_the_next_restart_a_first_one() {
    let mut machine = Machine::running(ALWAYS);
    for _ in 0..4 {
        machine.restart_delay();
    }
    machine.now += 60_000;
    assert_eq!(machine.restart_delay(), 0);
}

#[test]
fn jitter_spreads_a_quarter_either_way_and_stays_below_the_most() {
    assert_eq!(delay(1, 1000, 9000, 0), 750);
    assert_eq!(delay(1, 1000, 9000, 1000), 1250);
    assert_eq!(delay(9, 1000, 9000, 1000), 9000);
    assert_eq!(delay(u32::MAX, u64::MAX, 300_000, 500), 300_000);
}

#[test]
fn an_app_is_ready_when_alive_for_a_second_once() {
    let mut machine = Machine::running(ALWAYS);
    machine.now = 999;
    assert_eq!(machine.feed(Event::Tick), []);
    assert!(machine.wake().contains(&Action::Tell(Notice::Ready)));
    assert_eq!(machine.state.wakeup(), None);
}

#[test]
fn a_stop_waits_for_the_last_process_and_kills_after_the_window() {
    let mut machine = Machine::running(ALWAYS);
    assert!(machine.feed(Event::Stop { window_ms: None }).contains(&Action::Signal(15)));
    let exit = Exit { code: Some(0), ..Exit::default() };
    assert!(!machine.feed(Event::Exited(exit)).contains(&Action::KillAll), "children have time");
    let actions = machine.wake();
    assert_eq!(machine.now, 30_000);
    assert!(actions.contains(&Action::KillAll));
    assert!(actions.iter().any(|a| matches!(a, Action::Log(line) if line.contains("R12"))));
    assert_eq!(machine.wake(), [Action::KillAll], "again, until nobody is left");
    let end = machine.feed(Event::Empty);
    assert!(end.ends_with(&[Action::Tell(Notice::Stopped), Action::End]), "{end:?}");
}

#[test]
fn an_out_of_memory_kill_is_named() {
    let mut machine = Machine::running(ALWAYS);
    let exit = Exit { signal: Some(9), oom: true, ..Exit::default() };
    let actions = machine.feed(Event::Exited(exit));
    let line = Action::Log("Error R14 (Memory quota exceeded)".into());
    assert!(actions.contains(&line), "{actions:?}");
}

#[test]
fn a_stop_during_back_off_ends_it_at_once() {
    let mut machine = Machine::running(ALWAYS);
    machine.restart_delay();
    machine.crash();
    assert!(matches!(machine.state.phase, Phase::BackingOff { .. }));
    let end = machine.feed(Event::Stop { window_ms: None });
    assert_eq!(end, [Action::Tell(Notice::Stopped), Action::End]);
}

#[test]
fn a_final_result_waits_for_somebody_to_hear_it_but_not_for_ever() {
    let mut machine = Machine::running(Restart::Never);
    machine.crash();
    assert_eq!(machine.wake(), [Action::End]);
    assert_eq!(machine.now, FINAL_MS);
    let mut machine = Machine::running(Restart::Never);
    machine.crash();
    assert_eq!(machine.feed(Event::Told), [Action::End]);
}
