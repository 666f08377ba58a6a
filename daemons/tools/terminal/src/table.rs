//! Tables: headings, columns as wide as their content, cut to the terminal's width.

use domain::escaped;

use crate::{Style, Terminal};

const GAP: usize = 2;
/// No column is cut below this many characters.
const NARROWEST: usize = 8;

/// Rows under headings.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
}

/// A heading and how what stands under it is aligned.
#[derive(Clone, Copy)]
pub struct Column {
    heading: &'static str,
    right: bool,
}

impl Column {
    /// For words.
    pub fn left(heading: &'static str) -> Self {
        Self { heading, right: false }
    }

    /// For numbers.
    pub fn right(heading: &'static str) -> Self {
        Self { heading, right: true }
    }
}

/// One entry of a table, on one line whatever others wrote into it; an empty one is shown as `-`.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell with a meaning.
    pub fn styled(style: Style, text: impl Into<String>) -> Self {
        Self { text: escaped(&text.into()).into_owned(), style }
    }

    fn shown(&self) -> &str {
        if self.text.is_empty() { "-" } else { &self.text }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(Style::Plain, text)
    }
}

impl Table {
    /// A table without rows yet.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    /// Adds a row, one cell for each column.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines. Empty without rows.
    pub fn render(&self, terminal: &Terminal) -> String {
        if self.rows.is_empty() {
            return String::new();
        }
        let widths = self.widths(terminal.width);
        let headings = self.columns.iter().map(|column| Cell::from(column.heading));
        let mut text = self.line(&headings.collect::<Vec<_>>(), &widths, terminal);
        for row in &self.rows {
            text.push_str(&self.line(row, &widths, terminal));
        }
        text
    }

    fn widths(&self, available: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> =
            self.columns.iter().map(|column| length(column.heading)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(length(cell.shown()));
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        while available.is_some_and(|available| widths.iter().sum::<usize>() + gaps > available) {
            // The widest column of words gives way first: numbers cut short would lie.
            let widest = (0..widths.len())
                .filter(|&index| !self.columns[index].right && widths[index] > NARROWEST)
                .max_by_key(|&index| widths[index]);
            match widest {
                Some(index) => widths[index] -= 1,
                None => break,
            }
        }
        widths
    }

    fn line(&self, cells: &[Cell], widths: &[usize], terminal: &Terminal) -> String {
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (index, (cell, (column, &width))) in
            cells.iter().zip(self.columns.iter().zip(widths)).enumerate()
        {
            let text = cut(cell.shown(), width);
            let padding = " ".repeat(width.saturating_sub(length(&text)));
            let painted = terminal.paint(cell.style, &text);
            if column.right {
                line.push_str(&padding);
                line.push_str(&painted);
            } else {
                line.push_str(&painted);
                if index < last {
                    line.push_str(&padding);
                }
            }
            if index < last {
                line.push_str(&" ".repeat(GAP));
            }
        }
        line.push('\n');
        line
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn cut(text: &str, width: usize) -> String {
    if length(text) <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemons() -> Table {
        let mut table =
            Table::new([Column::left("DAEMON"), Column::right("PID"), Column::left("LISTENS ON")]);
        table.row(["seonrd".into(), "412".into(), Cell::default()]);
        table.row(["seonrd_tcpip".into(), "7".into(), "0.0.0.0:3305 ok".into()]);
        table
    }

    #[test]
    fn columns_are_as_wide_as_their_content_and_numbers_stand_right() {
        assert_eq!(
            daemons().render(&Terminal::default()),
            "DAEMON        PID  LISTENS ON\n\
             seonrd        412  -\n\
             seonrd_tcpip    7  0.0.0.0:3305 ok\n"
        );
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_column_of_words_and_no_number() {
        let narrow = Terminal { width: Some(26), ..Terminal::default() };
        let text = daemons().render(&narrow);
        assert_eq!(
            text,
            "DAEMON      PID  LISTENS …\n\
             seonrd      412  -\n\
             seonrd_tc…    7  0.0.0.0:…\n"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 26));
    }

    #[test]
    fn what_others_wrote_forges_no_line_and_moves_no_column() {
        let mut table = Table::new([Column::left("TEXT"), Column::left("CODE")]);
        table.row(["no\nroot  E-FORGED\x1b[2J".into(), "E-REAL".into()]);
        assert_eq!(
            table.render(&Terminal::default()),
            "TEXT                         CODE\n\
             no\\nroot  E-FORGED\\u001b[2J  E-REAL\n"
        );
    }

    #[test]
    fn colours_do_not_move_columns() {
        let mut table = Table::new([Column::left("STATE"), Column::left("PARTNER")]);
        table.row([Cell::styled(Style::Bad, "blocked"), "bolt".into()]);
        let coloured = Terminal { colours: true, ..Terminal::default() };
        assert_eq!(table.render(&coloured), "STATE    PARTNER\n\x1b[31mblocked\x1b[0m  bolt\n");
    }

    #[test]
    fn a_table_without_rows_says_nothing() {
        assert_eq!(Table::new([Column::left("ID")]).render(&Terminal::default()), "");
    }
}
