//! Which lines a reader wants.

use super::Line;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    #[serde(default)]
    pub source: Option<Source>,
    /// `web` for every instance of a process type, `web.1` for one.
    #[serde(default)]
    pub process: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// What processes of the app print.
    App,
    /// A line per request.
    Router,
    /// Everything else: deploys, restarts, limits, resources.
    Platform,
}

impl Filter {
    /// `written_by` is the source of the file the line is in: a platform line about `web.1`
    /// lies beside that instance's own and belongs to it.
    pub fn takes(&self, line: &Line, written_by: &str) -> bool {
        self.source.is_none_or(|source| source == Source::of(&line.label))
            && self.process.as_deref().is_none_or(|process| {
                is_of(process, written_by) || is_of(process, within(&line.label))
            })
    }
}

impl Source {
    pub fn of(label: &str) -> Source {
        match label {
            "xii[router]" => Source::Router,
            _ if label.starts_with("app[") => Source::App,
            _ => Source::Platform,
        }
    }
}

impl std::str::FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "app" => Ok(Source::App),
            "router" => Ok(Source::Router),
            "platform" | "xii" => Ok(Source::Platform),
            _ => {
                Err(format!("`{text}` is not a source of lines: expected app, router or platform"))
            }
        }
    }
}

fn within(label: &str) -> &str {
    label.split_once('[').and_then(|(_, rest)| rest.strip_suffix(']')).unwrap_or("")
}

/// `web.1` is of `web` and of `web.1`.
fn is_of(process: &str, instance: &str) -> bool {
    instance == process || instance.rsplit_once('.').is_some_and(|(kind, _)| kind == process)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn takes(filter: &Filter, label: &str, written_by: &str) -> bool {
        let line = Line { at: Timestamp::UNIX_EPOCH, label: label.into(), text: vec![] };
        filter.takes(&line, written_by)
    }

    #[test]
    fn a_process_type_takes_all_its_instances_and_no_other() {
        let web = Filter { source: None, process: Some("web".into()) };
        assert!(takes(&web, "app[web.1]", "web.1") && takes(&web, "app[web.12]", "web.12"));
        assert!(!takes(&web, "app[webhook.1]", "webhook.1"));
        let first = Filter { source: None, process: Some("web.1".into()) };
        assert!(!takes(&first, "app[web.12]", "web.12"));
    }

    #[test]
    fn a_platform_line_about_an_instance_belongs_to_its_process() {
        let web = Filter { source: None, process: Some("web".into()) };
        assert!(takes(&web, "xii[logs]", "web.1"));
        assert!(!takes(&web, "xii[router]", "router"));
    }

    #[test]
    fn sources_are_told_apart_by_label() {
        let only = |source| Filter { source: Some(source), process: None };
        assert!(takes(&only(Source::App), "app[web.1]", "web.1"));
        assert!(takes(&only(Source::Router), "xii[router]", "router"));
        assert!(takes(&only(Source::Platform), "resource[shop-db]", "shop-db"));
        assert!(!takes(&only(Source::Platform), "xii[router]", "router"));
    }
}
