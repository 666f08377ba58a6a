//! The plugin with controllers that a file lists, for tests on machines that have none: `FILE NODE`.
//! Each line is the number of a controller that answers; without the file there is no device node.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use capi_device_plugin::controllers::{Controllers, Sight};
use capi_device_plugin::run::run;
use capi_device_plugin::settings::Settings;
use tokio_util::sync::CancellationToken;

struct List(PathBuf);

impl Controllers for List {
    fn look(&self) -> Sight {
        match std::fs::read_to_string(Path::new(&self.0)) {
            Ok(text) => {
                let numbers = text.lines().filter_map(|line| line.parse().ok());
                Sight::Controllers(numbers.map(|number| (number, Ok(()))).collect())
            }
            Err(_) => Sight::NoNode,
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().json().with_writer(std::io::stderr).init();
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(node)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: controllers_from_a_file FILE NODE");
    };
    let settings =
        Settings { node, health_interval: Duration::from_millis(200), ..Settings::default() };
    run(&settings, Arc::new(List(file.into())), &CancellationToken::new()).await?;
    Ok(())
}
