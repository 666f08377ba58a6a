//! Lists of revoked certificates.

use domain::Daemon;

const URL: &str = "http://ca.example/root.crl";

conformance! {
    async fn a_list_stays_when_a_later_try_brings_none(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        assert!(world.store.revocation_lists().await.unwrap().is_empty());
        world.fenced(&tenure, async |tx| tx.list_not_fetched(URL, "E-LIST", "no answer").await)
            .await
            .unwrap();
        let [waits] = &world.store.revocation_lists().await.unwrap()[..] else { panic!() };
        assert_eq!((waits.url.as_str(), waits.fetched_at), (URL, None));
        assert_eq!(waits.error, Some(("E-LIST".to_owned(), "no answer".to_owned())));
        assert_eq!(world.store.revocation_list(URL).await.unwrap(), None);

        // What is done again, as after a lost answer, is the same.
        for _ in 0..2 {
            world.fenced(&tenure, async |tx| tx.list_fetched(URL, "one").await).await.unwrap();
        }
        let [there] = &world.store.revocation_lists().await.unwrap()[..] else { panic!() };
        assert_eq!((there.error.clone(), there.fetched_at), (None, Some(there.tried_at)));

        world.fenced(&tenure, async |tx| tx.list_not_fetched(URL, "E-LIST", "too large").await)
            .await
            .unwrap();
        let [stays] = &world.store.revocation_lists().await.unwrap()[..] else { panic!() };
        assert_eq!(stays.fetched_at, there.fetched_at);
        assert!(stays.tried_at >= there.tried_at && stays.error.is_some());
        assert_eq!(world.store.revocation_list(URL).await.unwrap().as_deref(), Some("one"));
    }

    async fn a_list_is_replaced_by_a_later_one_and_forgotten_when_nothing_leads_to_it(world) {
        let tenure = world.tenure(Daemon::Seonsqd).await;
        let other = "http://ca.example/other.crl";
        for (url, list) in [(URL, "one"), (other, "another"), (URL, "two")] {
            world.fenced(&tenure, async |tx| tx.list_fetched(url, list).await).await.unwrap();
        }
        assert_eq!(world.store.revocation_list(URL).await.unwrap().as_deref(), Some("two"));
        for _ in 0..2 {
            world.fenced(&tenure, async |tx| tx.forget_list(URL).await).await.unwrap();
        }
        let left = world.store.revocation_lists().await.unwrap();
        assert_eq!(left.iter().map(|one| one.url.as_str()).collect::<Vec<_>>(), [other]);
        assert_eq!(world.store.revocation_list(URL).await.unwrap(), None);
    }
}
