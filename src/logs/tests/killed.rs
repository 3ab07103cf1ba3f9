use super::*;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The child: writes numbered lines as fast as it can and says which are written.
/// Does nothing unless its parent names a folder and an incarnation.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn child() {
    let mut input = String::new();
    std::io::stdin().read_line(&mut input).unwrap();
    let Some((dir, incarnation)) = input.trim_end().split_once('\t') else { return };
    let spec = spec(Path::new(dir), "web.1", 1, incarnation.parse().unwrap());
    let mut writer = Writer::open(spec).unwrap();
    let mut output = std::io::stdout();
    for n in 0.. {
        writer.write(format!("{n} {}\n", "x".repeat(n % 5000)).as_bytes(), Timestamp::now());
        if writeln!(output, "\nwritten {n}").and_then(|()| output.flush()).is_err() {
            return;
        }
    }
}

fn start(dir: &Path, incarnation: u32) -> Child {
    #[allow(clippy::disallowed_methods, reason = "the process that is killed is this test itself")]
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["logs::tests::killed::child", "--exact", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "{}\t{incarnation}", dir.display()).unwrap();
    child
}

/// Kills it after it has written so many lines; gives the last one it said it had written.
fn kill_after(child: &mut Child, lines: usize) -> usize {
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut written = 0;
    for line in output.lines() {
        let line = line.unwrap();
        let Some(number) = line.strip_prefix("written ") else { continue };
        written = number.parse().unwrap();
        if written == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    written
}

fn numbers(lines: &[Line]) -> Vec<usize> {
    let texts = texts(lines);
    texts.iter().map(|text| text.split_once(' ').unwrap().0.parse().unwrap()).collect()
}

#[tokio::test]
async fn every_line_written_before_a_kill_is_readable_and_the_tail_goes_on() {
    let dir = TempDir::new().unwrap();
    let mut tail = Tail::open(dir.path(), Filter::default(), Start::Now).unwrap();
    let mut expected = Vec::new();
    for incarnation in 0..4 {
        // The third one opens the same file again.
        let mut child = start(dir.path(), incarnation.min(2));
        let written = kill_after(&mut child, 40 + 60 * incarnation as usize);
        let all = numbers(&last(dir.path(), usize::MAX, &Filter::default()).unwrap());
        let new = &all[expected.len()..];
        assert!(new.len() > written, "{} lines of {written} are left", new.len());
        assert_eq!(new, (0..new.len()).collect::<Vec<_>>());
        expected = all;
    }
    let mut seen = Vec::new();
    while seen.len() < expected.len() {
        let lines = tokio::time::timeout(std::time::Duration::from_secs(30), tail.next());
        seen.extend(numbers(&lines.await.expect("lines arrive").unwrap()));
    }
    assert_eq!(seen, expected);
}
