//! `xii build export [RELEASE] --output DIR|FILE.tar`: a release as an OCI image layout.

use crate::app::{Failure, ReleaseNumber};
use crate::cli::client::{Payload, download, request};
use crate::cli::target::{path, target};
use crate::cli::{Invocation, Outcome};
use crate::codebase::{Limits, unpack};
use crate::server::Pieces;
use clap::Args;
use hyper::Method;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct ExportArgs {
    /// The release [default: the one that runs]
    release: Option<ReleaseNumber>,
    /// A new folder for the image layout, or, ending in .tar, a file
    #[arg(short = 'o', long, value_name = "DIR|FILE.tar")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Written {
    release: String,
    digest: String,
    output: PathBuf,
}

pub async fn run(args: &ExportArgs, to: &Invocation) -> Outcome {
    let output = to.settings.folder.join(&args.output);
    let is_file = output.extension().is_some_and(|extension| extension == "tar");
    check(&output, is_file)?;
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let which = args.release.map(|number| format!("?release={}", number.0)).unwrap_or_default();
    let address = path(&deploy, &format!("/image{which}"));
    to.ui.say(&format!("writing an image of {deploy}; its layers are compressed first"));
    let response = client.send(request(Method::GET, &address, Payload::empty())).await?;
    let header = |name: &str| {
        let value = response.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_string()
    };
    let (digest, release) = (header("xii-image"), format!("v{}", header("xii-release")));
    let (sent, place) = (download(response.into_body()), output.clone());
    let writing = tokio::task::spawn_blocking(move || match is_file {
        true => write_file(sent, &place),
        false => write_folder(sent, &place),
    });
    writing.await.map_err(|error| Failure::internal("writing broke off").because(error))??;
    let written = Written { release, digest, output };
    to.ui.show(&written, |written| {
        format!("{} is {}\nin {}\n", written.release, written.digest, written.output.display())
    });
    Ok(0)
}

/// Before anything is made: an image takes a while.
fn check(output: &Path, is_file: bool) -> Result<(), Failure> {
    let refused = |why: &str| {
        Err(Failure::usage(format!("cannot write to {}", output.display())).why(why.to_string()))
    };
    let parent = output.parent().unwrap_or(output);
    let entries = std::fs::read_dir(output).ok().map(Iterator::count);
    match entries {
        _ if !parent.is_dir() => refused("there is no folder for it"),
        Some(_) if is_file => refused("it is a folder"),
        Some(1..) => refused("the folder is not empty"),
        None if !is_file && output.exists() => refused("it is not a folder"),
        _ => Ok(()),
    }
}

/// Under another name until it is whole.
fn write_file(mut from: Pieces, output: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::platform(format!("cannot write {}", output.display())).because(error)
    };
    let part = output.with_extension("tar.part");
    let written = File::create(&part)
        .and_then(|mut file| io::copy(&mut from, &mut file))
        .and_then(|_| std::fs::rename(&part, output));
    written.map_err(|error| {
        let _ = std::fs::remove_file(&part);
        failed(error)
    })
}

/// An image is as large as it is; its names and their places are checked.
fn write_folder(from: Pieces, output: &Path) -> Result<(), Failure> {
    let any = Limits { entries: u64::MAX, bytes: u64::MAX };
    let was_there = output.exists();
    let unpacked = unpack(from, output, any).map(drop);
    unpacked.map_err(|failure| {
        if !was_there {
            let _ = std::fs::remove_dir_all(output);
        }
        Failure::platform("the image did not arrive whole").because(failure)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_cannot_go_is_known_before_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir_all(at("full/x")).unwrap();
        std::fs::create_dir(at("empty")).unwrap();
        std::fs::create_dir(at("folder.tar")).unwrap();
        std::fs::write(at("file"), "").unwrap();
        std::fs::write(at("old.tar"), "").unwrap();
        let refused = |name: &str, is_file| check(&at(name), is_file).is_err();
        assert!(refused("full", false) && refused("file", false) && refused("no/where", false));
        assert!(refused("folder.tar", true) && refused("no/where.tar", true));
        assert!(!refused("empty", false) && !refused("new", false) && !refused("old.tar", true));
    }
}
