//! Stops a process at its k-th step, which is then its last or fails. It is attached to a
//! process that runs already, by ptrace, so that the product holds no code for it and every
//! step counts, whoever wrote it: ours, SQLite's or the standard library's.

use super::calls::Call;
use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Of the kernel's header: `op` of `ptrace_syscall_info`.
const ENTRY: u8 = 1;
/// The stop that PTRACE_INTERRUPT and an automatic attach lead to.
const EVENT_STOP: i32 = 128;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// The process itself, with all its threads.
    Itself,
    /// The keepers it starts, until they have become what they keep.
    ItsKeepers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// SIGKILL, instead of the call.
    Kill,
    /// The call is not made and says so.
    Fail(Errno),
}

#[derive(Clone, Copy)]
pub struct Aim {
    pub pid: i32,
    pub whom: Whom,
    pub blow: Blow,
    /// Which calls count.
    pub counts: fn(&Call) -> bool,
    /// From 1.
    pub step: u64,
}

/// The step that was struck.
#[derive(Debug, Clone)]
pub struct Struck {
    pub at: Instant,
    pub call: String,
}

pub struct Tracer {
    pid: Pid,
    stop: Arc<AtomicBool>,
    struck: Receiver<Struck>,
    thread: JoinHandle<u64>,
}

impl Tracer {
    /// Returns when it watches.
    pub fn attach(aim: Aim) -> Tracer {
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, struck) = channel();
        let (tell_ready, ready) = channel();
        let pid = Pid::from_raw(aim.pid);
        let told = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut watch = Watch::new(aim);
            watch.seize_all();
            let _ = tell_ready.send(());
            let struck = watch.run(&told);
            struck.into_iter().for_each(|struck| _ = tell.send(struck));
            // With this thread end its holds on the others.
            watch.steps
        });
        let _ = ready.recv();
        Tracer { pid, stop, struck, thread }
    }

    /// What has been struck, once it has.
    pub fn struck(&self) -> Option<Struck> {
        self.struck.try_recv().ok()
    }

    /// Lets go of the process. Returns how many steps were counted, and which was struck since
    /// it was last asked.
    pub fn end(self) -> (u64, Option<Struck>) {
        self.stop.store(true, Ordering::SeqCst);
        // It is ignored, but it makes a tracee stop, and so wakes the thread that waits.
        while !self.thread.is_finished() {
            let _ = kill(self.pid, Signal::SIGWINCH);
            std::thread::sleep(Duration::from_millis(1));
        }
        (self.thread.join().unwrap(), self.struck.try_recv().ok())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Itself,
    /// Not yet known what it will be.
    Child,
    Keeper,
}

struct Watch {
    aim: Aim,
    roles: BTreeMap<Pid, Role>,
    /// Those that have begun before whoever began them has told so.
    held: BTreeSet<Pid>,
    /// Whose call was replaced, until it returns.
    replaced: Option<Pid>,
    steps: u64,
    struck: Option<Struck>,
}

impl Watch {
    fn new(aim: Aim) -> Watch {
        let (roles, held) = (BTreeMap::new(), BTreeSet::new());
        Watch { aim, roles, held, replaced: None, steps: 0, struck: None }
    }

    fn seize_all(&mut self) {
        let mut options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        if self.aim.whom == Whom::ItsKeepers {
            options |= Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
            options |= Options::PTRACE_O_TRACEEXEC;
        }
        let mut seen = BTreeSet::new();
        // A thread that was not seen may have begun another before it was held.
        loop {
            let tasks = std::fs::read_dir(format!("/proc/{}/task", self.aim.pid));
            let names = tasks.into_iter().flatten().flatten().map(|task| task.file_name());
            let all = names.filter_map(|name| name.to_string_lossy().parse().ok());
            let new: Vec<i32> = all.filter(|tid| seen.insert(*tid)).collect();
            if new.is_empty() {
                return;
            }
            for tid in new.into_iter().map(Pid::from_raw) {
                if ptrace::seize(tid, options).is_ok() {
                    self.roles.insert(tid, Role::Itself);
                    let _ = ptrace::interrupt(tid);
                }
            }
        }
    }

    fn run(&mut self, stop: &AtomicBool) -> Option<Struck> {
        let flags = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        while !stop.load(Ordering::SeqCst) {
            match waitpid(Pid::from_raw(-1), Some(flags)) {
                Ok(status) => self.handle(status),
                Err(Errno::ECHILD) => break,
                Err(_) => {}
            }
            if self.struck.is_some() && self.replaced.is_none() {
                break;
            }
        }
        self.struck.take()
    }

    fn handle(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::PtraceSyscall(pid) => {
                self.syscall(pid);
                self.go_on(pid, None);
            }
            WaitStatus::PtraceEvent(pid, _, EVENT_STOP) if !self.roles.contains_key(&pid) => {
                self.held.insert(pid);
            }
            WaitStatus::PtraceEvent(pid, _, EVENT_STOP) => self.go_on(pid, None),
            WaitStatus::PtraceEvent(pid, _, event) => {
                self.event(pid, event);
                self.go_on(pid, None);
            }
            WaitStatus::Stopped(pid, signal) => self.go_on(pid, Some(signal)),
            WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, _, _) => {
                self.roles.remove(&pid);
            }
            _ => {}
        }
    }

    /// Only those that are watched stop at their calls.
    fn go_on(&mut self, pid: Pid, signal: Option<Signal>) {
        let Some(role) = self.roles.get(&pid).copied() else { return };
        // Whoever has been killed meanwhile need not go on.
        let _ = match self.watches(role) {
            true => ptrace::syscall(pid, signal),
            false => ptrace::cont(pid, signal),
        };
    }

    fn watches(&self, role: Role) -> bool {
        match self.aim.whom {
            Whom::Itself => true,
            Whom::ItsKeepers => role == Role::Keeper,
        }
    }

    fn event(&mut self, pid: Pid, event: i32) {
        use nix::libc::{PTRACE_EVENT_CLONE, PTRACE_EVENT_EXEC};
        let role = self.roles.get(&pid).copied();
        if event == PTRACE_EVENT_EXEC {
            let role = if is_keeper(pid) { Role::Keeper } else { Role::Child };
            self.roles.insert(pid, role);
        } else if let Ok(new) = ptrace::getevent(pid) {
            let role = match role {
                Some(Role::Keeper) => Role::Keeper,
                Some(Role::Itself) if event == PTRACE_EVENT_CLONE => Role::Itself,
                _ => Role::Child,
            };
            let new = Pid::from_raw(new as i32);
            self.roles.insert(new, role);
            if self.held.remove(&new) {
                self.go_on(new, None);
            }
        }
    }

    fn syscall(&mut self, pid: Pid) {
        let Ok(info) = ptrace::syscall_info(pid) else { return };
        let Ok(mut regs) = ptrace::getregs(pid) else { return };
        if self.replaced == Some(pid) && info.op != ENTRY {
            let Blow::Fail(error) = self.aim.blow else { return };
            regs.rax = -i64::from(error as i32) as u64;
            let _ = ptrace::setregs(pid, regs);
            self.replaced = None;
            return;
        }
        if info.op != ENTRY || self.struck.is_some() {
            return;
        }
        let call = Call::of(pid.as_raw(), &regs);
        if !(self.aim.counts)(&call) {
            return;
        }
        self.steps += 1;
        if self.steps != self.aim.step {
            return;
        }
        self.struck = Some(Struck { at: Instant::now(), call: call.to_string() });
        match self.aim.blow {
            Blow::Kill => _ = kill(pid, Signal::SIGKILL),
            Blow::Fail(_) => {
                // A call that is none.
                regs.orig_rax = u64::MAX;
                let _ = ptrace::setregs(pid, regs);
                self.replaced = Some(pid);
            }
        }
    }
}

fn is_keeper(pid: Pid) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(b"keeper")
}
