//! Which release may answer when: the one acknowledged last before the request, and any that
//! was being switched to while it was under way.

use std::time::Instant;

pub struct Timeline(Vec<Switch>);

struct Switch {
    began: Instant,
    ended: Instant,
    release: String,
}

impl Timeline {
    pub fn of(release: &str) -> Timeline {
        let now = Instant::now();
        Timeline(vec![Switch { began: now, ended: now, release: release.to_string() }])
    }

    /// A change that has been acknowledged just now.
    pub fn push(&mut self, began: Instant, release: &str) {
        let release = release.to_string();
        self.0.push(Switch { began, ended: Instant::now(), release });
    }

    pub fn allows(&self, began: Instant, ended: Instant, release: &str) -> bool {
        let last = self.0.iter().rposition(|switch| switch.ended <= began).unwrap_or(0);
        let mut possible = self.0[last..].iter().filter(|switch| switch.began <= ended);
        possible.any(|switch| switch.release == release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_old_release_may_answer_until_the_new_one_is_acknowledged() {
        let at = |ms: u64| *START + Duration::from_millis(ms);
        static START: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        let switch = |began, ended, release: &str| Switch {
            began: at(began),
            ended: at(ended),
            release: release.to_string(),
        };
        let line = Timeline(vec![switch(0, 0, "v1"), switch(10, 20, "v2")]);
        assert!(line.allows(at(1), at(5), "v1"));
        assert!(!line.allows(at(1), at(5), "v2"));
        assert!(line.allows(at(12), at(15), "v1") && line.allows(at(12), at(15), "v2"));
        assert!(!line.allows(at(21), at(25), "v1"));
    }
}
