//! From the ledger to something that can be started.

use super::{Host, Runnable};
use crate::app::{DeployRef, Failure, Manifests, ReleaseNumber};
use crate::build::Description;
use crate::release::{self, Release, Stack};
use crate::sandbox::{Level, Root};
use jiff::Timestamp;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

impl Host {
    /// Everything the processes of a release are started with.
    pub fn runnable(
        &self,
        deploy: &DeployRef,
        number: ReleaseNumber,
    ) -> Result<Arc<Runnable>, Failure> {
        let release = release::get(&self.ledger, &self.key, deploy, number)?
            .ok_or_else(|| Failure::internal(format!("{deploy} has no release {number}")))?;
        let uid = self.ledger.expect_deploy(deploy)?.uid;
        Ok(Arc::new(self.make_runnable(release, uid)?))
    }

    fn make_runnable(&self, release: Release, uid: u32) -> Result<Runnable, Failure> {
        let name = format!("{} of {}", release.number, release.deploy);
        let build = release.build.ok_or_else(|| {
            Failure::usage(format!("{name} has no build: nothing to run"))
                .next("`xii deploy` builds and releases the code")
        })?;
        let record = self.ledger.build(&build)?.filter(|record| record.pruned_at.is_none());
        let record = record.ok_or_else(|| {
            Failure::platform(format!("the build of {name} is no longer on this host"))
                .next("deploy its commit again: `xii deploy COMMIT`")
        })?;
        let description = Description::read(&self.home, &record.digest)?;
        let manifests = Manifests::parse(&release.manifests).map_err(|_| {
            Failure::internal(format!("the manifests of {name} can no longer be read"))
        })?;
        let root = self.stack_root(&name, &release.stack)?;
        Ok(Runnable {
            root,
            config: release.open_config(&self.key)?,
            deploy: release.deploy,
            release: release.number,
            uid,
            build,
            manifests,
            commands: release.commands,
            description,
        })
    }

    fn stack_root(&self, name: &str, stack: &Stack) -> Result<Root, Failure> {
        if stack.is_host() {
            return Ok(Root::Host);
        }
        let folder = self.home.stacks().join(&stack.fingerprint);
        match folder.is_dir() {
            true => Ok(Root::Folder(folder)),
            false => Err(Failure::platform(format!(
                "the stack of {name}, {} {:.12}, is no longer on this host",
                stack.name, stack.fingerprint
            ))
            .next(format!("xii stacks verify {:.12}, which makes it again", stack.fingerprint))),
        }
    }

    /// A user id of this home's block that belongs to the platform itself.
    pub fn uid_of(&self, owner: &str) -> Result<u32, Failure> {
        match self.level {
            Level::Full => self.ledger.uid_for(owner, &self.block),
            Level::UserNamespace => Ok(rustix::process::getuid().as_raw()),
        }
    }

    /// A port for a routed instance, one that nobody else on this machine listens on.
    pub(super) fn take_port(&self, keeper: u64) -> Result<u16, Failure> {
        let usable = |port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok();
        Ok(self.ledger.allocate_port(&self.block, keeper, Timestamp::now(), usable)?.port)
    }
}
