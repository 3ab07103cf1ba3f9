//! A build written out as an OCI image layout: the stack, its toolchains and the app, each a
//! layer, for registries and other machines.
//!
//! What is here is a function of its folders and nothing else: no clock, no owner, no order of
//! a file system gets into it, so that the same build is the same image on every server.
//!
//! ```text
//! image.rs   the JSON of a layout            layer.rs   a folder → a compressed layer
//! ```

mod image;
mod layer;
#[cfg(test)]
mod tests;

use super::files::{self, TmpDir, failed};
use crate::app::{Digest, Failure};
use crate::store::Home;
pub use image::ImageConfig;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// A folder, or a single file, and where in the image it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    pub source: PathBuf,
    /// Absolute; `/` for a root file system.
    pub target: PathBuf,
    /// For people who look into the image.
    pub note: String,
}

/// The lowest layer first. `out` is made; what is in it after an error is no image.
/// The digest is that of the image's manifest, by which registries name it; `annotations`
/// stand beside it and are not part of it.
pub fn export(
    layers: &[Layer],
    config: &ImageConfig,
    annotations: &BTreeMap<String, String>,
    out: &Path,
) -> Result<Digest, Failure> {
    let blobs = Blobs(out.join("blobs/sha256"));
    fs::create_dir_all(&blobs.0).map_err(failed("make", &blobs.0))?;
    let written =
        layers.iter().map(|layer| layer::write(layer, &blobs.0)).collect::<Result<Vec<_>, _>>()?;
    let config = blobs.put(&image::config(config, layers, &written)?)?;
    let manifest = blobs.put(&image::manifest(&config, &written)?)?;
    put(&out.join("index.json"), &image::index(&manifest, annotations)?)?;
    put(&out.join("oci-layout"), image::LAYOUT)?;
    Ok(manifest.digest)
}

/// A blob of the layout, as those that name it need it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Blob {
    digest: Digest,
    size: u64,
}

struct Blobs(PathBuf);

impl Blobs {
    fn put(&self, bytes: &[u8]) -> Result<Blob, Failure> {
        let digest = Digest::of(bytes);
        put(&self.0.join(digest.to_string()), bytes)?;
        Ok(Blob { digest, size: bytes.len() as u64 })
    }
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    fs::write(path, bytes).map_err(failed("write", path))
}

/// A layout of the server's own, on its way to somebody. Gone when dropped.
#[derive(Debug)]
pub struct Exported {
    folder: TmpDir,
    pub digest: Digest,
}

impl Exported {
    pub fn make(
        home: &Home,
        layers: &[Layer],
        config: &ImageConfig,
        annotations: &BTreeMap<String, String>,
    ) -> Result<Exported, Failure> {
        super::room::room_to_build(home.dir())?;
        let folder = TmpDir::new(&home.tmp(), "export")?;
        let digest = export(layers, config, annotations, &folder.path().join("image"))?;
        Ok(Exported { folder, digest })
    }

    /// The layout as a tar; the same image is the same bytes.
    pub fn write_tar(&self, to: &mut impl Write) -> Result<(), Failure> {
        layer::tar(&self.folder.path().join("image"), Path::new("/"), to)
    }

    /// Of the layout's files.
    pub fn size(&self) -> Result<u64, Failure> {
        let mut bytes = 0;
        files::walk(self.folder.path(), &mut |_, meta| {
            bytes += if meta.is_file() { meta.len() } else { 0 };
            Ok(true)
        })?;
        Ok(bytes)
    }
}
