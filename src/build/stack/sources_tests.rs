use super::*;

const DEB822: &str = "\
# a comment
Types: deb deb-src
URIs: http://deb.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://deb.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: https://vendor.example/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
URIs: https://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: https://src.example/debian
Suites: bookworm
Components: main
";

#[test]
fn the_suite_is_exchanged_and_only_archives_of_debian_are_taken() {
    let entries = of_debian(deb822(DEB822));
    assert_eq!(
        for_suite(&entries, Suite::Debian13, true),
        "Types: deb\nURIs: http://deb.example/debian\nSuites: trixie trixie-updates\n\
         Components: main contrib\n\
         signed-by: /usr/share/keyrings/debian-archive-keyring.gpg\n\n\
         Types: deb\nURIs: http://deb.example/debian-security\nSuites: trixie-security\n\
         Components: main\nsigned-by: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    );
    let alone = for_suite(&entries, Suite::Debian14, false);
    assert!(alone.contains("Suites: forky\n") && !alone.contains("security"), "{alone}");
}

#[test]
fn lines_of_the_older_kind_say_the_same() {
    let lines = "deb http://deb.example/debian stable main # the archive\n\
                 deb [arch=amd64 signed-by=/k.gpg trusted=yes] http://sec.example/ buster/updates main\n\
                 deb-src http://deb.example/debian stable main\n\
                 # deb http://no.example/debian stable main\n\
                 deb https://docker.example/linux/debian bookworm stable\n\
                 deb https://cloud.example/apt cloud-sdk-bookworm main\n\
                 deb cdrom:[Debian]/ bookworm\n";
    let entries = of_debian(one_line(lines));
    assert_eq!(
        for_suite(&entries, Suite::Debian12, true),
        "Types: deb\nURIs: http://deb.example/debian\nSuites: bookworm\nComponents: main\n\n\
         Types: deb\nURIs: http://sec.example/\nSuites: bookworm-security\nComponents: main\n\
         signed-by: /k.gpg\ntrusted: yes\n"
    );
}

#[test]
fn a_key_written_into_the_file_stays_whole() {
    let vendor = deb822(DEB822).into_iter().find(|entry| entry.uris[0].contains("vendor")).unwrap();
    let written = for_suite(std::slice::from_ref(&vendor), Suite::Debian12, true);
    assert!(written.contains("signed-by: \n -----BEGIN"), "{written}");
    assert_eq!(deb822(&written)[0].options, vendor.options);
}

#[test]
fn unsigned_entries_of_the_same_host_are_debians_too() {
    let lines = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.example/debian trixie main\n\
                 deb http://deb.example/debian-security trixie-security main\n\
                 deb http://other.example/debian trixie main\n";
    let hosts: Vec<_> =
        of_debian(one_line(lines)).into_iter().map(|entry| entry.uris[0].clone()).collect();
    assert_eq!(hosts, ["http://deb.example/debian", "http://deb.example/debian-security"]);
}

#[test]
fn a_mirror_takes_the_place_of_the_hosts_sources() {
    let archive = Archive::Mirror("http://m.example/debian http://m.example/sec".into());
    let text = archive.sources(Suite::Debian12, true).unwrap();
    assert!(text.contains("URIs: http://m.example/debian\nSuites: bookworm bookworm-updates\n"));
    assert!(text.contains("URIs: http://m.example/sec\nSuites: bookworm-security\n"));
    for bad in ["", "m.example", "http://a http://b http://c"] {
        let failure = Archive::Mirror(bad.into()).sources(Suite::Debian12, true).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{bad}");
    }
}

#[test]
fn a_host_without_debian_says_what_to_do() {
    assert_eq!(
        for_suite(
            &of_debian(one_line("deb http://u.example/ubuntu noble main\n")),
            Suite::Debian12,
            true
        ),
        ""
    );
}
