use store::{FencedTx, Store};

fn by_hand(store: &Store) {
    let _ = FencedTx::begin(store);
    let _ = FencedTx { is_news: false };
}

fn main() {}
