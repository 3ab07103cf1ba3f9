//! Text as one word of a POSIX shell, for lines that people paste.

/// `'a $b'`: whatever is in it means itself.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn nothing_in_a_word_means_anything_to_a_shell() {
        assert_eq!(shell_word("echo $A `b` \"c\"; d"), "'echo $A `b` \"c\"; d'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
