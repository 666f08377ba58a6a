//! A line of a log: as the daemon wrote it, and as people read it.

use std::fmt::Write;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::pod::PodView;
use terminal::{Style, Terminal, escaped};

/// A line, and when the kubelet took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) pod: String,
    pub(super) at: Timestamp,
    pub(super) text: String,
}

impl Line {
    /// Reads a line behind the kubelet's timestamp.
    pub(super) fn read(pod: &str, line: &str) -> Self {
        let pod = pod.to_owned();
        match line.split_once(' ').map(|(at, text)| (at.parse(), text)) {
            Some((Ok(at), text)) => Self { pod, at, text: text.to_owned() },
            _ => Self { pod, at: Timestamp::UNIX_EPOCH, text: line.to_owned() },
        }
    }
}

/// How lines are laid out.
pub(super) struct Layout {
    raw: bool,
    /// The longest name of a pod.
    width: usize,
    terminal: Terminal,
}

impl Layout {
    /// For lines of these pods.
    pub(super) fn new(raw: bool, pods: &[PodView], terminal: Terminal) -> Self {
        let width = pods.iter().map(|pod| pod.name.len()).max().unwrap_or_default();
        Self { raw, width, terminal }
    }

    /// The line with its end.
    pub(super) fn render(&self, line: &Line) -> String {
        if self.raw {
            return format!("{}\n", line.text);
        }
        let pod = format!("{:width$}", line.pod, width = self.width);
        let told = match serde_json::from_str::<Map<String, Value>>(&line.text) {
            Ok(event) => self.event(event),
            // What ends a process before its log begins, such as a wrong option.
            Err(_) => escaped(&line.text).into_owned(),
        };
        format!("{}  {told}\n", self.terminal.paint(Style::Faint, &pod))
    }

    /// `2026-11-22 15:19:43  ERROR  E-LEASE-LOST the lease is lost  daemon=seonsqd`
    fn event(&self, mut event: Map<String, Value>) -> String {
        let mut take = |name: &str| event.remove(name).map(|value| word(&value));
        let at = take("timestamp").unwrap_or_default();
        let level = take("level").unwrap_or_default();
        let code = take("code").map(|code| code + " ").unwrap_or_default();
        let message = take("message").unwrap_or_default();
        let _where_in_the_sources = take("target");
        let style = match level.as_str() {
            "ERROR" => Style::Bad,
            "WARN" => Style::Warning,
            "INFO" => Style::Plain,
            _ => Style::Faint,
        };
        let level = self.terminal.paint(style, &format!("{level:5}"));
        let mut text = format!("{}  {level}  {code}{message}", seconds(&at));
        for (name, value) in &event {
            let name = self.terminal.paint(Style::Faint, &format!("{name}="));
            let _ = write!(text, "  {name}{}", word(value));
        }
        text
    }
}

/// A moment to the second, in one time zone for all pods: `2026-11-22 15:19:43`.
fn seconds(at: &str) -> String {
    at.parse::<Timestamp>()
        .map_or_else(|_| at.to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => escaped(text).into_owned(),
        other => escaped(&other.to_string()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Line {
        Line::read("acme-seonsqd-0", &format!("2026-11-22T15:19:43.5Z {text}"))
    }

    fn layout(raw: bool) -> Layout {
        Layout { raw, width: 16, terminal: Terminal::default() }
    }

    #[test]
    fn an_event_is_told_as_moment_level_code_message_and_the_rest() {
        let event = r#"{"timestamp":"2026-11-22T15:19:43.319601Z","level":"ERROR","message":"the lease is lost","daemon":"seonsqd","epoch":4,"code":"E-LEASE-LOST","target":"runtime::run"}"#;
        assert_eq!(
            layout(false).render(&line(event)),
            "acme-seonsqd-0    2026-11-22 15:19:43  ERROR  E-LEASE-LOST the lease is lost  \
             daemon=seonsqd  epoch=4\n"
        );
        assert_eq!(layout(true).render(&line(event)), format!("{event}\n"));
    }

    #[test]
    fn what_a_partner_wrote_is_no_line_of_its_own() {
        let event = r#"{"level":"WARN","message":"bye\nacme-seonsqd-0  all is well\u001b[2J","peer":"a\nb"}"#;
        let told = layout(false).render(&line(event));
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(told.contains(r"bye\nacme") && told.contains(r"well\u001b[2J"), "{told}");
    }

    #[test]
    fn what_is_no_event_is_shown_as_it_is() {
        let refused = "E-USAGE no such option";
        assert_eq!(layout(false).render(&line(refused)), format!("acme-seonsqd-0    {refused}\n"));
    }

    #[test]
    fn a_line_without_the_kubelets_timestamp_is_kept_whole() {
        let read = Line::read("pod", "unable to retrieve container logs");
        assert_eq!(read.text, "unable to retrieve container logs");
        assert_eq!(read.at, Timestamp::UNIX_EPOCH);
    }
}
