//! What this machine can do, found by doing, and what to do about the rest.

use super::api::{Doctor, DoctorCheck};
use super::http::Api;
use super::router;
use crate::app::{Failure, format_size};
use crate::build::ToolName;
use crate::sandbox::{Isolation, Level, firewall, process};
use axum::Json;
use axum::extract::State as Shared;

/// A record takes a page; so many instances may start before somebody looks again.
const LEAST_IN_RUN_FOLDER: u64 = 256 << 10;
const LEAST_FILES_IN_RUN_FOLDER: u64 = 128;

pub async fn doctor(Shared(api): Shared<Api>) -> Json<Doctor> {
    let mut checks = isolation_checks(&api.isolation);
    checks.extend(firewall_check(&api));
    checks.push(router_check(&api).await);
    checks.push(disk(&api));
    checks.push(run_folder(&api));
    checks.push(ledger(&api).await);
    checks.push(descriptors(&api).await);
    checks.push(toolchains(&api));
    Json(Doctor { checks })
}

/// What was found by trying, with or without a server.
pub fn isolation_checks(isolation: &Isolation) -> Vec<DoctorCheck> {
    let mut checks = vec![DoctorCheck {
        name: "isolation".to_string(),
        ok: isolation.is_full(),
        found: isolation.to_string(),
        remedy: None,
    }];
    checks.extend(isolation.missing.iter().map(|missing| DoctorCheck {
        name: missing.what.clone(),
        ok: false,
        found: missing.why.clone(),
        remedy: missing.remedy.clone(),
    }));
    checks
}

/// Other programs can take the table away: `nft flush ruleset` takes all there are.
fn firewall_check(api: &Api) -> Option<DoctorCheck> {
    let host = api.platform.host();
    if host.level != Level::Full || !api.isolation.firewall {
        return None;
    }
    let ok = matches!(firewall::exists(host.home.id().as_str()), Ok(true));
    let found = if ok { "in force" } else { "its table is gone: apps' ports are open" };
    let remedy = "restart the server (no app notices): systemctl restart xii-server, \
                  or end its process and xii up";
    Some(DoctorCheck {
        name: "firewall".to_string(),
        ok,
        found: found.to_string(),
        remedy: (!ok).then(|| remedy.to_string()),
    })
}

async fn router_check(api: &Api) -> DoctorCheck {
    let host = api.platform.host();
    let keeper = router::found(&host.home);
    let routers = host.routes.client.status().await.unwrap_or_default();
    let ok = keeper.is_some() && !routers.is_empty();
    DoctorCheck {
        name: "router".to_string(),
        ok,
        found: match (keeper, routers.len()) {
            (Some(record), 1..) => format!("http://{}", record.http),
            (Some(_), _) => "its keeper runs, but no router answers".to_string(),
            (None, _) => "not running".to_string(),
        },
        remedy: (!ok).then(|| "xii down, then xii up".to_string()),
    }
}

fn disk(api: &Api) -> DoctorCheck {
    let room = crate::build::room_to_build(api.platform.host().home.dir());
    DoctorCheck {
        name: "disk".to_string(),
        ok: room.is_ok(),
        found: room.as_ref().err().map_or("room for builds".to_string(), |f| f.message.clone()),
        remedy: room.err().and_then(|failure| failure.next),
    }
}

/// Nothing starts without a record and a socket there. It lies in memory, and is small.
fn run_folder(api: &Api) -> DoctorCheck {
    let folder = api.platform.host().home.run_dir();
    let Ok(space) = rustix::fs::statvfs(folder) else {
        return DoctorCheck {
            name: "run folder".to_string(),
            ok: false,
            found: format!("{} is gone", folder.display()),
            remedy: Some("xii down, then xii up".to_string()),
        };
    };
    // Of nothing at all: a file system in memory that has no limit.
    let bytes = (space.f_blocks > 0).then_some(space.f_bavail * space.f_frsize);
    let files = (space.f_files > 0).then_some(space.f_favail);
    let (ok, found) = room_to_run(bytes, files);
    DoctorCheck {
        name: "run folder".to_string(),
        ok,
        found: format!("{found} in {}", folder.display()),
        remedy: (!ok).then(|| "remove what else lies there: du -xa /run | sort -n".to_string()),
    }
}

/// `None`: without limit.
fn room_to_run(bytes: Option<u64>, files: Option<u64>) -> (bool, String) {
    let ok = bytes.is_none_or(|bytes| bytes >= LEAST_IN_RUN_FOLDER)
        && files.is_none_or(|files| files >= LEAST_FILES_IN_RUN_FOLDER);
    let bytes = bytes.map_or("any size".to_string(), |bytes| format_size(bytes >> 10 << 10));
    let files = files.map_or("any number of".to_string(), |files| files.to_string());
    let full = if ok { "" } else { "nearly full: " };
    (ok, format!("{full}{bytes} and {files} files free"))
}

async fn ledger(api: &Api) -> DoctorCheck {
    let ledger = api.platform.host().ledger.clone();
    let examined = tokio::task::spawn_blocking(move || ledger.examine()).await;
    let broke_off = |error| Err(Failure::internal("the check broke off").because(error));
    let failure = examined.unwrap_or_else(broke_off).err();
    DoctorCheck {
        name: "ledger".to_string(),
        ok: failure.is_none(),
        found: failure.as_ref().map_or("every page is whole".to_string(), Failure::to_string),
        remedy: failure.and_then(|failure| failure.next),
    }
}

/// Of the server and the newest router: who has none left lets visitors and clients wait.
async fn descriptors(api: &Api) -> DoctorCheck {
    let routers = api.platform.host().routes.client.status().await.unwrap_or_default();
    let router = routers.last().map(|router| ("router", router.pid));
    let both = [("server", std::process::id())].into_iter().chain(router);
    let counted = both.map(|(name, pid)| (name, process::descriptors(pid as i32)));
    let counted: Vec<_> = counted.collect();
    // A router leaves a quarter of them to its instances. Who cannot count has none left.
    let ok = counted.iter().all(|(_, of)| of.is_some_and(|(open, most)| open * 10 < most * 7));
    let found = counted.iter().map(|(name, of)| match of {
        Some((open, most)) => format!("{name} {open} of {most}"),
        None => format!("{name} has none left"),
    });
    let found: Vec<_> = found.collect();
    let remedy = "raise the limit: `LimitNOFILE=` in the unit, or `ulimit -n` before `xii up`";
    DoctorCheck {
        name: "descriptors".to_string(),
        ok,
        found: found.join(", "),
        remedy: (!ok).then(|| remedy.to_string()),
    }
}

fn toolchains(api: &Api) -> DoctorCheck {
    let toolchains = match api.platform.toolchains() {
        Ok(toolchains) => toolchains,
        Err(failure) => {
            return DoctorCheck {
                name: "builds".to_string(),
                ok: false,
                found: format!("nothing can be tried out: {failure}"),
                remedy: failure.next,
            };
        }
    };
    let pythons = toolchains.of(ToolName::Python);
    let versions: Vec<String> = pythons.map(|python| python.version.to_string()).collect();
    DoctorCheck {
        name: "python".to_string(),
        ok: !versions.is_empty(),
        found: match versions.as_slice() {
            [] => "none".to_string(),
            versions => versions.join(", "),
        },
        remedy: versions.is_empty().then(|| "apt-get install python3-venv".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_folder_is_full_when_bytes_or_files_are_few_and_never_without_a_limit() {
        assert!(room_to_run(None, None).0);
        assert!(room_to_run(Some(1 << 20), Some(1000)).0);
        assert!(!room_to_run(None, Some(3)).0);
        let (ok, found) = room_to_run(Some(0), None);
        assert_eq!((ok, found.as_str()), (false, "nearly full: 0K and any number of files free"));
    }
}
