use super::*;
use crate::app::{ConfigKey, DeployRef, Failure, ReleaseNumber, Secret};
use crate::store::Ledger;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

fn name(text: &str) -> ConfigKey {
    text.parse().unwrap()
}

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_string())
}

fn config(pairs: &[(&str, &str)]) -> ConfigSnapshot {
    ConfigSnapshot(pairs.iter().map(|(key, value)| (name(key), secret(value))).collect())
}

fn place(deploy: &str, release: u64) -> Place {
    Place { deploy: deploy.parse::<DeployRef>().unwrap(), release: ReleaseNumber(release) }
}

fn home() -> (tempfile::TempDir, Ledger, Key) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    let key = Key::load_or_create(&dir.path().join("key"), &ledger).unwrap();
    (dir, ledger, key)
}

mod key {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_can_read_it() {
        let (dir, ledger, key) = home();
        let path = dir.path().join("key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let again = Key::load_or_create(&path, &ledger).unwrap();
        assert_eq!(again.id(), key.id());
        assert_eq!(again.mac(Use::ReleaseChain, &[b"x"]), key.mac(Use::ReleaseChain, &[b"x"]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "a temporary file was left");
        assert!(!format!("{key:?}").contains(&fs::read_to_string(&path).unwrap()[40..60]));
    }

    #[test]
    fn a_missing_key_is_not_replaced_when_the_ledger_needs_it() {
        let (dir, ledger, key) = home();
        let path = dir.path().join("key");
        fs::remove_file(&path).unwrap();
        let failure = Key::load_or_create(&path, &ledger).unwrap_err();
        assert_eq!(failure.message, format!("the key {} is missing", path.display()));
        assert!(failure.causes[0].contains(key.id().as_str()), "{failure}");
        assert!(failure.next.is_some_and(|next| next.contains("XII_KEY_FILE")));
        assert!(!path.exists());
    }

    #[test]
    fn the_key_of_another_home_is_refused_naming_both() {
        let (dir, ledger, key) = home();
        let (other_dir, _, other) = home();
        let path = dir.path().join("key");
        fs::copy(other_dir.path().join("key"), &path).unwrap();
        let failure = Key::load_or_create(&path, &ledger).unwrap_err();
        assert!(failure.message.ends_with(&format!("holds key {}", other.id())), "{failure}");
        assert!(failure.causes[0].contains(key.id().as_str()), "{failure}");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_line_that_mends_it() {
        let (dir, ledger, _) = home();
        let path = dir.path().join("key");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let failure = Key::load_or_create(&path, &ledger).unwrap_err();
        assert!(failure.message.contains("has mode 640"), "{failure}");
        assert_eq!(failure.next, Some(format!("chmod 600 {}", path.display())));
    }

    #[test]
    fn a_slip_in_a_restored_key_is_noticed() {
        let (dir, ledger, _) = home();
        let path = dir.path().join("key");
        let text = fs::read_to_string(&path).unwrap();
        let last = text.trim_end().chars().next_back().unwrap();
        let other = if last == '0' { '1' } else { '0' };
        let slipped = format!("{}{other}\n", &text[..text.len() - 2]);
        for bad in [slipped.as_str(), "", "xii key 1\n", "junk", &"é".repeat(100)] {
            fs::write(&path, bad).unwrap();
            let failure = Key::load_or_create(&path, &ledger).unwrap_err();
            assert!(failure.message.contains("does not hold a key"), "{failure}");
        }
    }

    #[test]
    fn derived_keys_differ_by_use_and_macs_by_where_fields_end() {
        let (_dir, _, key) = home();
        let uses =
            [Use::Seal, Use::ValueDigest, Use::ReleaseChain, Use::ReleaseStatus, Use::ReleaseHead];
        let macs: std::collections::BTreeSet<_> =
            uses.iter().map(|purpose| key.mac(*purpose, &[b"x"])).collect();
        assert_eq!(macs.len(), uses.len());
        let split = key.mac(Use::ReleaseChain, &[b"ab", b"c"]);
        assert_ne!(split, key.mac(Use::ReleaseChain, &[b"a", b"bc"]));
        assert_ne!(split, key.mac(Use::ReleaseChain, &[b"abc"]));
    }
}

mod seal {
    use super::*;

    #[test]
    fn a_value_opens_only_under_its_name_release_deploy_app_and_key() {
        let (_dir, _, key) = home();
        let (_other_dir, _, other) = home();
        let sealed = SealedConfig::seal(&key, &place("shop", 3), &config(&[("A", "v")])).unwrap();
        assert_eq!(sealed.open(&key, &place("shop", 3)).unwrap(), config(&[("A", "v")]));
        for wrong in [place("shop", 4), place("shop/staging", 3), place("shoq", 3)] {
            assert!(sealed.open(&key, &wrong).is_err(), "opened in {wrong:?}");
        }
        assert!(sealed.open(&other, &place("shop", 3)).is_err());
        let moved = SealedConfig(BTreeMap::from([(name("B"), sealed.0[&name("A")].clone())]));
        let failure = moved.open(&key, &place("shop", 3)).unwrap_err();
        assert_eq!(failure.message, "B in shop/production v3 does not open");
    }

    #[test]
    fn sealing_twice_gives_other_bytes_and_the_same_digest() {
        let (_dir, _, key) = home();
        let seal = || SealedConfig::seal(&key, &place("shop", 1), &config(&[("A", "v")])).unwrap();
        let (a, b) = (seal(), seal());
        assert_ne!(a.0[&name("A")].sealed, b.0[&name("A")].sealed);
        assert_eq!(a.digests(), b.digests());
        let other = SealedConfig::seal(&key, &place("shop", 1), &config(&[("B", "v")])).unwrap();
        assert_ne!(a.0[&name("A")].digest, other.0[&name("B")].digest);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_survives_and_no_altered_byte_does(value in ".{0,60}", flip: usize) {
            let (_dir, _, key) = home();
            let snapshot = config(&[("A", &value)]);
            let mut sealed = SealedConfig::seal(&key, &place("shop", 1), &snapshot).unwrap();
            prop_assert_eq!(&sealed.open(&key, &place("shop", 1)).unwrap(), &snapshot);
            let bytes = &mut sealed.0.get_mut(&name("A")).unwrap().sealed;
            let at = flip % bytes.len();
            bytes[at] ^= 1;
            prop_assert!(sealed.open(&key, &place("shop", 1)).is_err());
            let bytes = &mut sealed.0.get_mut(&name("A")).unwrap().sealed;
            bytes.truncate(at);
            prop_assert!(sealed.open(&key, &place("shop", 1)).is_err());
        }
    }
}

mod arguments {
    use super::*;

    fn refusal(argument: &str) -> Failure {
        parse_pairs([argument]).unwrap_err()
    }

    #[test]
    fn everything_after_the_first_equals_sign_is_the_value() {
        let pairs = parse_pairs(["A=b=c", "EMPTY=", "Q=a 'b' \"c\"\n"]).unwrap();
        let values: Vec<_> = pairs.iter().map(|(_, value)| value.reveal().as_str()).collect();
        assert_eq!(values, ["b=c", "", "a 'b' \"c\"\n"]);
    }

    #[test]
    fn bad_pairs_are_refused_without_showing_their_value() {
        let long = format!("A={}", "s3cret".repeat(200_000));
        let table = [
            ("1X=s3cret", "argument 1 does not start with a config name"),
            ("MY-KEY=s3cret", "argument 1 does not start with a config name"),
            ("=s3cret", "argument 1 has no name before the `=`"),
            ("s3cret", "argument 1 is not of the form KEY=value"),
            ("s3cret+/x==", "argument 1 does not start with a config name"),
            ("PORT=s3cret", "PORT cannot be set: xii itself sets it for every process"),
            ("DYNO=s3cret", "DYNO cannot be set: xii itself sets it for every process"),
            ("XII_APP=s3cret", "XII_APP cannot be set: xii itself sets it for every process"),
            ("A=s3cret\0", "the value of A contains a NUL byte"),
            (&long, "the value of A is 1172 KiB long; at most 64 KiB are allowed"),
        ];
        for (argument, message) in table {
            let failure = refusal(argument);
            assert_eq!(failure.message, message);
            assert_eq!(failure.exit_code(), 2);
            assert!(failure.next.is_some(), "{message}");
            let all = format!("{failure:?}");
            assert!(!all.contains("s3cret"), "the value is in {all}");
        }
        assert!(refusal("1X=s3cret").causes[0].contains("starts with a digit"));
        let failure = parse_pairs(["A=1", "A=s3cret"]).unwrap_err();
        assert_eq!(failure.message, "A is set twice in one command");
    }
}

mod changes {
    use super::*;

    fn change(set: &[(&str, &str)], unset: &[&str]) -> Change {
        Change {
            set: set.iter().map(|(key, value)| (name(key), secret(value))).collect(),
            unset: unset.iter().map(|key| name(key)).collect(),
        }
    }

    #[test]
    fn setting_what_is_set_already_changes_nothing() {
        let before = config(&[("A", "1"), ("B", "2")]);
        let (after, changed) = before.apply(&change(&[("A", "1")], &[])).unwrap();
        assert_eq!(after, before);
        assert!(changed.is_empty());
        let (_, changed) = before.apply(&change(&[("A", "1"), ("C", "3")], &["B"])).unwrap();
        assert_eq!(changed.to_string(), "set C; unset B");
    }

    #[test]
    fn unsetting_what_is_not_set_is_an_error_that_guesses() {
        let before = config(&[("DATABASE_URL", "s3cret")]);
        let failure = before.apply(&change(&[], &["DATABSE_URL"])).unwrap_err();
        assert_eq!(failure.message, "DATABSE_URL is not set");
        assert_eq!(failure.next.as_deref(), Some("did you mean DATABASE_URL?"));
        let failure = before.apply(&change(&[], &["ZZZ"])).unwrap_err();
        assert_eq!(failure.next.as_deref(), Some("`xii config` lists what is set"));
        assert!(before.apply(&change(&[("A", "1")], &["A"])).is_err());
    }

    #[test]
    fn limits_hold_wherever_the_pairs_were_read() {
        let empty = ConfigSnapshot::default();
        assert!(empty.apply(&change(&[("PORT", "1")], &[])).is_err());
        assert!(empty.apply(&change(&[("A", "\0")], &[])).is_err());
        let large = "x".repeat(60 * 1024);
        let pairs: Vec<_> = ["A", "B", "C", "D"].iter().map(|key| (*key, &*large)).collect();
        let (full, _) = empty.apply(&change(&pairs, &[])).unwrap();
        let failure = full.apply(&change(&[("E", &large)], &[])).unwrap_err();
        assert_eq!(failure.message, "the config would be 301 KiB in all");
        assert!(failure.causes[0].contains("at most 256 KiB"), "{failure}");
    }

    #[test]
    fn a_diff_names_what_differs_and_opens_nothing() {
        let (_dir, _, key) = home();
        let seal = |pairs: &[(&str, &str)], release| {
            SealedConfig::seal(&key, &place("shop", release), &config(pairs)).unwrap()
        };
        let old = seal(&[("A", "1"), ("B", "2"), ("C", "3")], 1);
        let new = seal(&[("B", "2"), ("C", "4"), ("D", "5")], 2);
        let diff = ConfigDiff::between(&old.digests(), &new.digests());
        let expected = ConfigDiff {
            added: vec![name("D")],
            removed: vec![name("A")],
            changed: vec![name("C")],
        };
        assert_eq!(diff, expected);
        assert!(ConfigDiff::between(&old.digests(), &old.digests()).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_shell_reads_the_shell_form_back_to_the_same_value(value in "[^\0]{0,40}") {
            let form = config(&[("XVALUE", &value)]).to_shell();
            let script = format!("{}printf %s \"$XVALUE\"", form.reveal());
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            prop_assert_eq!(output.stdout, value.into_bytes());
        }
    }
}
