//! A repository of one folder of packages, as apt reads it: a root made from it can have
//! nothing else.

use super::super::files::failed;
use super::record::Package;
use super::suite::Suite;
use crate::app::{Digest, Failure};
use crate::sandbox::process::run_tool;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes `Packages` and `Release` beside the packages.
pub fn write(
    suite: Suite,
    packages: &BTreeMap<String, Package>,
    folder: &Path,
) -> Result<(), Failure> {
    let mut index = String::new();
    for package in packages.values() {
        let path = folder.join(&package.file);
        let size = fs::metadata(&path).map_err(failed("look at", &path))?.len();
        index.push_str(&paragraph(&control(&path)?, package, size));
    }
    let release = release(suite, &index);
    for (name, text) in [("Packages", index), ("Release", release)] {
        let path = folder.join(name);
        fs::write(&path, text).map_err(failed("write", &path))?;
    }
    Ok(())
}

fn control(path: &Path) -> Result<String, Failure> {
    let unreadable = || Failure::platform(format!("{} is no package", path.display()));
    let output = run_tool("dpkg-deb", &["-f", &path.to_string_lossy()], b"")
        .map_err(|error| unreadable().because(error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(unreadable().why(String::from_utf8_lossy(&output.stderr).trim())),
    }
}

fn paragraph(control: &str, package: &Package, size: u64) -> String {
    let Package { sha256, file, .. } = package;
    format!("{}\nFilename: ./{file}\nSize: {size}\nSHA256: {sha256}\n\n", control.trim_end())
}

/// The tool that makes the root looks for the suite's essential packages by its name.
fn release(suite: Suite, index: &str) -> String {
    let name = suite.codename();
    let sha256 = Digest::of(index.as_bytes());
    format!(
        "Suite: {name}\nCodename: {name}\nDate: Sat, 01 Jan 2022 00:00:00 UTC\n\
         SHA256:\n {sha256} {} Packages\n",
        index.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_described_by_its_own_control_file_and_where_it_lies() {
        let sha256 = Digest::of(b"x");
        let package = Package { version: "1".into(), sha256, file: "a_1_all.deb".into() };
        assert_eq!(
            paragraph("Package: a\nDescription: b\n c\n", &package, 7),
            format!(
                "Package: a\nDescription: b\n c\nFilename: ./a_1_all.deb\nSize: 7\nSHA256: {sha256}\n\n"
            )
        );
    }
}
