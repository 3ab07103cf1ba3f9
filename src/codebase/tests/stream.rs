use super::*;
use crate::codebase::unpack::Limits;
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

struct Dest {
    dir: TempDir,
}

impl Dest {
    fn new() -> Dest {
        Dest { dir: TempDir::new().unwrap() }
    }

    fn unpack(&self, bytes: &[u8]) -> Result<Unpacked, Failure> {
        unpack(bytes, &self.dir.path().join("source"), LIMITS)
    }
}

/// Written raw, because a polite tar refuses to make these.
fn entry(kind: EntryType, path: &[u8], target: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    header.as_old_mut().name[..path.len()].copy_from_slice(path);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
    header.set_cksum();
    let padding = vec![0; (512 - content.len() % 512) % 512];
    [header.as_bytes(), content, &padding].concat()
}

fn file(path: &str) -> Vec<u8> {
    entry(EntryType::Regular, path.as_bytes(), b"", b"content")
}

fn link(path: &str, target: &str) -> Vec<u8> {
    entry(EntryType::Symlink, path.as_bytes(), target.as_bytes(), b"")
}

fn closed(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn refusal(entries: &[Vec<u8>]) -> String {
    Dest::new().unpack(&closed(entries)).unwrap_err().message
}

#[test]
fn names_that_leave_the_folder_are_refused() {
    for bad in ["/etc/passwd", "../x", "a/../../x", "a/..", ".", "a//b", "./a"] {
        let message = refusal(&[file(bad)]);
        assert!(message.contains("is not a name below its folder"), "{bad}: {message}");
    }
}

#[test]
fn what_is_neither_a_file_nor_a_link_is_refused_by_name() {
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo, EntryType::new(b'?')] {
        let message = refusal(&[entry(kind, b"dev/odd", b"", b"")]);
        assert!(message.contains("dev/odd"), "{message}");
    }
    let hard = entry(EntryType::Link, b"hard", b"/etc/shadow", b"");
    assert_eq!(refusal(&[hard]), "the source is refused: hard is a hard link");
}

#[test]
fn a_name_that_is_there_twice_is_refused() {
    for twice in [
        [file("a"), file("a")],
        [file("a"), link("a", "b")],
        [link("a", "b"), file("a")],
        [file("a/b"), file("a")],
        [entry(EntryType::Directory, b"a/", b"", b""), file("a")],
    ] {
        assert!(refusal(&twice).ends_with("a is there twice"));
    }
    assert!(refusal(&[file("a"), file("a/b")]).ends_with("a is a file and a folder"));
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = TempDir::new().unwrap();
    let target = outside.path().display().to_string();
    assert!(refusal(&[link("a", &target), file("a/b")]).ends_with("a is a file and a folder"));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn links_out_of_the_tree_are_refused_by_name() {
    assert!(refusal(&[link("x", "/etc")]).contains("x leads out of it, to /etc"));
    assert!(refusal(&[link("d/x", "../../y")]).contains("d/x leads out of it"));
    let through = [link("here", "."), link("out", "here/here/../..")];
    assert!(refusal(&through).contains("out leads out of it"));
    assert!(Dest::new().unpack(&closed(&[link("d/x", "../y")])).is_ok());
}

#[test]
fn too_many_files_or_bytes_are_refused_before_they_are_written() {
    let bytes = closed(&[file("a"), file("b"), file("c")]);
    for limits in [Limits { entries: 2, bytes: 1000 }, Limits { entries: 9, bytes: 20 }] {
        let dest = TempDir::new().unwrap();
        let failure = unpack(&bytes[..], dest.path(), limits).unwrap_err();
        assert!(failure.message.contains("the source has more than"));
        assert_eq!(names(&tree(dest.path())), ["a", "b"]);
    }
    // A header may promise more than there is on any disk.
    let mut huge = file("a");
    let mut header = Header::new_gnu();
    header.as_mut_bytes().copy_from_slice(&huge[..512]);
    header.set_size(1 << 40);
    header.set_cksum();
    huge[..512].copy_from_slice(header.as_bytes());
    assert!(refusal(&[huge]).contains("the source has more than"));
}

#[test]
fn a_name_without_end_is_refused_before_it_fills_the_memory() {
    let endless = entry(EntryType::GNULongName, b"././@LongLink", b"", &[b'x'; 5000]);
    assert!(refusal(&[endless, file("a")]).ends_with("a name in it is too long"));
    let pax = entry(EntryType::XHeader, b"pax", b"", b"18 path=/etc/shadow\n");
    assert!(refusal(&[pax, file("a")]).ends_with("pax is neither a file nor a link"));
}

#[test]
fn a_stream_that_is_cut_off_anywhere_is_an_error() {
    // The zeros at a file's end could be taken for the end of the stream.
    let zeros = entry(EntryType::Regular, b"zeros", b"", &[0; 2048]);
    let bytes = closed(&[file("a"), zeros, link("l", "a"), file("d/b")]);
    assert!(Dest::new().unpack(&bytes).is_ok());
    for cut in (0..bytes.len()).step_by(64) {
        assert!(Dest::new().unpack(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let more = [&bytes[..], &file("late")].concat();
    assert!(Dest::new().unpack(&more).is_err());
}

#[test]
fn a_folder_that_is_not_empty_is_not_unpacked_into() {
    let dest = Dest::new();
    let bytes = closed(&[file("a")]);
    dest.unpack(&bytes).unwrap();
    assert!(dest.unpack(&bytes).is_err());
}

#[test]
fn modes_do_not_depend_on_the_sender() {
    let mut builder = Builder::new(Vec::new());
    for (path, mode) in [("plain", 0o600), ("setuid", 0o6711), ("open", 0o666)] {
        let mut header = Header::new_gnu();
        header.set_size(0);
        header.set_mode(mode);
        header.set_cksum();
        builder.append_data(&mut header, path, std::io::empty()).unwrap();
    }
    let dest = Dest::new();
    dest.unpack(&builder.into_inner().unwrap()).unwrap();
    let found = tree(&dest.dir.path().join("source"));
    assert_eq!(
        (&found["plain"][..], &found["setuid"][..], &found["open"][..]),
        ("644 ", "755 ", "644 ")
    );
}

fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        4 => Just(EntryType::Regular),
        3 => Just(EntryType::Symlink),
        1 => Just(EntryType::Directory),
        1 => any::<u8>().prop_map(EntryType::new),
    ];
    let name = || "(\\.\\./|/|[ab]/){0,3}(\\.\\.|\\.|[abc])?";
    (kind, name(), name(), 0usize..600).prop_map(|(kind, path, target, size)| {
        entry(kind, path.as_bytes(), target.as_bytes(), &vec![b'x'; size])
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_the_stream_says_nothing_outside_is_touched_or_reachable(
        entries in proptest::collection::vec(any_entry(), 0..8),
        cut in 0usize..2000,
    ) {
        let dest = Dest::new();
        std::fs::write(dest.dir.path().join("beside"), "untouched").unwrap();
        let bytes = closed(&entries);
        let whole = dest.unpack(&bytes[..bytes.len().saturating_sub(cut)]);
        let around: Vec<_> =
            std::fs::read_dir(dest.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        prop_assert!(around.iter().all(|name| name == "beside" || name == "source"));
        prop_assert_eq!(std::fs::read(dest.dir.path().join("beside")).unwrap(), b"untouched");
        if whole.is_ok() {
            let source = dest.dir.path().join("source").canonicalize().unwrap();
            for path in tree(&source).keys() {
                if let Ok(real) = source.join(path).canonicalize() {
                    prop_assert!(real.starts_with(&source), "{path} leads to {}", real.display());
                }
            }
        }
    }
}
