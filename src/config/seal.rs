//! Sealing: a value is encrypted for one name in one release of one deploy, and opens nowhere else.

use super::{ConfigSnapshot, Key, Use};
use crate::app::{ConfigKey, DeployRef, Digest, Failure, ReleaseNumber, Secret};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use std::collections::BTreeMap;

const VERSION: u8 = 1;
const NONCE: usize = 24;

/// Where a snapshot belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub deploy: DeployRef,
    pub release: ReleaseNumber,
}

/// A value as it lies in the ledger. The digest is keyed: equal values of one name can be
/// told, weak ones cannot be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedValue {
    pub sealed: Vec<u8>,
    pub digest: Digest,
}

/// A snapshot as it lies in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealedConfig(pub BTreeMap<ConfigKey, SealedValue>);

impl SealedConfig {
    pub fn seal(key: &Key, place: &Place, config: &ConfigSnapshot) -> Result<Self, Failure> {
        let cipher = cipher(key);
        let seal = |(name, value): (&ConfigKey, &Secret<String>)| {
            let value = value.reveal().as_bytes();
            let sealed = seal(&cipher, &aad(key, place, name), value)?;
            let digest = key.mac(Use::ValueDigest, &[name.as_str().as_bytes(), value]);
            let digest = Digest::from_bytes(digest);
            Ok((name.clone(), SealedValue { sealed, digest }))
        };
        config.0.iter().map(seal).collect::<Result<_, _>>().map(SealedConfig)
    }

    pub fn open(&self, key: &Key, place: &Place) -> Result<ConfigSnapshot, Failure> {
        let cipher = cipher(key);
        let open = |(name, value): (&ConfigKey, &SealedValue)| {
            let opened = open(&cipher, &aad(key, place, name), &value.sealed);
            let opened = opened.ok_or_else(|| {
                let Place { deploy, release } = place;
                Failure::platform(format!("{name} in {deploy} {release} does not open"))
                    .why("it was sealed with another key or for another place, or was altered")
                    .next(format!("xii releases verify -a {} -d {}", deploy.app, deploy.deploy))
            })?;
            Ok((name.clone(), opened))
        };
        self.0.iter().map(open).collect::<Result<_, _>>().map(ConfigSnapshot)
    }

    pub fn names(&self) -> impl Iterator<Item = &ConfigKey> {
        self.0.keys()
    }

    /// Name → keyed digest, for comparing without opening.
    pub fn digests(&self) -> BTreeMap<&ConfigKey, Digest> {
        self.0.iter().map(|(name, value)| (name, value.digest)).collect()
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.derive(Use::Seal).reveal().into())
}

/// Each part with its length: `a/bc` and `ab/c` must differ whatever names may contain one day.
fn aad(key: &Key, place: &Place, name: &ConfigKey) -> Vec<u8> {
    let release = place.release.to_string();
    let parts = [
        key.id().as_str(),
        place.deploy.app.as_str(),
        place.deploy.deploy.as_str(),
        &release,
        name.as_str(),
    ];
    parts.iter().flat_map(|part| format!("{}:{part}/", part.len()).into_bytes()).collect()
}

/// `version, nonce, ciphertext and tag`
fn seal(cipher: &XChaCha20Poly1305, aad: &[u8], value: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)
        .map_err(|error| Failure::platform("cannot seal config: no randomness").because(error))?;
    let body = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: value, aad })
        .map_err(|_| Failure::internal("cannot seal a config value: it is too long"))?;
    Ok([&[VERSION][..], &nonce, &body].concat())
}

fn open(cipher: &XChaCha20Poly1305, aad: &[u8], sealed: &[u8]) -> Option<Secret<String>> {
    let (version, rest) = sealed.split_first()?;
    let (nonce, body) = rest.split_at_checked(NONCE)?;
    if *version != VERSION {
        return None;
    }
    let nonce = <[u8; NONCE]>::try_from(nonce).ok()?;
    let value = cipher.decrypt(&XNonce::from(nonce), Payload { msg: body, aad }).ok()?;
    // The sealed bytes were text; `from_utf8` reuses the buffer, so no copy is left behind.
    String::from_utf8(value).ok().map(Secret::new)
}
