//! What does not fit into one JSON body: an upload, an operation's events, a log.

use super::answer::{Answer, Named, Refusal};
use super::api::{Changed, DeployHead, Event, Operation, What};
use super::changes::{BY, audit};
use super::codebases;
use super::http::Api;
use super::upload::Upload;
use crate::app::{DeployName, Failure, ManifestTexts, Manifests};
use crate::build::{self, Explanation, Workspace};
use crate::codebase::{self, Limits, SOURCE_LIMITS};
use crate::deploy::{self, Deploy, Planned};
use crate::logs::{self, Filter, Line, Start, Tail};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State as Shared};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use serde::Deserialize;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

pub async fn deploy(Shared(api): Shared<Api>, Named(wanted): Named, body: Body) -> Answer<Changed> {
    let (head, upload) = Upload::begin::<DeployHead>(body).await?;
    codebases::check(&api, &wanted, &head.facts)?;
    let workspace = receive(&api, upload).await?;
    // A tree that cannot be built makes no app, no release and no operation.
    let texts = ManifestTexts::read(&workspace.source())?;
    let manifests = Manifests::parse(&texts).map_err(Failure::from)?;
    let manifests = manifests.for_deploy(&wanted.deploy);
    let plan = deploy::plan_build(&api.platform, &wanted.deploy, &workspace)?;
    let lines = deploy::preview_deploy(&api.platform, &wanted, &plan, &manifests)?;
    if head.how.plan {
        return Ok(Json(Changed::Plan(lines)));
    }
    deploy::require_config(&api.platform, &wanted, &manifests)?;
    codebases::admit(&api, &wanted, &head.facts)?;
    let turn = api.operations.turn(&wanted, &head.how).await?;
    audit(&api, &format!("deploy {}", head.facts.commit), Some(&wanted))?;
    let request = Deploy { deploy: wanted, facts: head.facts, workspace, by: BY.to_string() };
    let changed =
        api.operations.start(turn, "deploy", BY, move |platform, journal| async move {
            deploy::deploy(&platform, &journal, request).await.map(Some)
        })?;
    Ok(Json(changed))
}

pub async fn build_plan(Shared(api): Shared<Api>, body: Body) -> Answer<Planned> {
    let (_, upload) = Upload::begin::<DeployHead>(body).await?;
    let workspace = receive(&api, upload).await?;
    Ok(Json(deploy::plan_build(&api.platform, &DeployName::production(), &workspace)?))
}

/// What the next build of this app would make again, and why.
pub async fn build_explain(
    Shared(api): Shared<Api>,
    Named(wanted): Named,
    body: Body,
) -> Answer<Vec<Explanation>> {
    let (head, upload) = Upload::begin::<DeployHead>(body).await?;
    let workspace = receive(&api, upload).await?;
    Ok(Json(deploy::explain_build(&api.platform, &wanted, &head.facts, &workspace)?))
}

/// Builds a commit again, to show that it gives the same bytes.
pub async fn build_verify(
    Shared(api): Shared<Api>,
    Named(wanted): Named,
    body: Body,
) -> Answer<Changed> {
    let (head, upload) = Upload::begin::<DeployHead>(body).await?;
    if head.facts.dirty {
        return Err(Failure::usage("uncommitted edits are built anew each time")
            .next("commit them first")
            .into());
    }
    let workspace = receive(&api, upload).await?;
    audit(&api, &format!("build verify {}", head.facts.commit), Some(&wanted))?;
    let request = Deploy { deploy: wanted, facts: head.facts, workspace, by: BY.to_string() };
    let changed =
        api.operations.start_alone("build verify", BY, move |platform, journal| async move {
            deploy::verify_build(&platform, &journal, request).await.map(|()| None)
        })?;
    Ok(Json(changed))
}

/// Unpacks what is sent into a folder of its own; a stream that breaks off leaves nothing.
async fn receive(api: &Api, upload: Upload) -> Result<Workspace, Failure> {
    let home = api.platform.host().home.clone();
    let unpacking = tokio::task::spawn_blocking(move || {
        let room = build::room_for_source(home.dir())?;
        let workspace = Workspace::new(&home)?;
        let limits = Limits { bytes: SOURCE_LIMITS.bytes.min(room), ..SOURCE_LIMITS };
        codebase::unpack(upload, &workspace.source(), limits).map_err(|failure| {
            let cramped = room < SOURCE_LIMITS.bytes;
            if cramped { failure.why("the server's disk is nearly full") } else { failure }
        })?;
        Ok(workspace)
    });
    unpacking.await.map_err(|error| Failure::internal("unpacking broke off").because(error))?
}

pub async fn operation(Shared(api): Shared<Api>, Path(id): Path<u64>) -> Answer<Operation> {
    let found = api.platform.host().ledger.operation(id)?.ok_or_else(|| unknown(id))?;
    let state = serde_json::to_value(found.state).unwrap_or_default();
    Ok(Json(Operation {
        id: found.id.to_string(),
        deploy: found.deploy,
        kind: found.kind,
        state: state.as_str().unwrap_or("unknown").to_string(),
        started_at: found.started_at,
        finished_at: found.finished_at,
    }))
}

fn unknown(id: u64) -> Failure {
    Failure::usage(format!("there is no operation {id}"))
}

pub async fn cancel(Shared(api): Shared<Api>, Path(id): Path<u64>) -> Answer<serde_json::Value> {
    api.operations.journal(id).ok_or_else(|| unknown(id))?.cancel();
    Ok(Json(serde_json::json!({})))
}

#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: u64,
}

pub async fn events(
    Shared(api): Shared<Api>,
    Path(id): Path<u64>,
    Query(After { after }): Query<After>,
) -> Result<Response, Refusal> {
    let Some(journal) = api.operations.journal(id) else {
        return Ok(finished(&api, id, after)?);
    };
    let (lines, body) = stream();
    tokio::spawn(async move {
        let mut seq = after;
        loop {
            for event in journal.after(seq) {
                seq = event.seq;
                if lines.send(json_line(&event)).await.is_err() || event.what.is_last() {
                    return;
                }
            }
            tokio::select! {
                () = journal.wait_after(seq) => {}
                () = lines.closed() => return,
            }
        }
    });
    Ok(body)
}

/// The events of an operation of a server before this one.
fn finished(api: &Api, id: u64, after: u64) -> Result<Response, Failure> {
    let ledger = &api.platform.host().ledger;
    let operation = ledger.operation(id)?.ok_or_else(|| unknown(id))?;
    let stored = ledger.operation_events(id)?.unwrap_or_default();
    let mut events: Vec<Event> = serde_json::from_value(stored).unwrap_or_default();
    let failure = operation.failure.clone().unwrap_or_else(|| {
        Failure::platform(format!("operation {id} was interrupted: the server ended"))
            .next("run the command again; what served before still serves")
    });
    let receipt = operation.receipt.and_then(|receipt| serde_json::from_value(receipt).ok());
    let done = operation.state == crate::store::OperationState::Done;
    events.push(Event {
        seq: events.last().map_or(1, |event| event.seq + 1).max(after + 1),
        at: operation.finished_at.unwrap_or_else(jiff::Timestamp::now),
        what: if done { What::Done { receipt } } else { What::Failed { failure } },
    });
    let lines: Vec<u8> =
        events.iter().filter(|event| event.seq > after).flat_map(json_line).collect();
    Ok(Response::new(Body::from(lines)))
}

fn json_line(event: &Event) -> Bytes {
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}

#[derive(Deserialize)]
pub struct LogQuery {
    n: Option<usize>,
    #[serde(default)]
    follow: bool,
    source: Option<String>,
    process: Option<String>,
}

pub async fn logs(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Query(query): Query<LogQuery>,
) -> Result<Response, Refusal> {
    let home = &api.platform.host().home;
    api.platform.host().ledger.expect_deploy(&deploy)?;
    let source = query.source.as_deref().map(str::parse).transpose().map_err(Failure::usage)?;
    let filter = Filter { source, process: query.process };
    let dir = home.deploy_logs(&deploy);
    let most = query.n.unwrap_or(100);
    if !query.follow {
        let read = tokio::task::spawn_blocking(move || logs::last(&dir, most, &filter));
        let lines = read.await.map_err(|e| Failure::internal("reading broke off").because(e))??;
        return Ok(Response::new(Body::from(text(&lines))));
    }
    let mut tail = Tail::open(&dir, filter, Start::Last(most))?;
    let (sender, body) = stream();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                lines = tail.next() => match lines {
                    Ok(lines) if sender.send(text(&lines)).await.is_ok() => {}
                    _ => return,
                },
                () = sender.closed() => return,
            }
        }
    });
    Ok(body)
}

fn text(lines: &[Line]) -> Bytes {
    lines
        .iter()
        .flat_map(|line| [line.to_bytes(), vec![b'\n']].concat())
        .collect::<Vec<u8>>()
        .into()
}

/// A body that is fed from elsewhere, and ends when its sender is dropped.
fn stream() -> (mpsc::Sender<Bytes>, Response) {
    let (sender, receiver) = mpsc::channel(64);
    (sender, Response::new(Body::new(Fed(receiver))))
}

struct Fed(mpsc::Receiver<Bytes>);

impl HttpBody for Fed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
