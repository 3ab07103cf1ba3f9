//! `xii demo`: the main job, end to end, on this machine and on ports of its own. What is
//! claimed is asked of the page itself, from the first answer to the last under load.

mod example;
mod load;
mod page;
mod place;

use super::{deploy, down, logs, ps};
use crate::app::{DeployRef, Failure};
use crate::cli::change::receipt_of;
use crate::cli::client::{Client, Interrupts, query};
use crate::cli::settings::Settings;
use crate::cli::source::{self, Wanted};
use crate::cli::target::path;
use crate::cli::ui::{self, BOLD, DIM, Ui, count, paint};
use crate::cli::{Invocation, Outcome, start};
use crate::codebase::commit_all;
use crate::server::api::{Changed, Health, How, Processes, Rollback};
use clap::{Args, ValueEnum};
use example::Example;
use jiff::Timestamp;
use load::{Load, Tally};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::task::Poll;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave it up at the end
    #[arg(long)]
    keep: bool,
    /// Which app [default: the guestbook, or the static page where there is no python3]
    #[arg(long, value_enum)]
    example: Option<Which>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Guestbook,
    Static,
}

pub async fn run(args: &DemoArgs, to: &Invocation) -> Outcome {
    let ui = &to.ui;
    let settings = place::settings(&to.settings)?;
    if let Ok(left) = crate::cli::client::find(&settings) {
        chapter(ui, "taking down the demo that was left up");
        down::take_down(ui, &left, &mut Interrupts::never()).await?;
    }
    place::clear(&settings.place.home)?;
    chapter(ui, "starting a server and a router of its own");
    let (client, health) = start::start(&settings, true).await?;
    ui.say(&format!("  {}, isolation {}", health.http, health.isolation));
    let demo = Demo { ui, client: &client, settings: &settings, health: &health };
    let told = tokio::select! {
        told = demo.tell(args.example) => told,
        () = interrupted() => Err(Failure::platform("interrupted")),
    };
    let stays = told.is_ok() && std::io::stdout().is_terminal() && !args.keep;
    if stays {
        ui.say(&paint(DIM, "Ctrl-C ends the demo"));
        interrupted().await;
    }
    match (args.keep, &told) {
        (true, Ok(())) => {
            ui.say(&format!("next: xii down --home {}", settings.place.home.display()));
        }
        _ => {
            chapter(ui, "taking everything down");
            down::take_down(ui, &client, &mut Interrupts::never()).await?;
            place::leave(&settings.place)?;
        }
    }
    told.map(|()| 0)
}

/// Ctrl-C, a polite kill, or a terminal that was closed.
async fn interrupted() {
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
    std::future::poll_fn(|waker| {
        match signals.iter_mut().any(|signal| signal.poll_recv(waker).is_ready()) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
}

fn chapter(ui: &Ui, title: &str) {
    ui.say(&format!("\n{}", paint(BOLD, &format!("▸ {title}"))));
}

struct Demo<'a> {
    ui: &'a Ui,
    client: &'a Client,
    settings: &'a Settings,
    health: &'a Health,
}

impl Demo<'_> {
    /// The story; its error is why the demo failed.
    async fn tell(&self, which: Option<Which>) -> Result<(), Failure> {
        let address = self.address()?;
        let (example, checkout) = self.example(which).await?;
        let deploy =
            DeployRef { app: example.app()?, deploy: crate::app::DeployName::production() };

        chapter(self.ui, &format!("deploying the {}", example.title));
        self.deploy(&deploy, &checkout).await?;
        self.page_says(address, example.first, None).await?;

        let load = Load::start(address);
        chapter(
            self.ui,
            &format!("deploying a changed page, while {} visitors keep asking", load::VISITORS),
        );
        example.change(&checkout)?;
        commit_all(&checkout, "Announce the second edition")?;
        self.deploy(&deploy, &checkout).await?;
        self.page_says(address, example.second, None).await?;

        chapter(self.ui, "rolling back, with the visitors still there");
        self.roll_back(&deploy).await?;
        self.page_says(address, example.first, Some(example.second)).await?;
        let tally = load.stop().await;

        self.show(&deploy).await?;
        self.sum_up(&deploy, &tally)
    }

    fn address(&self) -> Result<SocketAddr, Failure> {
        let address = self.health.http.trim_start_matches("http://").trim_end_matches('/');
        address
            .parse()
            .map_err(|error| Failure::internal(format!("{address:?} is no address")).because(error))
    }

    /// The guestbook in a fresh repository, or the static page where it cannot be built.
    async fn example(&self, which: Option<Which>) -> Result<(&'static Example, PathBuf), Failure> {
        let example = match which {
            Some(Which::Static) => &example::STATIC,
            Some(Which::Guestbook) | None => &example::GUESTBOOK,
        };
        let checkout = self.check_out(example)?;
        if which.is_some() {
            return Ok((example, checkout));
        }
        let planned: Result<serde_json::Value, Failure> =
            deploy::upload(self.client, "/v1/build-plan", open(&checkout)?, How::default()).await;
        match planned {
            Ok(_) => Ok((example, checkout)),
            Err(why) => {
                self.ui.say(&format!("  the guestbook cannot be built here: {why}"));
                self.ui.say("  the static example takes its place");
                Ok((&example::STATIC, self.check_out(&example::STATIC)?))
            }
        }
    }

    fn check_out(&self, example: &Example) -> Result<PathBuf, Failure> {
        let folder = self.settings.place.home.join("checkout").join(example.name);
        example.write(&folder)?;
        commit_all(&folder, "Open the book")?;
        Ok(folder)
    }

    async fn deploy(&self, deploy: &DeployRef, checkout: &PathBuf) -> Result<(), Failure> {
        let source = open(checkout)?;
        deploy::resolve_new(self.client, deploy, &source).await?;
        let changed = deploy::deploy_to(self.client, deploy, source, How::default()).await?;
        self.receipt(changed).await
    }

    async fn roll_back(&self, deploy: &DeployRef) -> Result<(), Failure> {
        let changed: Changed =
            self.client.post(&path(deploy, "/rollback"), &Rollback::default()).await?;
        self.receipt(changed).await
    }

    async fn receipt(&self, changed: Changed) -> Result<(), Failure> {
        let mut interrupts = Interrupts::never();
        if let Some(receipt) = receipt_of(self.ui, self.client, changed, &mut interrupts).await? {
            self.ui.show(&*receipt, ui::receipt);
        }
        Ok(())
    }

    async fn page_says(
        &self,
        address: SocketAddr,
        words: &str,
        not: Option<&str>,
    ) -> Result<(), Failure> {
        let page = page::get(address).await?;
        let is_right = page.contains(words) && not.is_none_or(|not| !page.contains(not));
        if !is_right {
            return Err(Failure::platform(format!("the page does not say {words:?}")));
        }
        self.ui.say(&format!("  the page answers, and says {words:?}"));
        Ok(())
    }

    async fn show(&self, deploy: &DeployRef) -> Result<(), Failure> {
        chapter(self.ui, &format!("xii ps -a {}", deploy.app));
        let processes: Processes = self.client.get(&path(deploy, "/ps")).await?;
        let width = self.ui.width();
        self.ui.show(&processes, |processes| ps::text(processes, Timestamp::now(), width));
        self.last_lines(deploy, "app", "6").await?;
        self.last_lines(deploy, "router", "2").await
    }

    async fn last_lines(
        &self,
        deploy: &DeployRef,
        source: &str,
        number: &str,
    ) -> Result<(), Failure> {
        let title = format!("xii logs -n {number} --source {source} -a {}", deploy.app);
        chapter(self.ui, &title);
        let query = query(&[("n", number), ("source", source)]);
        let address = path(deploy, &format!("/logs?{query}"));
        let mut lines = self.client.lines(&address).await?;
        let cut = |error| Failure::platform("the log broke off").because(error);
        while let Some(line) = lines.next().await.map_err(cut)? {
            self.ui.raw(&logs::shown(&line, self.ui.out_has_colour()));
        }
        Ok(())
    }

    fn sum_up(&self, deploy: &DeployRef, tally: &Tally) -> Result<(), Failure> {
        if let Some(why) = &tally.first_failure {
            let failed = format!("{} of {} requests failed", tally.failed, tally.asked());
            return Err(Failure::platform(failed).why(why.clone()));
        }
        if tally.answered == 0 {
            return Err(Failure::platform("no request was made while the app changed"));
        }
        let answered = count(tally.answered);
        chapter(self.ui, &format!("{answered} requests during both changes, none failed"));
        let http = &self.health.http;
        self.ui.say(&format!("  {http}/"));
        self.ui.say(&format!("  curl -H 'Host: {}.localhost' {http}/", deploy.app));
        Ok(())
    }
}

fn open(checkout: &PathBuf) -> Result<source::Source, Failure> {
    source::open(&Wanted { folder: checkout, revision: None, subdir: None, dirty: false })
}
