//! One invocation of the command line: what was set, what was chosen, where to print.

use super::args::{AppChoice, Global};
use super::client::{Client, find};
use super::settings::Settings;
use super::ui::Ui;
use crate::app::{DeployName, Failure};

pub struct Invocation {
    pub settings: Settings,
    /// `-a`, else `XII_APP`.
    pub app: Option<AppChoice>,
    /// `-d`.
    pub deploy: Option<DeployName>,
    pub ui: Ui,
}

impl Invocation {
    pub fn new(settings: Settings, global: &Global, ui: Ui) -> Invocation {
        let app = global.app.clone().or_else(|| settings.app.clone());
        Invocation { app, deploy: global.deploy.clone(), settings, ui }
    }

    pub fn client(&self) -> Result<Client, Failure> {
        find(&self.settings)
    }
}
