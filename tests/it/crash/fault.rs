//! What is done to whom, and during which change.

use super::calls::{self, Call};
use super::tracer::{Blow, Whom};
use crate::chaos::Victim;
use nix::errno::Errno;

/// One row of the table: one step after the other of a change meets the same fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    pub change: Kind,
    pub fault: Fault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Deploy,
    Config,
    Scale,
    Rollback,
    Restart,
    /// The first deploy of an app that xii does not know.
    First,
    /// Of a deploy.
    Destroy,
    /// Of an app with two deploys.
    DestroyApp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    KillServer,
    KillKeeper,
    KillRouter,
    KillRouterKeeper,
    /// In the server.
    DiskFails,
    DiskFull,
    NoDescriptors,
    NoProcesses,
    /// In a keeper that starts.
    KeeperFails,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Deploy,
        Kind::Config,
        Kind::Scale,
        Kind::Rollback,
        Kind::Restart,
        Kind::First,
        Kind::Destroy,
        Kind::DestroyApp,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Deploy => "deploy",
            Kind::Config => "config",
            Kind::Scale => "scale",
            Kind::Rollback => "rollback",
            Kind::Restart => "restart",
            Kind::First => "first-deploy",
            Kind::Destroy => "destroy",
            Kind::DestroyApp => "apps-destroy",
        }
    }
}

impl Fault {
    pub const ALL: [Fault; 9] = [
        Fault::KillServer,
        Fault::KillKeeper,
        Fault::KillRouter,
        Fault::KillRouterKeeper,
        Fault::DiskFails,
        Fault::DiskFull,
        Fault::NoDescriptors,
        Fault::NoProcesses,
        Fault::KeeperFails,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Fault::KillServer => "kill-server",
            Fault::KillKeeper => "kill-keeper",
            Fault::KillRouter => "kill-router",
            Fault::KillRouterKeeper => "kill-router-keeper",
            Fault::DiskFails => "server-EIO",
            Fault::DiskFull => "server-ENOSPC",
            Fault::NoDescriptors => "server-EMFILE",
            Fault::NoProcesses => "server-EAGAIN",
            Fault::KeeperFails => "keeper-EIO",
        }
    }

    pub fn victim(self) -> Victim {
        match self {
            Fault::KillRouter => Victim::Router,
            Fault::KillRouterKeeper => Victim::RouterKeeper,
            _ => Victim::Server,
        }
    }

    pub fn whom(self) -> Whom {
        match self {
            Fault::KillKeeper | Fault::KeeperFails => Whom::ItsKeepers,
            _ => Whom::Itself,
        }
    }

    pub fn blow(self) -> Blow {
        match self {
            Fault::DiskFails | Fault::KeeperFails => Blow::Fail(Errno::EIO),
            Fault::DiskFull => Blow::Fail(Errno::ENOSPC),
            Fault::NoDescriptors => Blow::Fail(Errno::EMFILE),
            Fault::NoProcesses => Blow::Fail(Errno::EAGAIN),
            _ => Blow::Kill,
        }
    }

    pub fn is_kill(self) -> bool {
        self.blow() == Blow::Kill
    }

    pub fn counts(self) -> fn(&Call) -> bool {
        match self {
            Fault::DiskFails => calls::stores,
            Fault::DiskFull => calls::takes_room,
            Fault::NoDescriptors => calls::opens,
            Fault::NoProcesses => calls::begins_a_process,
            _ => calls::changes,
        }
    }
}

impl Line {
    /// The server's death at each step first; a destroyed deploy starts no keeper.
    pub fn all() -> Vec<Line> {
        let of = |fault| Kind::ALL.map(|change| Line { change, fault });
        let all = Fault::ALL.into_iter().flat_map(of);
        all.filter(|line| {
            let destroys = matches!(line.change, Kind::Destroy | Kind::DestroyApp);
            !(destroys && line.fault.whom() == Whom::ItsKeepers)
        })
        .collect()
    }

    /// `deploy:kill-server`
    pub fn named(name: &str) -> Option<Line> {
        Line::all().into_iter().find(|line| line.to_string() == name)
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.change.name(), self.fault.name())
    }
}
