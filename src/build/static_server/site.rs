//! The files of a site by the names they are asked for.

use super::content_type;
use crate::app::Failure;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Names relative to the root, with `/`, without a leading one.
pub struct Site {
    pages: BTreeMap<String, Arc<Page>>,
}

pub struct Page {
    pub path: PathBuf,
    pub content_type: &'static str,
    tag: OnceLock<String>,
}

/// What a path leads to.
pub enum Found {
    Page(Arc<Page>),
    /// A folder asked for without its `/`; the new path.
    Moved(String),
    /// Nothing; the site's own page that says so, if it has one.
    Missing(Option<Arc<Page>>),
}

/// At the root these describe the app and are no part of the site.
const MANIFESTS: [&str; 3] = ["Procfile", "app.json", "xii.toml"];

/// The one name with a leading dot that is meant to be served (RFC 8615).
const WELL_KNOWN: &str = ".well-known";

impl Site {
    /// Lists the files below `root`. Names with a leading dot are left out, and symbolic
    /// links are followed only where they stay below the root.
    pub fn open(root: &Path) -> Result<Site, Failure> {
        let root = root.canonicalize().map_err(|error| unreadable(root, error))?;
        let mut pages = BTreeMap::new();
        list(&root, &root, "", &mut Vec::new(), &mut pages)?;
        for manifest in MANIFESTS {
            pages.remove(manifest);
        }
        Ok(Site { pages })
    }

    pub fn len(&self) -> usize {
        self.pages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// `path` as it stands in the request, still percent-encoded.
    pub fn find(&self, path: &str) -> Found {
        let name = decode(path).and_then(|path| Some(path.strip_prefix('/')?.to_string()));
        let Some(name) = name else { return self.missing() };
        let page = |name: &str| self.pages.get(name).cloned();
        if name.is_empty() || name.ends_with('/') {
            return page(&format!("{name}index.html")).map_or_else(|| self.missing(), Found::Page);
        }
        if let Some(page) = page(&name).or_else(|| page(&format!("{name}.html"))) {
            return Found::Page(page);
        }
        match page(&format!("{name}/index.html")) {
            Some(_) => Found::Moved(format!("/{}/", encode(&name))),
            None => self.missing(),
        }
    }

    fn missing(&self) -> Found {
        Found::Missing(self.pages.get("404.html").cloned())
    }
}

impl Page {
    /// The entity tag, from the content alone: two instances, and two builds of the same
    /// source, give the same one. Blocks; reads the file the first time.
    pub fn tag(&self) -> std::io::Result<&str> {
        if let Some(tag) = self.tag.get() {
            return Ok(tag);
        }
        let mut file = File::open(&self.path)?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            match file.read(&mut chunk)? {
                0 => break,
                length => hash.update(&chunk[..length]),
            }
        }
        let digest = crate::app::Digest::from_bytes(hash.finalize().into());
        Ok(self.tag.get_or_init(|| format!("\"{}\"", &digest.to_string()[..32])))
    }
}

/// `above` are the real folders on the way here: a link to one of them is a circle.
fn list(
    root: &Path,
    folder: &Path,
    prefix: &str,
    above: &mut Vec<PathBuf>,
    pages: &mut BTreeMap<String, Arc<Page>>,
) -> Result<(), Failure> {
    above.push(folder.to_path_buf());
    for entry in folder.read_dir().map_err(|error| unreadable(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') && name != WELL_KNOWN {
            continue;
        }
        // Dangling links and links out of the root are not part of the site.
        let Ok(real) = entry.path().canonicalize() else { continue };
        if !real.starts_with(root) || has_hidden_part(root, &real) {
            continue;
        }
        let name = format!("{prefix}{name}");
        if real.is_file() {
            let content_type = content_type::of(&name);
            pages.insert(name, Arc::new(Page { path: real, content_type, tag: OnceLock::new() }));
        } else if real.is_dir() && !above.contains(&real) {
            list(root, &real, &format!("{name}/"), above, pages)?;
        }
    }
    above.pop();
    Ok(())
}

/// A link must not show under another name what would not be shown under its own.
fn has_hidden_part(root: &Path, real: &Path) -> bool {
    let below = real.strip_prefix(root).unwrap_or(real);
    below
        .iter()
        .any(|part| part.to_string_lossy().starts_with('.') && part.to_string_lossy() != WELL_KNOWN)
}

fn unreadable(path: &Path, error: std::io::Error) -> Failure {
    Failure::app(format!("cannot read the site at {}", path.display())).because(error)
}

fn decode(path: &str) -> Option<String> {
    let bytes = path.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let digits = path.get(at + 1..at + 3)?;
            let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
            decoded.push(is_hex.then(|| u8::from_str_radix(digits, 16).ok())??);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).ok()
}

fn encode(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    let one = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    path.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::symlink;

    fn site(dir: &Path) -> Site {
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for name in ["secret.txt", "root/index.html", "root/about.html", "root/docs/index.html"] {
            write(name, name);
        }
        for name in ["root/a b/é.txt", "root/.env", "root/.git/config", "root/.well-known/x"] {
            write(name, name);
        }
        for name in ["root/Procfile", "root/xii.toml", "root/docs/Procfile"] {
            write(name, name);
        }
        let link = |to: &str, name: &str| symlink(to, dir.join("root").join(name)).unwrap();
        link("../secret.txt", "escape.txt");
        link("/etc", "etc");
        link(".env", "env.txt");
        link("docs", "inside");
        link("..", "docs/up");
        link(".", "docs/circle");
        link("nowhere", "dangling");
        Site::open(&dir.join("root")).unwrap()
    }

    #[test]
    fn only_what_belongs_to_the_site_is_listed() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path());
        let names: Vec<&str> = site.pages.keys().map(String::as_str).collect();
        assert_eq!(
            names,
            [
                ".well-known/x",
                "a b/é.txt",
                "about.html",
                "docs/Procfile",
                "docs/index.html",
                "index.html",
                "inside/Procfile",
                "inside/index.html",
            ]
        );
    }

    #[test]
    fn paths_lead_to_files_folders_and_nowhere_else() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path());
        let shown = |path: &str| match site.find(path) {
            Found::Page(page) => page
                .path
                .strip_prefix(dir.path().canonicalize().unwrap())
                .unwrap()
                .display()
                .to_string(),
            Found::Moved(to) => format!("→ {to}"),
            Found::Missing(_) => "–".to_string(),
        };
        let table = [
            ("/", "root/index.html"),
            ("/about", "root/about.html"),
            ("/docs", "→ /docs/"),
            ("/docs/", "root/docs/index.html"),
            ("/inside", "→ /inside/"),
            ("/a%20b/%C3%A9.txt", "root/a b/é.txt"),
            ("/a%20b/", "–"),
            ("", "–"),
            ("*", "–"),
            ("//", "–"),
            ("//evil.example/..", "–"),
            ("/../secret.txt", "–"),
            ("/%2e%2e/secret.txt", "–"),
            ("/..%2fsecret.txt", "–"),
            ("/docs/../index.html", "–"),
            ("/%00", "–"),
            ("/%", "–"),
            ("/%+1", "–"),
            ("/%ff", "–"),
            ("/.env", "–"),
            ("/%2eenv", "–"),
            ("/env.txt", "–"),
            ("/escape.txt", "–"),
            ("/etc/passwd", "–"),
            ("/xii.toml", "–"),
            ("/docs/up/secret.txt", "–"),
        ];
        for (path, expected) in table {
            assert_eq!(shown(path), expected, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let site = site(dir.path());
        let root = dir.path().join("root").canonicalize().unwrap();
        let parts =
            "(/|\\.\\.|\\.|%2e|%2f|%5c|\\\\|%00|secret\\.txt|docs|inside|up|etc|passwd|.){0,10}";
        proptest!(|(path in parts)| {
            if let Found::Page(page) = site.find(&path) {
                prop_assert!(page.path.starts_with(&root), "{path} led to {}", page.path.display());
                prop_assert!(!has_hidden_part(&root, &page.path));
            }
        });
    }

    proptest! {
        #[test]
        fn encoding_then_decoding_is_identity(path in ".{0,30}") {
            prop_assert_eq!(decode(&encode(&path)), Some(path));
        }
    }
}
