//! The prepared `/etc`: who the app's user is, how names resolve, and the few files of the
//! host that libraries and toolchains read. No secret of the host is among them.

use super::spec::Sandbox;
use super::step::Result;
use super::system::System;
use super::tree::Tree;
use std::path::Path;

/// Read-only from the host, where they exist.
const KEPT: [&str; 18] = [
    "resolv.conf",
    "ssl",
    "pki",
    "ca-certificates",
    "ca-certificates.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "timezone",
    "alternatives",
    "mime.types",
    "services",
    "protocols",
    "pip.conf",
    "os-release",
    "debian_version",
    "gai.conf",
];

/// Written by [`write`], or taken from the host, and so never a stack's own. No password is
/// anybody's in there, so nobody needs to see that there is none.
const PREPARED: [&str; 9] = [
    "passwd",
    "group",
    "shadow",
    "gshadow",
    "hosts",
    "hostname",
    "nsswitch.conf",
    "resolv.conf",
    "ssl",
];

/// Where the certificates of the host really lie: those in `/etc/ssl/certs` are links to there.
const CERTIFICATES: [&str; 2] = ["/usr/share/ca-certificates", "/usr/local/share/ca-certificates"];

/// Opens what is kept of the host's `/etc`. A link into `/usr` stays a link; everything
/// else is bound from the file it really is, so that a changed `resolv.conf` is seen.
pub fn of_host(system: &mut System) -> Result<()> {
    let kept = KEPT.iter().map(|name| name.to_string());
    for name in kept.chain(python_folders()) {
        let path = Path::new("/etc").join(name);
        let Ok(real) = std::fs::canonicalize(&path) else { continue };
        if real.starts_with("/usr") {
            system.links.push((path, real));
        } else {
            system.bind(path, &real)?;
        }
    }
    Ok(())
}

/// The `/etc` of the root file system at `root`. How names resolve and whom to trust is the
/// host's business: an administrator adds a certificate there, and nowhere else.
pub fn of_folder(root: &Path, system: &mut System) -> Result<()> {
    let trusted = Path::new("/etc/ssl").is_dir();
    let own = |name: &str| match name {
        "ssl" => trusted,
        name => PREPARED.contains(&name),
    };
    system.take(&root.join("etc"), Path::new("/etc"), own)?;
    if let Ok(real) = std::fs::canonicalize("/etc/resolv.conf") {
        system.bind("/etc/resolv.conf".into(), &real)?;
    }
    if trusted {
        system.bind("/etc/ssl".into(), Path::new("/etc/ssl"))?;
        for path in CERTIFICATES.map(Path::new) {
            let below = path.strip_prefix("/").unwrap_or(path);
            if path.is_dir() && root.join(below).is_dir() {
                system.bind(path.into(), path)?;
            }
        }
    }
    Ok(())
}

/// `/etc/python3`, `/etc/python3.11`, …: Debian keeps sitecustomize.py there.
fn python_folders() -> Vec<String> {
    let names = std::fs::read_dir("/etc").into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with("python3")).collect()
}

pub fn write(tree: &Tree, sandbox: &Sandbox, home: &str) -> Result<()> {
    let (uid, gid) = (sandbox.user.uid, sandbox.user.gid);
    let hostname = &sandbox.hostname;
    let passwd = format!(
        "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n\
         nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n\
         app:x:{uid}:{gid}:app:{home}:/bin/sh\n"
    );
    let group = format!("root:x:0:\ntty:x:5:\nnogroup:x:65534:\napp:x:{gid}:\n");
    let hosts = format!(
        "127.0.0.1 localhost\n127.0.1.1 {hostname}\n::1 localhost ip6-localhost ip6-loopback\n{}",
        other_hosts(&std::fs::read_to_string("/etc/hosts").unwrap_or_default())
    );
    let nsswitch = "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n\
                    services: files\nprotocols: files\n";
    let files = [
        ("passwd", passwd.as_str()),
        ("group", &group),
        ("hosts", &hosts),
        ("hostname", &format!("{hostname}\n")),
        ("nsswitch.conf", nsswitch),
    ];
    for (name, text) in files {
        tree.file(&Path::new("/etc").join(name), text.as_bytes(), 0o644)?;
    }
    Ok(())
}

/// The names an administrator added to the host's `/etc/hosts`; a database may be among
/// them. Loopback lines are ours to write.
fn other_hosts(text: &str) -> String {
    let kept = text.lines().filter(|line| {
        let address = line.split_whitespace().next().unwrap_or("#");
        !address.starts_with('#') && !address.starts_with("127.") && address != "::1"
    });
    kept.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::other_hosts;

    #[test]
    fn an_administrators_hosts_are_kept_and_loopback_lines_are_not() {
        let host = "# comment\n127.0.0.1 localhost\n::1 x\n\n10.0.0.5 db db.internal\n";
        assert_eq!(other_hosts(host), "10.0.0.5 db db.internal\n");
    }
}
