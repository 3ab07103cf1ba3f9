//! The routing table as plain data: what the server publishes and the file it leaves behind.

use crate::app::DeployRef;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// Name of the table's file in the router's folder.
pub const FILE: &str = "routes.json";

/// Everything a router knows. A higher generation replaces a lower one whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub generation: u64,
    #[serde(default)]
    pub services: Vec<Service>,
    /// The one service that also answers hosts nobody has: demo and dev, where
    /// `*.localhost` may not resolve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<DeployRef>,
}

/// One deploy's routed process type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub deploy: DeployRef,
    /// Host names without a port; case does not matter.
    pub hosts: Vec<String>,
    pub instances: Vec<Target>,
    pub state: State,
}

/// Where one instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The instance as displayed, `web.1#17`: unique among all that ever ran in this home.
    pub key: String,
    pub address: SocketAddr,
}

/// Why there may be nobody to answer; looked at only when no instance is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Instances are listed; without any the app is taken to have crashed.
    Serving,
    /// Instances are on their way: requests wait, for a while.
    Starting,
    /// Stopped by a person.
    Stopped,
    /// Scaled to zero.
    NoProcesses,
    /// Every instance has died.
    Crashed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_survives_its_own_json() {
        let table = Table {
            generation: 7,
            services: vec![Service {
                deploy: "guestbook/staging".parse().unwrap(),
                hosts: vec!["staging.guestbook.localhost".into()],
                instances: vec![Target {
                    key: "web.1#17".into(),
                    address: "127.0.0.1:20001".parse().unwrap(),
                }],
                state: State::NoProcesses,
            }],
            alone: Some("guestbook".parse().unwrap()),
        };
        let text = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<Table>(&text).unwrap(), table);
        assert!(text.contains("no-processes"), "{text}");
    }
}
