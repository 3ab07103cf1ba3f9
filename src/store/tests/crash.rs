//! A writer is killed at a random moment, again and again; what it had acknowledged is there.

use super::at;
use crate::app::Digest;
use crate::store::{AuditEntry, BuildRecord, Ledger, NewOperation};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FOLDER: &str = "XII_TEST_KILLED_WRITER";

/// How often to kill: `XII_TEST_KILLS` for a long night, else enough for every day.
pub(crate) fn rounds(everyday: u32) -> u32 {
    let wished = std::env::var("XII_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    wished.unwrap_or(everyday)
}

/// Runs this very test again as a child, in which `write` never returns and acknowledges what
/// it wrote; kills it after a random number of acknowledgements and returns them. In the
/// child itself this calls `write`.
pub(crate) fn killed_writer(test: &str, dir: &Path, write: impl Fn(&Path)) -> Vec<String> {
    if let Some(dir) = std::env::var_os(FOLDER) {
        write(&PathBuf::from(dir));
        unreachable!("the writer ended by itself");
    }
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let wanted = 1 + getrandom::u32().unwrap() % 60;
    let mut acknowledged = Vec::new();
    let mut line = Vec::new();
    while acknowledged.len() < wanted as usize {
        line.clear();
        assert_ne!(lines.read_until(b'\n', &mut line).unwrap(), 0, "the writer died by itself");
        acknowledged.extend(acknowledgement(&line));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What is still in the pipe was acknowledged too; a torn last line was not.
    line.clear();
    while lines.read_until(b'\n', &mut line).unwrap() != 0 {
        acknowledged
            .extend(line.split_inclusive(|byte| *byte == b'\n').filter_map(acknowledgement));
        line.clear();
    }
    acknowledged
}

/// To be called by the writer when a row is on the disk.
pub(crate) fn acknowledge(what: impl std::fmt::Display) {
    let line = format!("\nwritten {what}\n");
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

fn acknowledgement(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    line.strip_prefix("written ").map(str::to_string)
}

fn write(dir: &Path) {
    let ledger = Ledger::open(&dir.join("ledger.db")).unwrap();
    loop {
        let keeper = ledger.next_keeper().unwrap();
        acknowledge(format!("keeper {keeper}"));
        let what = format!("row {keeper}");
        let entry = AuditEntry { at: at(0), who: "ann".into(), what: what.clone(), deploy: None };
        ledger.audit(&entry).unwrap();
        acknowledge(format!("audit {what}"));
        let new = NewOperation { deploy: None, kind: "deploy", by: "ann", at: at(0) };
        acknowledge(format!("operation {}", ledger.begin_operation(&new).unwrap()));
        let digest = Digest::of(what.as_bytes());
        ledger.record_build(&digest, &build(digest)).unwrap();
        acknowledge(format!("build {digest}"));
    }
}

fn build(digest: Digest) -> BuildRecord {
    BuildRecord {
        digest,
        app: "shop".parse().unwrap(),
        plan: "p".repeat(5000),
        stack: "host".into(),
        commit: "c".into(),
        size: 1,
        created_at: at(0),
        pruned_at: None,
        pinned: false,
    }
}

#[test]
fn no_acknowledged_row_is_lost_when_the_writer_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let test = "store::tests::crash::no_acknowledged_row_is_lost_when_the_writer_is_killed";
    let mut keepers = std::collections::BTreeSet::new();
    for round in 0..rounds(40) {
        let acknowledged = killed_writer(test, dir.path(), write);
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let audit = ledger.audit_log(None, u32::MAX).unwrap();
        for line in acknowledged {
            let (kind, rest) = line.split_once(' ').unwrap();
            let found = match kind {
                "keeper" => keepers.insert(rest.parse::<u64>().unwrap()),
                "audit" => audit.iter().any(|entry| entry.what == rest),
                "operation" => ledger.operation(rest.parse().unwrap()).unwrap().is_some(),
                _ => ledger.build_by_key(&rest.parse().unwrap()).unwrap().is_some(),
            };
            assert!(found, "round {round}: {line} was acknowledged, then lost or given twice");
        }
    }
}
