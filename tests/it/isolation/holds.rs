//! What is possible although one might wish it were not, at which level, and why.

pub const LEVELS: [&str; 3] = ["full", "namespaces", "user-namespace"];

/// One thing that is possible. The table says so, with this reason.
pub struct Known {
    /// The beginning of its name.
    pub what: &'static str,
    pub levels: &'static [&'static str],
    pub why: &'static str,
}

const LESS: &[&str] = &["namespaces", "user-namespace"];
const ROOTLESS: &[&str] = &["user-namespace"];

const ON_THE_HOSTS_NETWORK: &str = "apps are on the host's network";
const NO_FIREWALL: &str = "there is no firewall";
const NO_GUARD: &str = "there is no cgroup to guard the ports of";
const NO_LIMITS: &str = "there is no cgroup with limits";
const ONE_USER: &str = "all apps and the platform are one user of the host";
const NO_SUCH_PRIVILEGE: &str =
    "root of this machine lacks CAP_SYS_RESOURCE, as in some containers";

pub const KNOWN: &[Known] = &[
    known("learn from /proc/self/mountinfo", &LEVELS, "a mount says where it comes from"),
    known("listen on any other port of the host", &LEVELS, ON_THE_HOSTS_NETWORK),
    known("see in /proc/net who is connected to whom", &LEVELS, ON_THE_HOSTS_NETWORK),
    known("connect to another app's port", LESS, NO_FIREWALL),
    known("connect to it ", LESS, NO_FIREWALL),
    known("send it ", LESS, NO_FIREWALL),
    known("listen on it over IPv6", LESS, NO_GUARD),
    known("listen on a port that the next app will get", LESS, NO_GUARD),
    known("listen on the router's port too", ROOTLESS, ONE_USER),
    known("start more than 1,000 processes", LESS, NO_LIMITS),
    known("use more than 700 MB", LESS, NO_LIMITS),
];

const fn known(what: &'static str, levels: &'static [&'static str], why: &'static str) -> Known {
    Known { what, levels, why }
}

/// Why this may succeed there; `None`: it may not.
pub fn why_possible(level: &str, what: &str) -> Option<&'static str> {
    if what.starts_with("lower its oom score") && !may_fix_oom_scores() {
        return Some(NO_SUCH_PRIVILEGE);
    }
    let fits = |known: &&Known| what.starts_with(known.what) && known.levels.contains(&level);
    KNOWN.iter().find(fits).map(|known| known.why)
}

/// Whether root here has the privilege that makes a score the lowest that is allowed.
fn may_fix_oom_scores() -> bool {
    let now = rustix::thread::capabilities(None).unwrap();
    now.effective.contains(rustix::thread::CapabilitySet::SYS_RESOURCE)
}
