//! The SQL, in files of its own: `sql/both/TOPIC.sql` holds the statements that both databases
//! understand, `sql/postgres` and `sql/sqlite` those that differ, under the same names. A statement
//! begins with its line `-- name: …`, which the database's own logs show as well.

/// One step, as each database says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Statement {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

/// `statement!("queue", "claim_entries")`
macro_rules! statement {
    ($topic:tt, $name:literal) => {{
        const STATEMENT: $crate::statement::Statement =
            $crate::statement::topic!($topic).statement($name);
        STATEMENT
    }};
}
pub(crate) use statement;

/// The topics, each read once: what is computed while compiling is slow.
macro_rules! topics {
    ($($constant:ident $topic:tt),+ $(,)?) => {
        $(pub(crate) const $constant: Topic = Topic {
            both: File::read(include_str!(concat!("../sql/both/", $topic, ".sql"))),
            postgres: File::read(include_str!(concat!("../sql/postgres/", $topic, ".sql"))),
            sqlite: File::read(include_str!(concat!("../sql/sqlite/", $topic, ".sql"))),
        };)+

        macro_rules! topic {
            $(($topic) => { $crate::statement::$constant };)+
        }
        pub(crate) use topic;
    };
}
topics! {
    DIALLING "dialling",
    HINT "hint",
    IDENTITY "identity",
    JOURNAL "journal",
    LEASE "lease",
    PARTNERS "partners",
    QUEUE "queue",
    RECEIPTS "receipts",
    RECEIVING "receiving",
    REQUESTS "requests",
    RETENTION "retention",
    REVOCATION "revocation",
    SESSIONS "sessions",
    WAITING "waiting",
}

/// The files of a topic.
pub(crate) struct Topic {
    both: File,
    postgres: File,
    sqlite: File,
}

impl Topic {
    /// Looks a statement up while compiling; one that is missing does not compile.
    #[expect(clippy::panic, reason = "it is called while compiling only, by `statement!`")]
    pub(crate) const fn statement(&self, name: &str) -> Statement {
        match (self.both.find(name), self.postgres.find(name), self.sqlite.find(name)) {
            (Some(statement), None, None) => Statement { postgres: statement, sqlite: statement },
            (None, Some(postgres), Some(sqlite)) => Statement { postgres, sqlite },
            _ => panic!("a statement stands in `both`, or in `postgres` and `sqlite`"),
        }
    }
}

const MARK: &str = "-- name: ";

/// More than any file has.
const MOST: usize = 64;

/// A file, and where its statements begin.
struct File {
    text: &'static str,
    starts: [usize; MOST],
    statements: usize,
}

impl File {
    const fn read(text: &'static str) -> Self {
        let octets = text.as_bytes();
        let (mut starts, mut statements, mut at) = ([0; MOST], 0, 0);
        while at < octets.len() {
            if octets[at] == b'-' && starts_with(octets, at, MARK.as_bytes()) {
                starts[statements] = at;
                statements += 1;
            }
            at += 1;
        }
        Self { text, starts, statements }
    }

    /// The text from a statement's name line to the next name line.
    const fn find(&self, name: &str) -> Option<&'static str> {
        let mut number = 0;
        while number < self.statements {
            let start = self.starts[number];
            number += 1;
            if is_named(self.text.as_bytes(), start, name) {
                let is_last = number == self.statements;
                let end = if is_last { self.text.len() } else { self.starts[number] };
                let (text, _) = self.text.split_at(end);
                return Some(text.split_at(start).1.trim_ascii());
            }
        }
        None
    }
}

const fn is_named(text: &[u8], start: usize, name: &str) -> bool {
    let end = start + MARK.len() + name.len();
    starts_with(text, start + MARK.len(), name.as_bytes()) && end < text.len() && text[end] == b'\n'
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
