//! The JSON documents of an image, as the OCI image specification (v1) has them.

use super::layer::Written;
use super::{Blob, Layer};
use crate::app::{Digest, Failure};
use serde::Serialize;
use std::collections::BTreeMap;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

pub const LAYOUT: &[u8] = b"{\"imageLayoutVersion\":\"1.0.0\"}\n";

/// Every time in an image: a build has none of its own.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// How a container of the image is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageConfig {
    /// `uid:gid`
    pub user: String,
    pub env: BTreeMap<String, String>,
    pub command: Vec<String>,
    pub working_dir: String,
    pub port: Option<u16>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Image<'a> {
    architecture: &'static str,
    config: Container<'a>,
    created: &'static str,
    history: Vec<History<'a>>,
    os: &'static str,
    rootfs: RootFs,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    cmd: &'a [String],
    env: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    exposed_ports: BTreeMap<String, Empty>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: &'a BTreeMap<String, String>,
    user: &'a str,
    working_dir: &'a str,
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
struct History<'a> {
    created: &'static str,
    created_by: &'a str,
}

#[derive(Serialize)]
struct RootFs {
    diff_ids: Vec<String>,
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
    media_type: &'static str,
    schema_version: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    manifests: Vec<Descriptor>,
    media_type: &'static str,
    schema_version: u8,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    digest: String,
    media_type: &'static str,
    size: u64,
}

impl Descriptor {
    fn of(blob: &Blob, media_type: &'static str) -> Descriptor {
        let (digest, size) = (name(&blob.digest), blob.size);
        Descriptor { annotations: BTreeMap::new(), digest, media_type, size }
    }
}

pub fn name(digest: &Digest) -> String {
    format!("sha256:{digest}")
}

pub fn config(
    config: &ImageConfig,
    layers: &[Layer],
    written: &[Written],
) -> Result<Vec<u8>, Failure> {
    let port = config.port.iter().map(|port| (format!("{port}/tcp"), Empty {}));
    json(&Image {
        architecture: architecture(std::env::consts::ARCH),
        config: Container {
            cmd: &config.command,
            env: config.env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            exposed_ports: port.collect(),
            labels: &config.labels,
            user: &config.user,
            working_dir: &config.working_dir,
        },
        created: NO_TIME,
        history: layers
            .iter()
            .map(|layer| History { created: NO_TIME, created_by: &layer.note })
            .collect(),
        os: "linux",
        rootfs: RootFs {
            diff_ids: written.iter().map(|layer| name(&layer.plain)).collect(),
            r#type: "layers",
        },
    })
}

pub fn manifest(config: &Blob, layers: &[Written]) -> Result<Vec<u8>, Failure> {
    json(&Manifest {
        config: Descriptor::of(config, CONFIG),
        layers: layers.iter().map(|layer| Descriptor::of(&layer.blob, LAYER)).collect(),
        media_type: MANIFEST,
        schema_version: 2,
    })
}

pub fn index(manifest: &Blob, annotations: &BTreeMap<String, String>) -> Result<Vec<u8>, Failure> {
    let descriptor =
        Descriptor { annotations: annotations.clone(), ..Descriptor::of(manifest, MANIFEST) };
    json(&Index { manifests: vec![descriptor], media_type: INDEX, schema_version: 2 })
}

/// Images have Go's words for processors.
fn architecture(rust: &'static str) -> &'static str {
    match rust {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// Fields in the order they are declared, maps sorted: the same bytes each time.
fn json(document: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(document)
        .map_err(|error| Failure::internal("an image cannot be described").because(error))
}
