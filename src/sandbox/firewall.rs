//! One nftables table per home. From outside nobody reaches an instance past the router; on
//! the host itself only the router and the pairs of user and port that were given do.
//! Only connections being made are looked at: later packets may belong to a socket that is
//! closed already, carry no user then, and rejecting them would lose data.

use super::process::run_tool;
use crate::app::Failure;
use std::ops::Range;

/// What a home's table lets through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules<'a> {
    /// The home's block; ports outside it are left alone.
    pub ports: Range<u16>,
    /// The home's users; a pair of another user is refused as a mistake.
    pub uids: Range<u32>,
    /// Reaches every port of the block.
    pub router_uid: u32,
    /// Who else may connect where.
    pub allowed: &'a [(u32, u16)],
}

/// Puts the rules in place of those before, in one transaction.
pub fn apply(home: &str, rules: &Rules<'_>) -> Result<(), Failure> {
    let script = script(home, rules)?;
    nft(&["-f", "-"], &script).map_err(|failure| failure.why(format!("table {}", table(home))))
}

/// Takes a home's table away; none is fine.
pub fn remove(home: &str) -> Result<(), Failure> {
    check_home(home)?;
    let table = table(home);
    nft(&["-f", "-"], &format!("add table inet {table}\ndelete table inet {table}\n"))
}

/// True when the home's table is there.
pub fn exists(home: &str) -> Result<bool, Failure> {
    check_home(home)?;
    let output = run_tool("nft", &["list", "table", "inet", &table(home)], b"");
    Ok(output.map_err(missing)?.status.success())
}

/// Tries whether a table could be made here, without making one.
pub fn try_out() -> Result<(), Failure> {
    let rules = Rules { ports: 29_990..29_999, uids: 1..2, router_uid: 1, allowed: &[(1, 29_990)] };
    nft(&["--check", "-f", "-"], &script("00000000", &rules)?)
}

fn table(home: &str) -> String {
    format!("xii_{home}")
}

fn check_home(home: &str) -> Result<(), Failure> {
    if home.len() == 8 && home.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(());
    }
    Err(Failure::internal(format!("`{home}` is not the id of a home")))
}

fn script(home: &str, rules: &Rules<'_>) -> Result<String, Failure> {
    check_home(home)?;
    let stray = rules
        .allowed
        .iter()
        .find(|(uid, port)| !rules.uids.contains(uid) || !rules.ports.contains(port));
    if let Some((uid, port)) = stray {
        let message = format!("user {uid} and port {port} are not of the home {home}");
        return Err(Failure::internal(message));
    }
    if rules.ports.is_empty() {
        return Err(Failure::internal(format!("the home {home} has no ports")));
    }
    let (table, router) = (table(home), rules.router_uid);
    let block = format!("{}-{}", rules.ports.start, rules.ports.end - 1);
    let pairs: Vec<String> =
        rules.allowed.iter().map(|(uid, port)| format!("{uid} . {port}")).collect();
    let elements = match pairs.is_empty() {
        true => String::new(),
        false => format!("elements = {{ {} }}", pairs.join(", ")),
    };
    // Adding before deleting makes the deletion succeed whether or not the table was there.
    Ok(format!(
        "add table inet {table}
delete table inet {table}
table inet {table} {{
  set allowed {{ type uid . inet_service; {elements} }}
  chain outside {{
    type filter hook input priority filter; policy accept;
    iif != lo meta l4proto {{ tcp, udp }} th dport {block} drop
  }}
  chain local {{
    type filter hook output priority filter; policy accept;
    oif lo tcp dport {block} tcp flags & (fin | syn | rst | ack) == syn jump judge
    oif lo udp dport {block} jump judge
  }}
  chain judge {{
    meta skuid {router} accept
    meta skuid . th dport @allowed accept
    meta l4proto tcp reject with tcp reset
    reject
  }}
}}
"
    ))
}

fn nft(args: &[&str], script: &str) -> Result<(), Failure> {
    let output = run_tool("nft", args, script.as_bytes()).map_err(missing)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Failure::platform("the firewall refused a rule")
        .why(said.lines().next().unwrap_or("no reason given")))
}

fn missing(error: std::io::Error) -> Failure {
    Failure::platform("cannot run nft, which keeps apps' ports apart")
        .because(error)
        .next("apt-get install nftables")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(allowed: &[(u32, u16)]) -> Rules<'_> {
        Rules { ports: 29_000..29_100, uids: 90_000..90_500, router_uid: 90_000, allowed }
    }

    #[test]
    fn a_pair_of_another_home_is_refused() {
        assert!(script("0a1b2c3d", &rules(&[(80_000, 29_001)])).is_err());
        assert!(script("0a1b2c3d", &rules(&[(90_001, 5432)])).is_err());
    }

    #[test]
    fn a_home_cannot_smuggle_rules_in_by_its_name() {
        assert!(script("x } ; flush ruleset", &rules(&[])).is_err());
        assert!(remove("../../..").is_err());
    }

    #[test]
    fn the_block_is_written_without_its_end() {
        let script = script("0a1b2c3d", &rules(&[(90_001, 29_001), (90_002, 29_002)])).unwrap();
        assert!(script.contains("dport 29000-29099 drop"), "{script}");
        assert!(script.contains("elements = { 90001 . 29001, 90002 . 29002 }"), "{script}");
    }
}
