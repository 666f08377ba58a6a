//! A daemon without work, for tests of what the runtime does around it:
//! `idle DIRECTORY [--standby]`. It says `active` and `draining` on standard output.

use std::process::ExitCode;

use domain::Daemon;
use runtime::{Active, ServiceError, Start};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(directory) = arguments.next() else {
        return ExitCode::from(64);
    };
    let standby = arguments.next().is_some_and(|option| option == "--standby");
    let start = Start::new(Daemon::Seonsqd, directory)
        .standby(standby)
        .parent(children::parent_from_environment());
    match runtime::run(start, idle) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{} {error}", error.code());
            ExitCode::from(error.exit_code())
        }
    }
}

async fn idle(active: Active) -> Result<(), ServiceError> {
    println!("active in epoch {}", active.tenure.epoch);
    active.shutdown.cancelled().await;
    println!("draining");
    Ok(())
}
