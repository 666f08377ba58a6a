use store::{FencedTx, Store};
use lease::Tenure;

async fn by_hand(store: &Store, tenure: &Tenure) {
    let _ = FencedTx::begin(store, tenure).await;
}

fn main() {}
