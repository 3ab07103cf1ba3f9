//! Heroku's `noun:verb` spelling, turned into ours before the arguments are parsed.

use crate::app::Failure;

/// Spellings whose words are not simply the two sides of the colon.
const RENAMED: [(&str, &[&str]); 11] = [
    ("ps:scale", &["scale"]),
    ("ps:restart", &["restart"]),
    ("ps:stop", &["stop"]),
    ("ps:start", &["start"]),
    ("dyno:restart", &["restart"]),
    ("dyno:scale", &["scale"]),
    ("apps:create", &["create"]),
    ("apps:info", &["info"]),
    ("apps:open", &["open"]),
    ("releases:rollback", &["rollback"]),
    ("pipelines:promote", &["promote"]),
];

/// Known words of Heroku's that xii cannot do, and what can be done instead.
const ABSENT: [(&str, &str); 3] = [
    ("run:detached", "xii run CMD, which stays in front"),
    ("config:edit", "xii config set KEY=VALUE, or xii config import FILE"),
    ("ps:exec", "xii run CMD, in a new instance of the current release"),
];

/// Options before the verb whose value is the next word.
const WITH_VALUE: [&str; 6] = ["-a", "--app", "-d", "--deploy", "--server", "--home"];

/// `xii -a shop config:set A=1` → `xii -a shop config set A=1`.
pub fn spell_out(arguments: Vec<String>) -> Result<Vec<String>, Failure> {
    let Some(at) = verb(&arguments) else { return Ok(arguments) };
    let word = arguments[at].as_str();
    if !word.contains(':') {
        return Ok(arguments);
    }
    if let Some((_, instead)) = ABSENT.iter().find(|(name, _)| *name == word) {
        return Err(Failure::usage(format!("`{word}` is not there yet")).next(*instead));
    }
    let words: Vec<String> = match RENAMED.iter().find(|(name, _)| *name == word) {
        Some((_, words)) => words.iter().map(ToString::to_string).collect(),
        None => word.split(':').map(str::to_string).collect(),
    };
    Ok([&arguments[..at], &words, &arguments[at + 1..]].concat())
}

/// Where the verb stands; the word at 0 is the program.
fn verb(arguments: &[String]) -> Option<usize> {
    let mut at = 1;
    while let Some(word) = arguments.get(at) {
        match word.as_str() {
            "--" => return None,
            option if WITH_VALUE.contains(&option) => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(line: &str) -> String {
        spell_out(line.split(' ').map(str::to_string).collect()).unwrap().join(" ")
    }

    #[test]
    fn heroku_spellings_become_ours() {
        for (theirs, ours) in [
            ("xii config:set A=1", "xii config set A=1"),
            ("xii -a shop config:set A=1", "xii -a shop config set A=1"),
            ("xii --app=shop ps:scale web=2", "xii --app=shop scale web=2"),
            ("xii ps:restart web", "xii restart web"),
            ("xii apps:create shop", "xii create shop"),
            ("xii apps:destroy shop", "xii apps destroy shop"),
            ("xii releases:info v7", "xii releases info v7"),
            ("xii releases:rollback v3", "xii rollback v3"),
            ("xii pipelines:promote -a shop", "xii promote -a shop"),
        ] {
            assert_eq!(spelled(theirs), ours);
        }
    }

    #[test]
    fn colons_that_are_not_in_the_verb_stay() {
        for line in ["xii run rake db:migrate", "xii config set A=b:c", "xii --help", "xii -- a:b"]
        {
            assert_eq!(spelled(line), line);
        }
    }

    #[test]
    fn a_known_word_that_is_missing_says_so() {
        let words = ["xii", "run:detached", "ls"].map(str::to_string).to_vec();
        let failure = spell_out(words).unwrap_err();
        assert_eq!(failure.message, "`run:detached` is not there yet");
        assert_eq!(failure.exit_code(), 2);
    }
}
