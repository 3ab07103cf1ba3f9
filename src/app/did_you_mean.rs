//! The word that was probably meant.

/// Past this many edits a suggestion is a guess.
const MOST_EDITS: usize = 3;

/// The candidate nearest to `word`: at most three edits away, and at most half of its
/// letters, so that `db` does not suggest `web`. Case is ignored.
pub fn did_you_mean<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(65).collect();
    if word.len() > 64 {
        return None;
    }
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other: Vec<char> = candidate.to_lowercase().chars().collect();
            let edits = edits(&word, &other);
            let near = edits <= MOST_EDITS && edits * 2 <= word.len().max(other.len());
            near.then_some((edits, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, substitutions and swaps of neighbours between two words.
fn edits(a: &[char], b: &[char]) -> usize {
    if a.len().abs_diff(b.len()) > MOST_EDITS {
        return usize::MAX / 2;
    }
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let table = [
            ("wbe", Some("web")),
            ("Web", Some("web")),
            ("wroker", Some("worker")),
            ("wrker", Some("worker")),
            ("workers", Some("worker")),
            ("ghost", None),
            ("db", None),
            ("", None),
        ];
        for (word, expected) in table {
            assert_eq!(did_you_mean(word, ["web", "worker"]), expected, "{word}");
        }
        assert_eq!(did_you_mean(&"w".repeat(1_000_000), ["web"]), None);
    }
}
