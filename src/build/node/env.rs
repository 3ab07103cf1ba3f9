//! The variables that npm, pnpm and Yarn read: quiet, within the app's cache, and at home on a
//! read-only disk when the app runs.

use super::lock::Manager;
use super::package_manager::Chosen;

type Variables = Vec<(String, String)>;

/// Where npm finds the headers that native packages are compiled against.
pub fn of_a_build(chosen: &Chosen, headers: &str, settings: Option<&str>) -> Variables {
    let mut env = shared(chosen);
    let mut set = |name: &str, value: &str| env.push((name.to_string(), value.to_string()));
    set("npm_package_config_node_gyp_nodedir", headers);
    set("NEXT_TELEMETRY_DISABLED", "1");
    match chosen.kind {
        Manager::Npm => {
            for (name, value) in [
                ("fund", "false"),
                ("audit", "false"),
                ("progress", "false"),
                ("prefer_offline", "true"),
            ] {
                set(&format!("npm_config_{name}"), value);
            }
            if chosen.version.major < 10 {
                set("npm_config_nodedir", headers);
            }
        }
        Manager::Pnpm => {
            for (name, value) in [
                ("store_dir", "/cache/pnpm"),
                // The store and the app are two mounts: nothing can be linked between them.
                ("package_import_method", "copy"),
                ("confirm_modules_purge", "false"),
            ] {
                set(&format!("npm_config_{name}"), value);
                set(&format!("pnpm_config_{name}"), value);
            }
        }
        Manager::Classic => set("YARN_CACHE_FOLDER", "/cache/yarn"),
        Manager::Berry => {
            set("YARN_GLOBAL_FOLDER", "/cache/berry");
            set("YARN_ENABLE_GLOBAL_CACHE", if unpacks(settings) { "true" } else { "false" });
            set("YARN_ENABLE_PROGRESS_BARS", "false");
        }
    }
    env
}

pub fn of_a_run(chosen: &Chosen, settings: Option<&str>) -> Variables {
    let mut env = shared(chosen);
    let mut set = |name: &str, value: &str| env.push((name.to_string(), value.to_string()));
    set("npm_config_cache", "/tmp/npm");
    set("PM2_HOME", "/tmp/pm2");
    if chosen.kind == Manager::Classic {
        set("YARN_CACHE_FOLDER", "/tmp/yarn");
        set("YARN_GLOBAL_FOLDER", "/tmp/yarn");
    }
    if chosen.kind == Manager::Berry {
        set("YARN_GLOBAL_FOLDER", "/tmp/berry");
        set("YARN_ENABLE_GLOBAL_CACHE", if unpacks(settings) { "true" } else { "false" });
    }
    env
}

fn shared(chosen: &Chosen) -> Variables {
    let mut env = vec![("NODE_ENV", "production"), ("npm_config_update_notifier", "false")];
    match chosen.kind {
        Manager::Npm => {}
        Manager::Pnpm => env.extend([
            // The version that was asked for is the one that is here.
            ("npm_config_manage_package_manager_versions", "false"),
            ("npm_config_package_manager_strict", "false"),
            ("npm_config_verify_deps_before_run", "false"),
            ("pnpm_config_manage_package_manager_versions", "false"),
            ("pnpm_config_package_manager_strict", "false"),
            ("pnpm_config_pm_on_fail", "ignore"),
            ("pnpm_config_verify_deps_before_run", "false"),
            ("pnpm_config_update_notifier", "false"),
        ]),
        Manager::Classic => env.push(("SKIP_YARN_COREPACK_CHECK", "1")),
        Manager::Berry => env.push(("YARN_ENABLE_TELEMETRY", "0")),
    }
    env.into_iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

/// Whether Yarn leaves a node_modules. If not, its packages stay archives, and have to lie in
/// the app.
pub fn unpacks(settings: Option<&str>) -> bool {
    let linker =
        settings.and_then(|text| text.lines().find_map(|line| line.strip_prefix("nodeLinker:")));
    linker.is_some_and(|linker| linker.trim().trim_matches(['"', '\'']) == "node-modules")
}
