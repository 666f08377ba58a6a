//! The SQL, in files of its own: `sql/both/TOPIC.sql` holds the statements that both databases
//! understand, `sql/postgres` and `sql/sqlite` those that differ, under the same names. A statement
//! begins with its line `-- name: …`, which the database's own logs show as well.

/// One step, as each database says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

impl Statement {
    /// Looks a statement up while compiling; one that is missing does not compile.
    #[expect(clippy::panic, reason = "it is called while compiling only, by `statement!`")]
    pub(crate) const fn named(
        both: &'static str,
        postgres: &'static str,
        sqlite: &'static str,
        name: &str,
    ) -> Self {
        match (find(both, name), find(postgres, name), find(sqlite, name)) {
            (Some(statement), None, None) => Self { postgres: statement, sqlite: statement },
            (None, Some(postgres), Some(sqlite)) => Self { postgres, sqlite },
            _ => panic!("a statement stands in `both`, or in `postgres` and `sqlite`"),
        }
    }
}

/// `statement!("queue", "claim_entries")`
macro_rules! statement {
    ($topic:literal, $name:literal) => {{
        const STATEMENT: $crate::statement::Statement = $crate::statement::Statement::named(
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/both/", $topic, ".sql")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/postgres/", $topic, ".sql")),
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/sql/sqlite/", $topic, ".sql")),
            $name,
        );
        STATEMENT
    }};
}
pub(crate) use statement;

const MARK: &str = "-- name: ";

/// The text from a statement's name line to the next name line.
const fn find(file: &'static str, name: &str) -> Option<&'static str> {
    let mut rest = file;
    while let Some(start) = next_mark(rest, 0) {
        let (_, statement) = rest.split_at(start);
        let length = match next_mark(statement, MARK.len()) {
            Some(length) => length,
            None => statement.len(),
        };
        let (statement, after) = statement.split_at(length);
        if is_named(statement, name) {
            return Some(statement.trim_ascii());
        }
        rest = after;
    }
    None
}

const fn next_mark(text: &str, from: usize) -> Option<usize> {
    let mut at = from;
    while at + MARK.len() <= text.len() {
        if starts_with(text.as_bytes(), at, MARK.as_bytes()) {
            return Some(at);
        }
        at += 1;
    }
    None
}

const fn is_named(statement: &str, name: &str) -> bool {
    let end = MARK.len() + name.len();
    starts_with(statement.as_bytes(), MARK.len(), name.as_bytes())
        && end < statement.len()
        && statement.as_bytes()[end] == b'\n'
}

const fn starts_with(text: &[u8], at: usize, with: &[u8]) -> bool {
    if at + with.len() > text.len() {
        return false;
    }
    let mut index = 0;
    while index < with.len() {
        if text[at + index] != with[index] {
            return false;
        }
        index += 1;
    }
    true
}
