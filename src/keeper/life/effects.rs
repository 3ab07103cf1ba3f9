//! What the machine decided, done.

use super::Life;
use crate::keeper::incarnation::{Main, not_started, pipe};
use crate::keeper::machine::{Action, Event};
use crate::keeper::protocol::{Exit, Notice};
use crate::keeper::spec::Restart;
use crate::keeper::words;
use crate::sandbox::{StepError, sys};
use std::time::Duration;

impl Life {
    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::Spawn => self.spawn(),
            Action::Signal(signal) => {
                if let Some(main) = &self.main {
                    main.signal(signal);
                }
            }
            Action::KillAll => {
                if let Some(cgroup) = &self.cgroup {
                    cgroup.kill();
                }
                let _ = sys::kill_all_others();
            }
            Action::Tell(notice) => self.tell(notice),
            Action::Log(line) => self.stream.say(&line),
            Action::End => self.clean_up(),
        }
    }

    fn spawn(&mut self) {
        match self.start_main() {
            Ok(main) => self.main = Some(main),
            Err(error) => self.happen(Event::Exited(not_started(&error))),
        }
        if self.spec.restart == Restart::Never {
            // So that a reader sees the end when the process ends, not the keeper.
            self.stdio = None;
        }
    }

    fn start_main(&mut self) -> Result<Main, StepError> {
        let made = pipe(&mut self.stream, self.state.incarnation)?;
        self.stream.say(&words::starting(&self.spec.argv));
        let program = self.program.as_ref().map_err(Clone::clone)?;
        Main::start(&self.spec, program, self.cgroup.as_ref(), self.stdio.as_ref(), &made)
    }

    fn tell(&mut self, notice: Notice) {
        let notice = match notice {
            Notice::Restarting { at, n } => Notice::Restarting { at: self.to_wall(at), n },
            other => other,
        };
        if let (Notice::Exited(exit), Restart::Never) = (&notice, &self.spec.restart) {
            self.note_result(exit.clone());
        }
        let reached = self.clients.tell_all(&notice);
        self.told |= reached > 0 && matches!(notice, Notice::Exited(_) | Notice::Stopped);
    }

    fn note_result(&mut self, exit: Exit) {
        if let Some(record) = &mut self.record {
            record.result = Some(exit);
            let _ = record.write(&self.spec.record);
        }
    }

    /// Nothing stays but, for a process that is not restarted, the record with its result.
    pub fn clean_up(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.destroy(Duration::from_secs(5));
        }
        let _ = std::fs::remove_file(&self.spec.socket);
        if self.spec.restart != Restart::Never {
            let _ = std::fs::remove_file(&self.spec.record);
        }
    }
}
