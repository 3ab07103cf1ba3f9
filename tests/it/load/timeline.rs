//! Which release may answer when: the one acknowledged last before the request, and any that
//! was being switched to while it was under way.

use super::tally::Seen;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

pub struct Timeline(Vec<Switch>);

struct Switch {
    began: Instant,
    ended: Instant,
    release: u64,
}

impl Timeline {
    pub fn of(release: u64) -> Timeline {
        let now = Instant::now();
        Timeline(vec![Switch { began: now, ended: now, release }])
    }

    /// A change that has been acknowledged just now.
    pub fn push(&mut self, began: Instant, release: u64) {
        self.0.push(Switch { began, ended: Instant::now(), release });
    }

    pub fn allows(&self, began: Instant, ended: Instant, release: u64) -> bool {
        let last = self.0.partition_point(|switch| switch.ended <= began).saturating_sub(1);
        let mut possible = self.0[last..].iter().take_while(|switch| switch.began <= ended);
        possible.any(|switch| switch.release == release)
    }

    /// For each switch from one release to another: from the first request that the new one
    /// answered whole to the end of the last that the old one did.
    pub fn overlaps<'a>(&self, seen: impl Iterator<Item = &'a Seen>) -> Vec<Duration> {
        let mut spans: BTreeMap<u64, (Instant, Instant)> = BTreeMap::new();
        for seen in seen {
            let span = spans.entry(seen.release).or_insert((seen.ended, seen.ended));
            *span = (span.0.min(seen.ended), span.1.max(seen.ended));
        }
        let releases: Vec<_> = self.0.iter().map(|switch| switch.release).collect();
        let switches = releases.windows(2).filter(|two| two[0] != two[1]);
        let both = switches.filter_map(|two| Some((spans.get(&two[0])?, spans.get(&two[1])?)));
        both.map(|(old, new)| old.1.saturating_duration_since(new.0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_release_may_answer_until_the_new_one_is_acknowledged() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let switch = |began, ended, release| Switch { began: at(began), ended: at(ended), release };
        let line = Timeline(vec![switch(0, 0, 1), switch(10, 20, 2)]);
        assert!(line.allows(at(1), at(5), 1));
        assert!(!line.allows(at(1), at(5), 2));
        assert!(line.allows(at(12), at(15), 1) && line.allows(at(12), at(15), 2));
        assert!(!line.allows(at(21), at(25), 1));
        let seen = |ended, release| Seen { began: at(0), ended: at(ended), release };
        let all = [seen(1, 1), seen(16, 1), seen(12, 2), seen(30, 2)];
        assert_eq!(line.overlaps(all.iter()), [Duration::from_millis(4)]);
    }
}
