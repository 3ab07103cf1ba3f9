//! A release as an image for somewhere else: its bytes and how it is started, never its config.

use super::Platform;
use super::formation::running_release;
use crate::app::{DeployRef, Digest, Failure, ProcessType, ReleaseNumber};
use crate::build::Description;
use crate::build::oci::{Exported, ImageConfig, Layer};
use crate::release::{self, Release};
use crate::run::{Host, fixed_env, shell};
use crate::sandbox::Mount;
use std::collections::BTreeMap;
use std::path::Path;

/// Any but root: the files are root's, and the app may write to none of them.
const USER: &str = "1000:1000";
/// Outside of xii somebody else gives the port, or nobody.
const PORT: u16 = 8080;
/// Static sites are served by xii itself.
const XII: &str = "/opt/xii/bin/xii";

pub struct Image {
    pub release: ReleaseNumber,
    pub exported: Exported,
}

/// Blocking, and long: everything is read and compressed. `None` is the release that runs.
pub fn export(
    platform: &Platform,
    deploy: &DeployRef,
    number: Option<ReleaseNumber>,
) -> Result<Image, Failure> {
    let host = platform.host();
    let release = match number {
        None => running_release(platform, deploy)?,
        Some(number) => release::get(&host.ledger, &host.key, deploy, number)?
            .ok_or_else(|| Failure::usage(format!("{deploy} has no release {number}")))?,
    };
    let name = format!("{} of {deploy}", release.number);
    let build = release.build.ok_or_else(|| Failure::usage(format!("{name} has no build")))?;
    let kept = host.ledger.build(&build)?.is_some_and(|record| record.pruned_at.is_none());
    if !kept {
        return Err(Failure::platform(format!("the build of {name} is no longer on this host"))
            .next("deploy its commit again: `xii deploy COMMIT`"));
    }
    let description = Description::read(&host.home, &build)?;
    let mut layers = vec![stack_layer(host, &release)?];
    layers.extend(description.mounts(&host.home, &build).into_iter().filter_map(mounted));
    if release.commands.values().any(|command| command.starts_with(XII)) {
        let note = "xii, which serves the site".to_string();
        layers.push(Layer { source: host.exe.clone(), target: XII.into(), note });
    }
    let config = config(&release, &build, &description);
    let exported = Exported::make(&host.home, &layers, &config, &annotations(&release))?;
    Ok(Image { release: release.number, exported })
}

fn stack_layer(host: &Host, release: &Release) -> Result<Layer, Failure> {
    let stack = &release.stack;
    let Ok(digest) = stack.fingerprint.parse::<Digest>() else {
        let message = format!("{} was built on the stack `{}`", release.number, stack.name);
        return Err(Failure::usage(message)
            .why("below it lies this machine's own /usr, which no image can hold")
            .next("write `stack = \"debian-12\"` in xii.toml, deploy, and export that release"));
    };
    let source = host.home.stacks().join(digest.to_string());
    if !source.is_dir() {
        let message = format!("the stack {} {} is no longer here", stack.name, digest.short());
        return Err(Failure::platform(message).next("deploy again"));
    }
    Ok(Layer { source, target: "/".into(), note: format!("stack {} {digest}", stack.name) })
}

fn mounted(mount: Mount) -> Option<Layer> {
    let Mount::ReadOnly { source, target } = mount else { return None };
    let digest = source.components().find_map(|part| {
        part.as_os_str().to_str()?.parse::<Digest>().ok().map(|digest| digest.short())
    });
    let what = if target == Path::new("/app") { "build" } else { "toolchain" };
    Some(Layer { source, target, note: format!("{what} {}", digest.unwrap_or_default()) })
}

/// The contract with an app as far as it holds elsewhere.
fn config(release: &Release, build: &Digest, description: &Description) -> ImageConfig {
    let port = ("PORT".to_string(), PORT.to_string());
    let stack = format!("{} {}", release.stack.name, release.stack.fingerprint);
    ImageConfig {
        user: USER.to_string(),
        env: fixed_env(description).into_iter().chain([port]).collect(),
        command: release
            .commands
            .get(&ProcessType::web())
            .map(|command| shell(command))
            .unwrap_or_default(),
        working_dir: "/app".to_string(),
        port: Some(PORT),
        labels: BTreeMap::from([
            ("xii.build".to_string(), build.to_string()),
            ("xii.stack".to_string(), stack),
        ]),
    }
}

/// What another release of the same build has otherwise: beside the image, not in it.
fn annotations(release: &Release) -> BTreeMap<String, String> {
    let image = |name: &str| format!("org.opencontainers.image.{name}");
    let mut facts = BTreeMap::from([
        (image("ref.name"), release.number.to_string()),
        (image("title"), release.deploy.to_string()),
    ]);
    let commit = release.commit.as_ref().filter(|commit| !commit.dirty);
    facts.extend(commit.map(|commit| (image("revision"), commit.id.clone())));
    facts
}
