//! A Rust installation copied: it finds its parts from where it lies, so nothing is rewritten.
//! Of an installation with everything, more than half is left behind.

use super::super::files::copy;
use crate::app::Failure;
use std::path::Path;

const PROGRAMS: [&str; 2] = ["cargo", "rustc"];
/// Beside these lie the libraries of whatever else is installed at the prefix.
const LIBRARIES: [&str; 3] = ["libLLVM", "librustc_driver-", "libstd-"];

/// Copies the installation at `prefix` into `copy_to`: the compiler, cargo, and the standard
/// library of this machine. No documentation, no sources, no other targets, no other tools.
pub fn rust(prefix: &Path, copy_to: &Path) -> Result<(), Failure> {
    let target = host_target(prefix).ok_or_else(|| {
        Failure::platform(format!("{} has no standard library for this machine", prefix.display()))
            .next("install Rust again")
    })?;
    copy(prefix, copy_to, &|below| is_wanted(below, &target))
}

fn host_target(prefix: &Path) -> Option<String> {
    let targets = ["gnu", "musl"].map(|c| format!("{}-unknown-linux-{c}", std::env::consts::ARCH));
    targets.into_iter().find(|name| prefix.join("lib/rustlib").join(name).join("lib").is_dir())
}

fn is_wanted(below: &Path, target: &str) -> bool {
    let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
    let parts: Vec<&str> = parts.iter().map(|part| part.as_ref()).collect();
    match parts.as_slice() {
        [] | ["bin" | "lib"] | ["lib", "rustlib"] => true,
        ["bin", name] => PROGRAMS.contains(name),
        ["lib", name] => LIBRARIES.iter().any(|start| name.starts_with(start)),
        ["lib", "rustlib", of] => *of == target,
        ["lib", "rustlib", _, "bin" | "lib"] => true,
        ["lib", "rustlib", _, "lib", name] => !is_sanitizer(name),
        // The linker that the compiler runs, and what it finds it by.
        ["lib", "rustlib", _, "bin", name, ..] => *name != "wasm-component-ld",
        _ => false,
    }
}

/// For nightlies alone.
fn is_sanitizer(name: &str) -> bool {
    name.starts_with("librustc-") && name.ends_with(".a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_what_compiles_and_links_and_nothing_more() {
        let target = "x86_64-unknown-linux-gnu";
        let library = |name: &str| format!("lib/rustlib/{target}/lib/{name}");
        let wanted = |path: &str| is_wanted(Path::new(path), target);
        for path in ["bin/cargo", "lib/librustc_driver-6108.so", "lib/libLLVM.so.22.1-rust"] {
            assert!(wanted(path), "{path}");
        }
        assert!(wanted(&library("libstd-d123.rlib")));
        assert!(wanted(&format!("lib/rustlib/{target}/bin/gcc-ld/ld.lld")));
        for path in [
            "bin/rustfmt",
            "share",
            "libexec",
            "etc",
            "lib/libpython3.so",
            "lib/rustlib/src",
            "lib/rustlib/wasm32-unknown-unknown",
            "lib/rustlib/components",
        ] {
            assert!(!wanted(path), "{path}");
        }
        assert!(!wanted(&library("librustc-stable_rt.asan.a")));
    }
}
