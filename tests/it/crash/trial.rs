//! One fault during one change, and everything that must hold after it.

use super::fault::{Fault, Kind, Line};
use super::leftovers;
use super::subject::{Change, MAIN, Seen, States, Subject, wanted};
use super::tally::{Broken, Outcome};
use super::tracer::{Aim, Struck, Tracer, Whom};
use crate::chaos::{Victim, pids};
use crate::world::{PATIENCE, Said, World, is_alive};
use std::time::{Duration, Instant};

pub enum Ended {
    /// The change had fewer steps: so many.
    Missed(u64),
    Struck(Outcome),
}

/// Whatever takes so long waits for something that does not come.
const SLOW: Duration = Duration::from_secs(20);

type Wrong = (Broken, String);

/// What came of a command during which a step was struck, or was to be.
struct Disturbed {
    said: Said,
    struck: Option<Struck>,
    steps: u64,
    recovered: Option<Duration>,
}

/// Makes the change and strikes at this step of it.
pub fn trial(subject: &mut Subject<'_>, line: Line, step: u64) -> Result<Ended, Wrong> {
    let starts = line.fault.whom() == Whom::ItsKeepers;
    let change = subject.prepare_to(line.change, starts);
    let Disturbed { said, struck, steps, recovered } = disturb(subject, &change, line, step)?;
    let Some(struck) = struck else {
        let missed = check(subject, line, &change, &said, "nothing");
        return missed.map(|_| Ended::Missed(steps));
    };
    let outcome = check(subject, line, &change, &said, &struck.call)?;
    if struck.at.elapsed() > SLOW {
        eprintln!("crash: slow after {} in {line}:{step}: {said:?}", struck.call);
    }
    Ok(Ended::Struck(Outcome { recovered, ..outcome }))
}

/// The command runs to its end; a server that dies meanwhile is followed by another at once.
fn disturb(
    subject: &Subject<'_>,
    change: &Change,
    line: Line,
    step: u64,
) -> Result<Disturbed, Wrong> {
    let world = subject.world;
    let victim = world.until("the victim", || pids(world, line.fault.victim()).first().copied());
    let fault = line.fault;
    let aim =
        Aim { pid: victim, whom: fault.whom(), blow: fault.blow(), counts: fault.counts(), step };
    let tracer = Tracer::attach(aim);
    let mut child = subject.begin(change);
    let (mut struck, mut recovered) = (None, None);
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if struck.is_none() {
            struck = tracer.struck();
            recovered = struck.as_ref().map_or(Ok(None), |at| recovery(world, line, victim, at))?;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let said = child.wait_with_output().unwrap().into();
    // What goes on after the command has ended is of the change, too.
    let (steps, last) = tracer.end();
    if let Some(last) = last {
        recovered = recovery(world, line, victim, &last)?;
        struck = Some(last);
    }
    Ok(Disturbed { said, struck, steps, recovered })
}

/// From the death of a process of the platform until the server and the app answer. Without a
/// server the app answers all the time.
fn recovery(
    world: &World,
    line: Line,
    victim: i32,
    struck: &Struck,
) -> Result<Option<Duration>, Wrong> {
    if !line.fault.is_kill() || line.fault.whom() != Whom::Itself {
        return Ok(None);
    }
    world.until("the victim is gone", || (!is_alive(victim)).then_some(()));
    let wrong = |what: &str| Err((Broken::Other, format!("{what}, after {}", struck.call)));
    let answers = || world.get("app.localhost", "/").status == 200;
    if pids(world, Victim::Server).is_empty() {
        if !answers() {
            return wrong("without a server the app does not answer");
        }
        let _ = world.xii(&["up"]).ok();
    }
    match world.within(PATIENCE, || answers().then_some(())) {
        Some(()) => Ok(Some(struck.at.elapsed())),
        None => wrong("the app does not answer again"),
    }
}

fn check(
    subject: &mut Subject<'_>,
    line: Line,
    change: &Change,
    said: &Said,
    at: &str,
) -> Result<Outcome, Wrong> {
    let tell = |what: String| format!("{what}, after {at}: {said:?}");
    if !line.fault.is_kill() && pids(subject.world, Victim::Server).is_empty() {
        return Err((Broken::Other, tell("the error has ended the server".into())));
    }
    // Between its fork and its program, a process that is killed is the app's already.
    let is_killed = said.err.contains("signal 9") || said.err.contains("it was killed (137)");
    let may_be_the_app = line.fault == Fault::KillKeeper && is_killed;
    let code = if said.code == 3 && may_be_the_app { 1 } else { said.code };
    if ![0, 1].contains(&code) || code == 1 && !said.err.contains("error: ") {
        return Err((Broken::Other, tell(format!("exit {}", said.code))));
    }
    let acknowledged = said.code == 0;
    let seen = subject.see();
    let done = whether_done(line.change, change, &seen.states, acknowledged)
        .map_err(|(how, what)| (how, tell(what)))?;
    check_releases(subject, &seen).map_err(|(how, what)| (how, tell(what)))?;
    if acknowledged {
        subject.learn_of(&seen);
    }
    if !acknowledged && is_repeated(line, done) {
        repeat(subject, change).map_err(|(how, what)| (how, tell(what)))?;
    }
    settle(subject).map_err(|(how, what)| (how, tell(what)))?;
    Ok(Outcome { acknowledged, done, recovered: None })
}

/// All of the change or nothing of it; all of it, if it was acknowledged.
fn whether_done(
    kind: Kind,
    change: &Change,
    found: &States,
    acknowledged: bool,
) -> Result<bool, Wrong> {
    let known = |code: bool| {
        let states = found.iter().filter(|(_, state)| !code || state.code > 0);
        states.map(|(name, state)| (name.clone(), state.clone())).collect::<States>()
    };
    // A first deploy that fails has made the app's name.
    let as_before = change.before == known(kind == Kind::First);
    if change.after == known(false) {
        return Ok(true);
    }
    let both = format!("{:?} → {:?}, but {found:?}", change.before, change.after);
    match (as_before, acknowledged) {
        (true, false) => Ok(false),
        (_, true) => Err((Broken::Lost, format!("an acknowledged change is lost: {both}"))),
        (false, false) => Err((Broken::Other, format!("neither before nor after: {both}"))),
    }
}

fn check_releases(subject: &Subject<'_>, seen: &Seen) -> Result<(), Wrong> {
    for number in subject.acknowledged.keys() {
        if seen.statuses.get(number).is_none_or(|status| status != "active") {
            let what = format!("v{number} was acknowledged: {:?}", seen.statuses);
            return Err((Broken::Lost, what));
        }
    }
    if let Some((number, _)) = seen.statuses.iter().find(|(_, status)| *status == "pending") {
        return Err((Broken::Other, format!("v{number} is pending")));
    }
    let verified = subject.ask(&format!("/apps/{MAIN}/releases/verify"));
    match verified["problems"].as_array().is_some_and(Vec::is_empty) {
        true => Ok(()),
        false => Err((Broken::Lost, format!("{verified}"))),
    }
}

/// After a kill the next change shows that everything goes on; but that one is of a known app.
fn is_repeated(line: Line, done: bool) -> bool {
    let makes_or_ends = matches!(line.change, Kind::First | Kind::Destroy | Kind::DestroyApp);
    match line.fault.is_kill() {
        true => !done && line.change == Kind::First,
        false => !makes_or_ends || !done,
    }
}

/// The same command succeeds now, and its change is there.
fn repeat(subject: &mut Subject<'_>, change: &Change) -> Result<(), Wrong> {
    let said = Said::from(subject.command(change).output().unwrap());
    if said.code != 0 {
        return Err((Broken::Other, format!("the same command again: {said:?}")));
    }
    let found = subject.see().states;
    if found != change.after {
        return Err((Broken::Lost, format!("the same command again led to {found:?}")));
    }
    subject.learn();
    Ok(())
}

/// Exactly what is wanted runs, the page says so, and nothing else is left.
fn settle(subject: &Subject<'_>) -> Result<(), Wrong> {
    let world = subject.world;
    let mut last = (Vec::new(), Vec::new(), String::new());
    let settled = world.within(PATIENCE, || {
        let seen = subject.see();
        let (running, known) = subject.running(&seen);
        let page = world.get("app.localhost", "/env/CODE").body;
        let runs = running == wanted(&seen);
        let says = page == seen.states[MAIN].code.to_string();
        let left = if runs { leftovers::of(world, &known) } else { Vec::new() };
        let good = runs && says && left.is_empty();
        last = (running, left, page);
        good.then_some(())
    });
    match settled {
        Some(()) => Ok(()),
        None => {
            let (running, left, page) = last;
            let how = if left.is_empty() { Broken::Other } else { Broken::Orphan };
            let wanted = wanted(&subject.see());
            let what = format!("runs {running:?}, wanted {wanted:?}, page {page:?}, left {left:?}");
            Err((how, what))
        }
    }
}
