//! A commit object's own text: who wrote it, when, and its subject.

use jiff::Timestamp;

#[derive(Debug, PartialEq, Eq)]
pub struct Commit {
    pub author: String,
    pub author_time: Timestamp,
    pub commit_time: Timestamp,
    pub subject: String,
}

/// `None` when a header is missing or not in git's form.
pub fn parse(object: &[u8]) -> Option<Commit> {
    let text = String::from_utf8_lossy(object);
    let (headers, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let header = |name: &str| {
        let line = headers.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
        person(line)
    };
    let (author, author_time) = header("author")?;
    let (_, commit_time) = header("committer")?;
    let paragraph = message.trim_start_matches('\n').split("\n\n").next().unwrap_or("");
    let subject = paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    Some(Commit { author, author_time, commit_time, subject: subject.trim().to_string() })
}

/// `Ada <ada@example.org> 1795187626 +0100`
fn person(line: &str) -> Option<(String, Timestamp)> {
    let (rest, _zone) = line.rsplit_once(' ')?;
    let (name, seconds) = rest.rsplit_once(' ')?;
    let time = Timestamp::from_second(seconds.parse().ok()?).ok()?;
    Some((name.trim().to_string(), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_of_several_lines_is_one_line() {
        let object = b"tree 0\nauthor Ada L <ada@example.org> 1795187626 +0100\n\
            committer Bob <> 1795187700 -0500\ngpgsig -----BEGIN\n author Eve <e> 1 +0000\n\n\
            Show the page\nin one go\n\nBecause.\n";
        let commit = parse(object).unwrap();
        assert_eq!(commit.author, "Ada L <ada@example.org>");
        assert_eq!(commit.author_time, Timestamp::from_second(1_795_187_626).unwrap());
        assert_eq!(commit.commit_time, Timestamp::from_second(1_795_187_700).unwrap());
        assert_eq!(commit.subject, "Show the page in one go");
    }

    #[test]
    fn an_empty_message_is_an_empty_subject_and_other_objects_are_refused() {
        let object = b"tree 0\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n";
        assert_eq!(parse(object).unwrap().subject, "");
        assert_eq!(parse(b"author A <a> soon +0000\ncommitter A <a> 1 +0000\n"), None);
        assert_eq!(parse(b"\xff\xfe"), None);
    }
}
