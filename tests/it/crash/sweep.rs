//! Fault after fault: every step of every change in turn, by several worlds at once.

use super::fault::Line;
use super::subject::Subject;
use super::tally::{Broken, Tally};
use super::trial::{Ended, trial};
use crate::chaos::Random;
use crate::world::World;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Instant;

/// So many faults in one world: history makes each question slower.
const MOST_IN_ONE_WORLD: usize = 60;
/// More of them say nothing new.
const MOST_FAILURES: usize = 50;
/// A change that never ends is no reason to count on.
const MOST_STEPS: u64 = 3000;

/// Which step of which line is next.
pub enum Order {
    /// From the first step on, line after line, again and again.
    InTurn {
        line: usize,
        step: u64,
        /// Lines without any step, one after the other.
        without: usize,
    },
    /// Any step of any line; how many each has is learnt from those that were missed.
    Random { random: Random, steps: BTreeMap<Line, u64> },
}

pub struct Sweep {
    lines: Vec<Line>,
    order: Mutex<Order>,
    tally: Mutex<Tally>,
    wanted: usize,
    until: Instant,
}

impl Sweep {
    pub fn new(lines: Vec<Line>, order: Order, wanted: usize, until: Instant) -> Sweep {
        Sweep { lines, order: order.into(), tally: Mutex::default(), wanted, until }
    }

    /// Runs in so many worlds at once.
    pub fn run(self, worlds: usize) -> Tally {
        std::thread::scope(|scope| {
            (0..worlds).for_each(|_| _ = scope.spawn(|| self.work()));
        });
        self.tally.into_inner().unwrap()
    }

    fn work(&self) {
        while !self.is_over() {
            // One that cannot be made, or leaves something behind, does not end the others.
            if catch_unwind(AssertUnwindSafe(|| self.one_world())).is_err() {
                let mut tally = self.tally.lock().unwrap();
                tally.failures.push("a whole world: see the panic above".to_string());
            }
        }
    }

    fn one_world(&self) {
        let world = World::new();
        let mut subject = Subject::new(&world);
        let (mut faults, mut good) = (0, true);
        while good && !self.is_over() && faults < MOST_IN_ONE_WORLD {
            let (line, step) = self.next();
            good = self.one(&mut subject, line, step);
            faults += 1;
        }
        drop(subject);
        // Where something is wrong already, more of it says nothing.
        if good {
            world.leave();
        }
    }

    fn is_over(&self) -> bool {
        let endless = match &*self.order.lock().unwrap() {
            Order::InTurn { without, .. } => *without > 2 * self.lines.len(),
            Order::Random { .. } => false,
        };
        let tally = self.tally.lock().unwrap();
        let (faults, failures) = (tally.faults(), tally.failures.len());
        endless || failures >= MOST_FAILURES || faults >= self.wanted || Instant::now() > self.until
    }

    fn next(&self) -> (Line, u64) {
        match &mut *self.order.lock().unwrap() {
            Order::InTurn { line, step, .. } => {
                *step += 1;
                (self.lines[*line], *step)
            }
            Order::Random { random, steps } => {
                let line = *random.pick(&self.lines);
                let most = steps.get(&line).copied().unwrap_or(60);
                (line, 1 + random.below(most))
            }
        }
    }

    /// The change has fewer steps than this.
    fn missed(&self, missed: Line, at: u64, found: u64) {
        match &mut *self.order.lock().unwrap() {
            Order::InTurn { line, step, without } if self.lines[*line] == missed && at <= *step => {
                eprintln!("crash: {missed} has {found} steps");
                *without = if *step > 1 { 0 } else { *without + 1 };
                (*line, *step) = ((*line + 1) % self.lines.len(), 0);
            }
            Order::InTurn { .. } => {}
            Order::Random { steps, .. } => _ = steps.insert(missed, found.max(1)),
        }
    }

    /// False when the world is not as it should be.
    fn one(&self, subject: &mut Subject<'_>, line: Line, step: u64) -> bool {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| trial(subject, line, step)));
        let ended = ended.unwrap_or_else(|_| Err((Broken::Other, "see the panic above".into())));
        let mut tally = self.tally.lock().unwrap();
        let good = match ended {
            Ok(Ended::Struck(outcome)) => {
                tally.add(line, outcome);
                true
            }
            Ok(Ended::Missed(found)) => {
                drop(tally);
                self.missed(line, step, found);
                return true;
            }
            Err((how, why)) => {
                eprintln!("crash: FAILED XII_TEST_CRASH={line}:{step}: {why}");
                tally.fail(line, step, how, &why);
                false
            }
        };
        let faults = tally.faults();
        if faults.is_multiple_of(100) {
            eprintln!("crash: {faults}: {line}:{step} took {:?}", began.elapsed());
        }
        if step > MOST_STEPS {
            drop(tally);
            self.missed(line, step, step);
        }
        good
    }
}
