//! The key of a home: a file that only its owner can read, and what is derived from it.

use crate::app::{Failure, Secret};
use crate::store::Ledger;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const HEADER: &str = "xii key ";
const VERSION: u32 = 1;

/// Names a key without telling anything about it; derived from it, so that a key restored
/// with a slip in it is noticed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyId(String);

impl KeyId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a derived key is for. One purpose's result says nothing about another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Sealing config values.
    Seal,
    /// Digests of config values, which would let weak secrets be guessed if they were plain.
    ValueDigest,
    /// The chain of releases.
    ReleaseChain,
    /// The status of a release, which changes while the release does not.
    ReleaseStatus,
    /// The end of a chain.
    ReleaseHead,
}

impl Use {
    fn label(self) -> &'static [u8] {
        match self {
            Use::Seal => b"xii seal v1",
            Use::ValueDigest => b"xii value digest v1",
            Use::ReleaseChain => b"xii release chain v1",
            Use::ReleaseStatus => b"xii release status v1",
            Use::ReleaseHead => b"xii release head v1",
        }
    }
}

#[derive(Clone)]
pub struct Key {
    id: KeyId,
    root: Secret<[u8; 32]>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Key").field(&self.id).finish()
    }
}

impl Key {
    /// The key in the file. A new one is made only for a ledger that has never known any.
    pub fn load_or_create(path: &Path, ledger: &Ledger) -> Result<Key, Failure> {
        let known = ledger.key_id()?;
        let key = match (Key::load(path)?, &known) {
            (Some(key), _) => key,
            (None, Some(id)) => return Err(missing(path, id)),
            (None, None) => Key::create(path)?,
        };
        match known {
            Some(id) if id != key.id.0 => Err(another(path, &key.id.0, &id)),
            Some(_) => Ok(key),
            None => ledger.set_key_id(&key.id.0).map(|()| key),
        }
    }

    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// A key of its own for each use, by HMAC (an HKDF-Expand of one block).
    pub(super) fn derive(&self, purpose: Use) -> Secret<[u8; 32]> {
        Secret::new(hmac(self.root.reveal(), &[purpose.label(), &[1]]))
    }

    /// Authenticates a list of fields: each is preceded by its length, so that no two lists
    /// have the same bytes.
    pub fn mac(&self, purpose: Use, fields: &[&[u8]]) -> [u8; 32] {
        let key = self.derive(purpose);
        let lengths: Vec<[u8; 8]> =
            fields.iter().map(|field| (field.len() as u64).to_be_bytes()).collect();
        let parts: Vec<&[u8]> =
            lengths.iter().zip(fields).flat_map(|(length, field)| [&length[..], *field]).collect();
        hmac(key.reveal(), &parts)
    }

    /// As the file holds it; the buffer never grows, so that no copy is left behind.
    fn to_text(&self) -> Secret<String> {
        let mut text = String::with_capacity(256);
        text.extend([HEADER, &VERSION.to_string(), "\nid ", self.id.as_str(), "\nkey "]);
        for byte in self.root.reveal() {
            let digits = [byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16));
            text.extend(digits.into_iter().flatten());
        }
        text.push('\n');
        Secret::new(text)
    }

    fn from_root(root: Secret<[u8; 32]>) -> Key {
        let digest = hmac(root.reveal(), &[b"xii key id v1", &[1]]);
        let id = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        Key { id: KeyId(id), root }
    }

    fn load(path: &Path) -> Result<Option<Key>, Failure> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("cannot open the key", path, error)),
        };
        let found = file.metadata().map_err(|error| io("cannot look at the key", path, error))?;
        if found.mode() & 0o077 != 0 {
            let mode = found.mode() & 0o777;
            return Err(Failure::platform(format!(
                "the key {} has mode {mode:03o}: others than its owner can reach it",
                path.display()
            ))
            .next(format!("chmod 600 {}", path.display())));
        }
        let text = read(&mut file).map_err(|error| io("cannot read the key", path, error))?;
        if let Some(version) = newer(text.reveal()) {
            return Err(Failure::platform(format!(
                "the key {} is of version {version}, made by a newer xii; this one knows 1",
                path.display()
            ))
            .next("install that version of xii or a newer one"));
        }
        parse(text.reveal()).map(Some).ok_or_else(|| {
            Failure::platform(format!("{} does not hold a key, or a damaged one", path.display()))
                .next("restore the file from a backup")
        })
    }

    fn create(path: &Path) -> Result<Key, Failure> {
        let mut root = [0; 32];
        getrandom::fill(&mut root).map_err(|error| {
            Failure::platform("cannot make a key: no randomness").because(error)
        })?;
        let key = Key::from_root(Secret::new(root));
        zeroize::Zeroize::zeroize(&mut root);
        write_new(path, key.to_text().reveal().as_bytes())
            .map_err(|error| io("cannot write the key", path, error))?;
        Ok(key)
    }
}

/// The file is whole or absent, and never takes the place of another.
fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let temporary = temporary(path)?;
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    written.and(removed)?;
    File::open(folder)?.sync_all()
}

fn temporary(path: &Path) -> std::io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let number = getrandom::u32().map_err(std::io::Error::other)?;
    Ok(path.with_file_name(format!(".{name}-{number:08x}")))
}

/// Into a buffer that never grows, so that no copy is left behind.
fn read(file: &mut File) -> std::io::Result<Secret<String>> {
    let mut bytes = Vec::with_capacity(256);
    file.take(255).read_to_end(&mut bytes)?;
    // What is no text is no key, which is for the parser to say.
    Ok(Secret::new(String::from_utf8(bytes).unwrap_or_default()))
}

/// The version of a key that only a later xii can read.
fn newer(text: &str) -> Option<u32> {
    let version = text.lines().next()?.strip_prefix(HEADER)?.parse().ok()?;
    (version > VERSION).then_some(version)
}

fn parse(text: &str) -> Option<Key> {
    let mut lines = text.lines();
    if lines.next()?.strip_prefix(HEADER)? != VERSION.to_string() {
        return None;
    }
    let id = lines.next()?.strip_prefix("id ")?;
    let hex = lines.next()?.strip_prefix("key ")?;
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut root = [0; 32];
    for (index, byte) in root.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).ok()?;
    }
    let key = Key::from_root(Secret::new(root));
    (key.id.0 == id).then_some(key)
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC pads a shorter key with zeros up to a block; doing it here leaves nothing to fail.
    let mut block = zeroize::Zeroizing::new([0; 64]);
    block[..key.len()].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

fn missing(path: &Path, id: &str) -> Failure {
    Failure::platform(format!("the key {} is missing", path.display()))
        .why(format!("the config in the ledger is sealed with key {id} and opens with no other"))
        .next(format!(
            "restore {} from a backup (mode 600), or set XII_KEY_FILE to where it is",
            path.display()
        ))
}

fn another(path: &Path, found: &str, expected: &str) -> Failure {
    Failure::platform(format!("{} holds key {found}", path.display()))
        .why(format!("the config in the ledger is sealed with key {expected}"))
        .next(format!("put key {expected} there, or set XII_KEY_FILE to where it is"))
}

fn io(what: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("{what} {}", path.display())).because(error)
}
