//! Where output goes, and what may be done there.

use std::env;
use std::io::IsTerminal;

use domain::escaped;

/// What standard output can show.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Colours may be used.
    pub colours: bool,
    /// A person watches: lines may be drawn over, tables are cut to the width.
    pub interactive: bool,
    /// Columns, when known.
    pub width: Option<usize>,
}

impl Terminal {
    /// Asks standard output and the environment (`NO_COLOR`, `TERM`).
    pub fn detect() -> Self {
        let interactive = std::io::stdout().is_terminal();
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        let width = console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Self {
            colours: interactive && wanted && !dumb,
            interactive: interactive && !dumb,
            width: width.filter(|_| interactive),
        }
    }

    /// The text in a style, as far as this terminal shows styles.
    pub fn paint(&self, style: Style, text: &str) -> String {
        let text = escaped(text);
        match style.code() {
            Some(code) if self.colours => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.into_owned(),
        }
    }
}

/// What a piece of text means to its reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// Nothing special.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
    /// Of less weight.
    Faint,
    /// A heading.
    Heading,
}

/// How many octets of a style the text begins with: 0 unless it is one of ours.
pub(crate) fn own(text: &str) -> usize {
    let codes = Style::ALL.iter().filter_map(|style| style.code());
    codes
        .chain(["0"])
        .map(|code| format!("\x1b[{code}m"))
        .find(|sequence| text.starts_with(sequence.as_str()))
        .map_or(0, |sequence| sequence.len())
}

impl Style {
    const ALL: [Self; 6] =
        [Self::Plain, Self::Good, Self::Warning, Self::Bad, Self::Faint, Self::Heading];

    fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Good => Some("32"),
            Self::Warning => Some("33"),
            Self::Bad => Some("31"),
            Self::Faint => Some("2"),
            Self::Heading => Some("1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_appear_only_where_colours_may() {
        let plain = Terminal::default();
        let coloured = Terminal { colours: true, ..plain };
        assert_eq!(plain.paint(Style::Bad, "no"), "no");
        assert_eq!(coloured.paint(Style::Bad, "no"), "\x1b[31mno\x1b[0m");
        assert_eq!(coloured.paint(Style::Plain, "yes"), "yes");
    }
}
