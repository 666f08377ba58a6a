//! What no command line offers: requests to a daemon, the database from within, time that passes.

use domain::Daemon;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use store::{
    DatabaseUri, NewRequest, OperatorRequest, Receipt, ReceiptFilter, ReceivedFilter,
    RequestOutcome, SessionFilter, SessionRecord, Store,
};
use support::wait_until;
use tokio::runtime::Runtime;

use crate::{Company, PATIENCE};

/// Asks the send queue for something and waits for what came of it.
pub fn request(company: &Company, request: OperatorRequest) -> RequestOutcome {
    with_store(company, async |store| {
        let new = NewRequest { daemon: Daemon::Seonsqd, request, requested_by: "test".to_owned() };
        let id = store.intake().request(&new).await.unwrap();
        wait_until("the request settled", PATIENCE, async || {
            store.request(id).await.unwrap().and_then(|record| record.outcome)
        })
        .await
    })
}

/// The receipts that wait for somebody to release them.
pub fn held_receipts(company: &Company) -> Vec<Receipt> {
    let all = ReceiptFilter::default();
    let receipts = with_store(company, async |store| store.receipts(&all).await.unwrap());
    receipts.into_iter().filter(|receipt| receipt.held).collect()
}

/// A company's sessions, oldest first.
pub fn sessions(company: &Company) -> Vec<SessionRecord> {
    let all = SessionFilter::default();
    let mut sessions = with_store(company, async |store| store.sessions(&all).await.unwrap());
    sessions.reverse();
    sessions
}

/// How many received files the database knows.
pub fn received_files(company: &Company) -> usize {
    let all = ReceivedFilter::default();
    with_store(company, async |store| store.received_files(&all).await.unwrap().len())
}

/// Lets what has happened have happened so many days earlier, past the store and on SQLite only: no
/// test waits for months. No daemon may run.
pub fn grow_older(company: &Company, days: u32) {
    let microseconds = i64::from(days) * 24 * 3_600_000_000;
    let moments = [
        ("queue_entry", "finished_at"),
        ("queue_entry", "sent_at"),
        ("received_file", "finished_at"),
        ("received_file", "received_at"),
        ("received_file", "updated_at"),
        ("operator_request", "created_at"),
        ("receipt", "sent_at"),
        ("session", "ended_at"),
        ("journal", "at"),
    ];
    runtime().block_on(async {
        let mut connection = sqlite(company).await;
        for (table, column) in moments {
            let sql = format!("update {table} set {column} = {column} - {microseconds}");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    });
}

/// Does to a company's SQLite what nobody else would.
pub fn sql(company: &Company, statement: &str) {
    runtime().block_on(async {
        let mut connection = sqlite(company).await;
        let statement = AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// While it lasts nobody can record anything: on SQLite only.
pub struct Standstill {
    runtime: Runtime,
    connection: SqliteConnection,
}

impl Standstill {
    /// From here on what is recorded waits.
    pub fn begin(company: &Company) -> Self {
        let runtime = runtime();
        let connection = runtime.block_on(async {
            let mut connection = sqlite(company).await;
            sqlx::raw_sql("begin immediate").execute(&mut connection).await.unwrap();
            connection
        });
        Self { runtime, connection }
    }

    /// Everything goes on.
    pub fn end(self) {
        self.runtime.block_on(self.connection.close()).unwrap();
    }
}

async fn sqlite(company: &Company) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(company.data().join("seon.db"));
    options.connect().await.unwrap()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn with_store<T>(company: &Company, work: impl AsyncFnOnce(&Store) -> T) -> T {
    runtime().block_on(async {
        let uri = match &company.database {
            Some(uri) => uri.parse().unwrap(),
            None => DatabaseUri::sqlite(company.data().join("seon.db")),
        };
        let store = Store::open(&uri, "test").await.unwrap();
        let value = work(&store).await;
        store.close().await;
        value
    })
}
