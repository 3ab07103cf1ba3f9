//! What an attacker printed, read back.

/// All attempts of one kind of process.
#[derive(Debug)]
pub struct Report {
    pub context: &'static str,
    pub tried: Vec<Tried>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub what: String,
    pub verdict: String,
    pub word: String,
}

impl Tried {
    pub fn is_possible(&self) -> bool {
        self.verdict == "possible"
    }

    /// Neither refused nor possible: the attempt itself is wrong.
    pub fn is_broken(&self) -> bool {
        !["refused", "possible", "n/a"].contains(&self.verdict.as_str())
    }
}

impl Report {
    pub fn read(context: &'static str, text: &str) -> Report {
        Report { context, tried: text.lines().filter_map(attempt).collect() }
    }

    pub fn find(&self, what: &str) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.what == what)
    }
}

/// The line may have a stamp and a source before it.
fn attempt(line: &str) -> Option<Tried> {
    let (_, attempt) = line.split_once("ATTEMPT|")?;
    let mut parts = attempt.splitn(3, '|').map(|part| part.trim().to_string());
    let (what, verdict) = (parts.next()?, parts.next()?);
    Some(Tried { what, verdict, word: parts.next().unwrap_or_default() })
}

#[test]
fn an_attempt_is_read_out_of_a_log_line() {
    let log = "2026-01-01T00:00:00+00:00 app[web.1]: ATTEMPT|bpf|refused|EPERM\nother\n";
    let report = Report::read("web", log);
    let tried = Tried { what: "bpf".into(), verdict: "refused".into(), word: "EPERM".into() };
    assert_eq!(report.tried, [tried]);
}
