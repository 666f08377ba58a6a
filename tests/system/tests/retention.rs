//! What is over leaves the database after a while, and nothing that is still to come.

use support::{sha256, wait_until_blocking};
use system::{Company, PATIENCE, Pair, Up, grow_older, incoming, received_files};

/// So many days pass while nobody runs.
fn after_days(pair: &Pair, (acme, bolt): (Up, Up), days: u32) -> (Up, Up) {
    acme.stop();
    bolt.stop();
    grow_older(&pair.acme, days);
    grow_older(&pair.bolt, days);
    let up = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    up
}

fn is_in_the_journal(company: &Company, dataset_name: &str) -> bool {
    company.journal().iter().any(|record| record["dataset_name"] == dataset_name)
}

#[test]
fn a_finished_file_leaves_the_database_after_90_days_and_the_journal_after_a_year() {
    let (pair, acme, bolt) = Pair::running();
    let (old, new) = (pair.acme.file("OLD.DAT", 1000), pair.acme.file("NEW.DAT", 2000));
    let finished = pair.acme.enqueue("bolt", &old, &[]);
    let waiting = pair.acme.enqueue("bolt", &new, &["--hold"]);
    pair.acme.wait_for_state(finished, "acknowledged", PATIENCE);
    wait_until_blocking("the receipt in bolt's journal", PATIENCE, || {
        !pair.bolt.journal_of("receipt_sent").is_empty()
    });

    let up = after_days(&pair, (acme, bolt), 91);
    wait_until_blocking("the finished entry gone", PATIENCE, || {
        pair.acme.queue().iter().all(|row| row["id"] != finished)
    });
    wait_until_blocking("the delivered file gone", PATIENCE, || received_files(&pair.bolt) == 0);
    for company in [&pair.acme, &pair.bolt] {
        assert!(is_in_the_journal(company, "OLD.DAT"), "the journal of {} remembers", company.name);
    }
    assert_eq!(incoming(&pair.bolt).len(), 1, "a delivered file is its owner's");

    pair.acme.ok(["queue", "release", &waiting.to_string()]);
    pair.acme.wait_for_state(waiting, "acknowledged", PATIENCE);
    let arrived: Vec<_> = incoming(&pair.bolt).into_values().collect();
    assert!(arrived.contains(&sha256(&new)), "what waited was not forgotten");

    let _up = after_days(&pair, up, 300);
    for company in [&pair.acme, &pair.bolt] {
        wait_until_blocking("the journal has forgotten the old file", PATIENCE, || {
            !is_in_the_journal(company, "OLD.DAT")
        });
        assert!(is_in_the_journal(company, "NEW.DAT"), "{} remembers the new one", company.name);
    }
}
