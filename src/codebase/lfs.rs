//! Git LFS commits a small text in place of a large file.

/// A pointer is never longer than this.
pub const LONGEST: u64 = 1024;

pub fn is_pointer(content: &[u8]) -> bool {
    content.len() as u64 <= LONGEST
        && content.starts_with(b"version https://git-lfs.github.com/spec/")
        && content.windows(12).any(|line| line == b"\noid sha256:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_told_from_a_text_about_pointers() {
        let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n";
        assert!(is_pointer(pointer));
        assert!(!is_pointer(b"See version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n"));
        assert!(!is_pointer(b"version https://git-lfs.github.com/spec/v1\n"));
        assert!(!is_pointer(b""));
    }
}
