//! The routes of the API over the unix socket.

use super::log::Log;
use super::operations::Operations;
use super::{changes, codebases, doctor, export, one_off, promote, reads, router, stacks, streams};
use crate::app::Failure;
use crate::deploy::Platform;
use crate::sandbox::Isolation;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

#[derive(Clone)]
pub struct Api {
    pub platform: Arc<Platform>,
    pub operations: Operations,
    pub isolation: Isolation,
    pub log: Log,
    pub router: router::Watch,
    /// Woken when `xii down` is done.
    pub ending: Arc<Notify>,
}

/// Why the server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By a signal: what runs goes on.
    Left,
    /// By `xii down`: nothing runs any more.
    Down,
}

/// Serves until SIGTERM, SIGINT or the end of a `down`.
pub async fn serve(listener: UnixListener, api: Api) -> Result<End, Failure> {
    let failed = |error| Failure::platform("cannot listen for signals").because(error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let log = api.log;
    let ending = api.ending.clone();
    let server = axum::serve(listener, routes(api));
    tokio::select! {
        result = server.into_future() => {
            result.map_err(|error| Failure::platform("the control socket broke").because(error))?;
        }
        _ = terminate.recv() => log.info("SIGTERM: the server ends, apps go on"),
        _ = interrupt.recv() => log.info("SIGINT: the server ends, apps go on"),
        () = ending.notified() => {
            log.info("down");
            return Ok(End::Down);
        }
    }
    Ok(End::Left)
}

fn routes(api: Api) -> Router {
    let deploy = Router::new()
        .route("/", get(reads::info).delete(changes::destroy))
        .route("/ps", get(reads::processes))
        .route("/scale", post(changes::scale))
        .route("/restart", post(changes::restart))
        .route("/stop", post(changes::stop))
        .route("/start", post(changes::start))
        .route("/config", get(reads::config).post(changes::config))
        .route("/releases", get(reads::releases))
        .route("/releases/diff", get(reads::release_diff))
        .route("/releases/verify", get(reads::verify))
        .route("/releases/{number}", get(reads::release))
        .route("/image", get(export::image))
        .route("/rollback", post(changes::rollback))
        .route("/promote", post(promote::promote))
        .route("/deploy", post(streams::deploy))
        .route("/build-explain", post(streams::build_explain))
        .route("/build-verify", post(streams::build_verify))
        .route("/logs", get(streams::logs))
        .route("/run", post(one_off::run));
    Router::new()
        .route("/v1/health", get(reads::health))
        .route("/v1/doctor", get(doctor::doctor))
        .route("/v1/stacks", get(stacks::stacks))
        .route("/v1/stacks/upgrade", post(stacks::upgrade))
        .route("/v1/stacks/prune", post(stacks::prune))
        .route("/v1/stacks/verify", post(stacks::verify))
        .route("/v1/resolve", post(codebases::resolve))
        .route("/v1/apps", get(reads::apps).post(changes::create))
        .route("/v1/apps/{app}", axum::routing::delete(changes::destroy_app))
        .route("/v1/deploys", get(reads::deploys))
        .route("/v1/build-plan", post(streams::build_plan))
        .route("/v1/operations/{id}", get(streams::operation))
        .route("/v1/operations/{id}/events", get(streams::events))
        .route("/v1/operations/{id}/cancel", post(streams::cancel))
        .route("/v1/down", post(changes::down))
        .nest("/v1/apps/{app}/{deploy}", deploy)
        .fallback(super::answer::unknown)
        .with_state(api)
}
