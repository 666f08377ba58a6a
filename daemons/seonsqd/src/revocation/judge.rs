//! Whether what was fetched takes the place of what is kept.

use jiff::{SignedDuration, Timestamp};
use pki::RevocationList;

use super::fetch::NotFetched;

/// An authority's clock may be ahead of ours so far.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(10);

/// The list, if one of these authorities signed it, it is not older than the one that is kept, and it has
/// been made already. One that is overdue counts as far as it goes: what it names was revoked.
pub(super) fn judge(
    octets: &[u8],
    authorities: &[impl AsRef<[u8]>],
    kept: Option<&RevocationList>,
    now: Timestamp,
) -> Result<RevocationList, NotFetched> {
    let list = RevocationList::read(octets)?;
    let is_named = |one: &&_| list.names_as_issuer(AsRef::<[u8]>::as_ref(*one));
    let named: Vec<_> = authorities.iter().filter(is_named).collect();
    if named.is_empty() {
        return Err(NotFetched::Stranger { issuer: list.issuer().to_owned() });
    }
    if !named.iter().any(|one| list.is_signed_by(one.as_ref())) {
        return Err(NotFetched::Signature { issuer: list.issuer().to_owned() });
    }
    let made = list.this_update();
    if now.saturating_add(CLOCKS_APART).is_ok_and(|later| later < made) {
        return Err(NotFetched::Early { made });
    }
    let Some(kept) = kept else { return Ok(list) };
    let is_same_issuer = list.issuer() == kept.issuer();
    if is_same_issuer && list.is_older_than(kept) {
        return Err(NotFetched::Older { made, kept: kept.this_update() });
    }
    // Any partner's authority can sign what lies at any URL. It does not take another one's place.
    let counts = |one: &_| kept.names_as_issuer(AsRef::<[u8]>::as_ref(one));
    if !is_same_issuer && authorities.iter().any(counts) {
        let [issuer, kept] = [&list, kept].map(|list| list.issuer().to_owned());
        return Err(NotFetched::Another { issuer, kept });
    }
    Ok(list)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use support::Authority;

    use super::*;

    #[test]
    fn a_list_takes_the_place_of_an_older_one_by_a_known_issuer_and_nothing_else_does() {
        let (known, namesake, other) =
            (Authority::new("CA"), Authority::new("CA"), Authority::new("Other"));
        let neighbour = Authority::new("Neighbour");
        let authorities = [known.der(), neighbour.der()];
        let gone = other.list(9, &[]);
        let read = |octets: &[u8]| RevocationList::read(octets).unwrap();
        let (first, second) = (known.list(1, &[]), known.list(2, &[]));
        let now = ambient::now();
        let yesterday = now - SignedDuration::from_hours(48);
        for (what, octets, kept, now, expected) in [
            ("the first", &first, None, now, None),
            ("a newer one", &second, Some(&first), now, None),
            ("the same", &first, Some(&first), now, None),
            ("an older one", &first, Some(&second), now, Some("E-REVOCATION-AGE")),
            ("one to come", &first, None, yesterday, Some("E-REVOCATION-AGE")),
            (
                "a namesake's",
                &namesake.list(3, &[]),
                Some(&first),
                now,
                Some("E-REVOCATION-ISSUER"),
            ),
            ("a stranger's", &other.list(3, &[]), Some(&first), now, Some("E-REVOCATION-ISSUER")),
            (
                "a neighbour's in its place",
                &neighbour.list(9, &[]),
                Some(&first),
                now,
                Some("E-REVOCATION-ISSUER"),
            ),
            ("in place of one who is no authority any more", &first, Some(&gone), now, None),
            ("a page", &b"<html>".to_vec(), Some(&first), now, Some("E-REVOCATION-LIST")),
        ] {
            let kept = kept.map(|kept| read(kept));
            let judged = judge(octets, &authorities, kept.as_ref(), now);
            assert_eq!(judged.err().map(|error| error.code()), expected, "{what}");
        }
    }
}
