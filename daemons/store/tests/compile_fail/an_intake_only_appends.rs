use store::{EntryId, Intake};

async fn cancel(intake: &Intake, entry: EntryId) {
    intake.cancel_entry(entry).await;
}

fn main() {}
