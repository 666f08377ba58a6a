//! Where answers go: standard output, for people or as JSON; complaints go to standard error.
//!
//! Nothing gets out but by here, and here nothing of what others wrote reaches a terminal as more
//! than text. JSON stays what it is: there such a character is within a string, and so escaped.

use std::borrow::Cow;
use std::io::{self, Write};

use domain::escaped_but;
use serde::Serialize;

use crate::Failure;
use crate::screen::own;

/// How a command answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs: the same content.
    Json,
}

/// Writes to standard output. A reader that went away (`seon queue | head`) is no error.
fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// The lines as they may be shown.
pub(crate) fn shown(lines: &str) -> Cow<'_, str> {
    escaped_but(lines, |text| if text.starts_with(['\n', '\t']) { 1 } else { own(text) })
}

/// Writes a command's answer.
pub fn answer(text: &str) -> Result<(), Failure> {
    print(&shown(text)).map_err(Failure::io("cannot write to standard output"))
}

/// Writes to standard error; there is nobody to tell when that fails.
pub fn complain(text: &str) {
    let _ = io::stderr().lock().write_all(shown(text).as_bytes());
}

/// The value as indented JSON with a final line feed.
pub fn json(value: &impl Serialize) -> String {
    // Our own structs have string keys only, which is all that can fail here.
    serde_json::to_string_pretty(value).map_or_else(|error| error.to_string(), |text| text + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Style, Terminal};

    #[test]
    fn lines_and_our_own_styles_go_out_and_nothing_else_that_a_terminal_acts_on() {
        let coloured = Terminal { colours: true, ..Terminal::default() };
        let text = format!("{}\ta\nb\n", coloured.paint(Style::Bad, "blocked"));
        assert_eq!(shown(&text), text);
        assert_eq!(shown("\x1b[2J\x1b]0;title\x07\r"), "\\u001b[2J\\u001b]0;title\\u0007\\r");
    }

    #[test]
    fn json_goes_out_as_json_of_the_same_value() {
        let value = serde_json::json!({"text": "a\nb\x1b\u{7f}\u{9b}\u{202e}", "Ü": ["\u{2066}"]});
        for text in [json(&value), value.to_string() + "\n"] {
            let shown = shown(&text);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
            assert!(!shown.contains(['\x1b', '\u{7f}', '\u{9b}', '\u{202e}', '\u{2066}']));
        }
    }
}
