//! Requests that may be done once and not twice: each has a name of its own, and the app logs
//! the names.

use super::tally::Tally;
use crate::world::{Answer, Client, World};
use std::collections::{BTreeMap, BTreeSet};

pub fn send(
    client: &mut Client,
    host: &str,
    id: &str,
    tally: &mut Tally,
) -> std::io::Result<Answer> {
    let answer = client.post(host, &format!("/did/{id}"), &"x".repeat(2_000))?;
    if answer.status == 200 {
        tally.done.insert(id.to_string());
    }
    Ok(answer)
}

/// What the app's log says of each: done, once. What was not answered may have been done or not.
pub fn wrongly_done(world: &World, app: &str, answered: &BTreeSet<String>) -> Vec<String> {
    let words = ["logs", "-a", app, "-n", "10000000", "--source", "app", "--ps", "web"];
    let log = world.xii(&words).ok().out;
    let mut times: BTreeMap<&str, u64> = BTreeMap::new();
    for line in log.lines() {
        if let Some((_, id)) = line.split_once(": did ") {
            *times.entry(id).or_default() += 1;
        }
    }
    let twice = times.iter().filter(|(_, times)| **times > 1);
    let twice = twice.map(|(id, times)| format!("POST {id} was done {times} times"));
    let never = answered.iter().filter(|id| !times.contains_key(id.as_str()));
    twice.chain(never.map(|id| format!("POST {id} was answered and not done"))).collect()
}
