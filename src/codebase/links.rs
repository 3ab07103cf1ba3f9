//! Whether the symbolic links of a tree stay inside it, decided on the links alone.

use super::names::{join, parent};
use std::collections::BTreeMap;

/// Path of each link → its target, as bytes.
pub type Links = BTreeMap<Vec<u8>, Vec<u8>>;

/// As many as the kernel follows.
const MOST_HOPS: usize = 40;

/// The first link whose target is not below the top, however it gets out: by an absolute path,
/// by `..`, or through other links.
pub fn first_escape(links: &Links) -> Option<(&[u8], &[u8])> {
    let escapes = |(path, _): &(&Vec<u8>, &Vec<u8>)| !stays_inside(links, path);
    links.iter().find(escapes).map(|(path, target)| (&path[..], &target[..]))
}

fn stays_inside(links: &Links, link: &[u8]) -> bool {
    let mut at = parent(link).to_vec();
    let Some(target) = links.get(link) else { return true };
    // What is still to be walked, the next component last.
    let mut rest: Vec<&[u8]> = backwards(target).collect();
    let mut hops = 1;
    if target.starts_with(b"/") {
        return false;
    }
    while let Some(component) = rest.pop() {
        match component {
            b"" | b"." => continue,
            b".." if at.is_empty() => return false,
            b".." => at = parent(&at).to_vec(),
            name => {
                let next = join(&at, name);
                let Some(target) = links.get(&next) else {
                    at = next;
                    continue;
                };
                hops += 1;
                // A loop leads nowhere, so not out.
                if hops > MOST_HOPS {
                    return true;
                }
                if target.starts_with(b"/") {
                    return false;
                }
                rest.extend(backwards(target));
            }
        }
    }
    true
}

fn backwards(target: &[u8]) -> impl Iterator<Item = &[u8]> {
    target.split(|byte| *byte == b'/').rev()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escape(links: &[(&str, &str)]) -> Option<String> {
        let bytes = |text: &str| text.as_bytes().to_vec();
        let links: Links = links.iter().map(|(path, to)| (bytes(path), bytes(to))).collect();
        first_escape(&links).map(|(path, _)| String::from_utf8_lossy(path).into_owned())
    }

    #[test]
    fn links_inside_the_tree_are_fine_even_when_they_dangle_or_loop() {
        let fine =
            [("a", "b"), ("d/e", "../f"), ("loop", "loop"), ("x", "y"), ("y", "x"), ("s", ".")];
        assert_eq!(escape(&fine), None);
    }

    #[test]
    fn a_link_out_of_the_tree_is_found_however_it_is_written() {
        assert_eq!(escape(&[("a", "/etc/passwd")]), Some("a".into()));
        assert_eq!(escape(&[("a", "..")]), Some("a".into()));
        assert_eq!(escape(&[("d/a", "../../etc")]), Some("d/a".into()));
        assert_eq!(escape(&[("d/a", "x/../../../etc")]), Some("d/a".into()));
    }

    #[test]
    fn a_link_that_gets_out_through_another_is_found() {
        let through_here = [("here", "."), ("out", "here/here/../x/../..")];
        assert_eq!(escape(&through_here), Some("out".into()));
        let through_up = [("d/up", ".."), ("d/out", "up/../secret")];
        assert_eq!(escape(&through_up), Some("d/out".into()));
    }
}
