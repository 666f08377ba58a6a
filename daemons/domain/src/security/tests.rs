use oftp::CipherSuite;

use super::*;

const DEMANDS: [Demand; 3] = [Demand::Required, Demand::Allowed, Demand::Forbidden];
const ASKED: [Option<bool>; 3] = [None, Some(true), Some(false)];

fn suite(number: u8) -> Suite {
    Suite::new(CipherSuite::try_from(number).unwrap()).unwrap()
}

const EVERYTHING: OutboundMeans = OutboundMeans {
    signing_key: true,
    encryption_certificate: true,
    receipt_certificate: true,
    highest_level: Level::V2_0,
};

fn outbound([sign, encrypt, compress, signed_receipt]: [Demand; 4]) -> OutboundPolicy {
    let suite = suite(4);
    OutboundPolicy { sign, encrypt, compress, signed_receipt, suite, means: EVERYTHING }
}

fn asked([sign, encrypt, compress, signed_receipt]: [Option<bool>; 4]) -> Asked {
    Asked { sign, encrypt, compress, signed_receipt, suite: None }
}

/// Every way in which four of these can stand.
fn fours<T: Copy>(choices: [T; 3]) -> impl Iterator<Item = [T; 4]> {
    (0..81).map(move |number| [27, 9, 3, 1].map(|place| choices[number / place % 3]))
}

/// What a packaging says of signing, encryption, compression and the receipt.
fn done(packaging: Packaging) -> [bool; 4] {
    let text = packaging.to_string();
    let [secured, compressed, receipt] = [0, 2, 4].map(|at| text.split(' ').nth(at).unwrap());
    [
        ["02", "03"].contains(&secured),
        ["01", "03"].contains(&secured),
        compressed == "1",
        receipt == "Y",
    ]
}

/// The rule for one service: what is done; nothing, if that may not be.
const RULE: [(Demand, Option<bool>, Option<bool>); 9] = [
    (Demand::Required, None, Some(true)),
    (Demand::Required, Some(true), Some(true)),
    (Demand::Required, Some(false), None),
    (Demand::Allowed, None, Some(false)),
    (Demand::Allowed, Some(true), Some(true)),
    (Demand::Allowed, Some(false), Some(false)),
    (Demand::Forbidden, None, Some(false)),
    (Demand::Forbidden, Some(true), None),
    (Demand::Forbidden, Some(false), Some(false)),
];

#[test]
fn what_was_queued_before_signing_or_encryption_became_required_does_not_go_without_it() {
    for demands @ [sign, encrypt, ..] in fours(DEMANDS) {
        for text in ["00 00 0 0 N", "01 04 0 1 N", "02 04 0 1 N", "03 04 1 1 Y"] {
            let packaging: Packaging = text.parse().unwrap();
            let [is_signed, is_encrypted, ..] = done(packaging);
            let expected = if sign == Demand::Required && !is_signed {
                Err(PolicyRefused::Required(Service::Sign))
            } else if encrypt == Demand::Required && !is_encrypted {
                Err(PolicyRefused::Required(Service::Encrypt))
            } else {
                Ok(())
            };
            assert_eq!(outbound(demands).still_admits(packaging), expected, "{demands:?} {text}");
        }
    }
}

#[test]
fn a_file_is_packaged_as_its_partner_demands_and_as_it_is_asked_for_in_every_combination() {
    let services = [Service::Sign, Service::Encrypt, Service::Compress, Service::SignedReceipt];
    let mut refused = 0;
    for demands in fours(DEMANDS) {
        for wanted in fours(ASKED) {
            let each: Vec<_> = demands.into_iter().zip(wanted).collect();
            let rule = |pair: &(Demand, Option<bool>)| {
                RULE.iter().find(|(demand, asked, _)| (*demand, *asked) == *pair).unwrap().2
            };
            let result = outbound(demands).packaging(asked(wanted));
            let first_refused = each.iter().position(|pair| rule(pair).is_none());
            match first_refused {
                None => {
                    let expected: Vec<_> = each.iter().map(|pair| rule(pair).unwrap()).collect();
                    let packaging = result.unwrap();
                    assert_eq!(done(packaging).to_vec(), expected, "{demands:?} {wanted:?}");
                    let needs_suite = expected[0] || expected[1] || expected[3];
                    assert_eq!(packaging.suite(), needs_suite.then(|| suite(4)), "{packaging}");
                }
                Some(place) => {
                    let expected = match each[place].0 {
                        Demand::Required => PolicyRefused::Required(services[place]),
                        _ => PolicyRefused::Forbidden(services[place]),
                    };
                    assert_eq!(result, Err(expected), "{demands:?} {wanted:?}");
                    refused += 1;
                }
            }
        }
    }
    // Of nine pairs for each of four services seven are good.
    assert_eq!(refused, 9_usize.pow(4) - 7_usize.pow(4));
}

#[test]
fn who_says_nothing_and_asks_for_nothing_sends_the_original() {
    let nothing = Asked::default();
    assert_eq!(outbound([Demand::default(); 4]).packaging(nothing), Ok(Packaging::NONE));
}

#[test]
fn what_there_is_no_key_for_is_refused_and_never_left_out() {
    use PolicyRefused::{NoEncryptionCertificate, NoReceiptCertificate, NoSigningKey};
    for wanted in fours([None, Some(true), Some(false)]) {
        for missing in 0..8 {
            let [signing_key, encryption_certificate, receipt_certificate] =
                [1, 2, 4].map(|bit| missing & bit == 0);
            let policy = OutboundPolicy {
                means: OutboundMeans {
                    signing_key,
                    encryption_certificate,
                    receipt_certificate,
                    ..EVERYTHING
                },
                ..outbound([Demand::Allowed; 4])
            };
            let [sign, encrypt, _, receipt] = wanted.map(|wanted| wanted == Some(true));
            let expected = if sign && !signing_key {
                Err(NoSigningKey)
            } else if encrypt && !encryption_certificate {
                Err(NoEncryptionCertificate)
            } else if receipt && !receipt_certificate {
                Err(NoReceiptCertificate)
            } else {
                Ok(wanted.map(|wanted| wanted == Some(true)))
            };
            let result = policy.packaging(asked(wanted)).map(done);
            assert_eq!(result, expected, "{wanted:?} {missing}");
        }
    }
}

#[test]
fn a_package_never_goes_by_a_level_that_cannot_say_what_it_is() {
    for highest_level in [Level::V1_2, Level::V1_3, Level::V1_4] {
        for wanted in fours(ASKED) {
            let means = OutboundMeans { highest_level, ..EVERYTHING };
            let policy = OutboundPolicy { means, ..outbound([Demand::Allowed; 4]) };
            let expected = if wanted.contains(&Some(true)) {
                Err(PolicyRefused::Level(highest_level))
            } else {
                Ok(Packaging::NONE)
            };
            assert_eq!(policy.packaging(asked(wanted)), expected, "{highest_level} {wanted:?}");
        }
    }
}

#[test]
fn a_weak_suite_is_used_only_where_the_partners_settings_name_it() {
    for own in 1..=7 {
        let policy = OutboundPolicy { suite: suite(own), ..outbound([Demand::Required; 4]) };
        assert_eq!(policy.packaging(Asked::default()).unwrap().suite(), Some(suite(own)));
        for wanted in 1..=99 {
            let asked = Asked { suite: Some(suite(wanted)), ..Asked::default() };
            let expected = if [4, 6, 7, own].contains(&wanted) {
                Ok(Some(suite(wanted)))
            } else {
                Err(PolicyRefused::Suite { suite: suite(wanted), own: suite(own) })
            };
            let result = policy.packaging(asked).map(Packaging::suite);
            assert_eq!(result, expected, "{wanted} for a partner with {own}");
        }
    }
}

#[test]
fn a_suite_is_for_a_signature_or_encryption_or_a_signed_receipt_and_for_nothing_else() {
    for wanted in fours([None, Some(true), Some(false)]) {
        let asked = Asked { suite: Some(suite(6)), ..asked(wanted) };
        let result = outbound([Demand::Allowed; 4]).packaging(asked).map(Packaging::suite);
        let [sign, encrypt, _, receipt] = wanted.map(|wanted| wanted == Some(true));
        let expected = if sign || encrypt || receipt {
            Ok(Some(suite(6)))
        } else {
            Err(PolicyRefused::SuiteOfNothing(suite(6)))
        };
        assert_eq!(result, expected, "{wanted:?}");
    }
}

/// Every packaging that SFID can say with one of these suites.
fn packagings() -> Vec<Packaging> {
    let mut all = Vec::new();
    for number in [1, 4, 8] {
        for bits in 0..4 {
            let (compressed, signed_receipt) = (bits & 1 != 0, bits & 2 != 0);
            let suite = suite(number);
            for security in [Security::Encrypted, Security::Signed, Security::EncryptedAndSigned] {
                all.push(Packaging::Secured { security, suite, compressed, signed_receipt });
            }
        }
        for wrapping in [Wrapping::None, Wrapping::Enveloped, Wrapping::Compressed] {
            all.push(Packaging::Open { wrapping, signed_receipt: Some(suite(number)) });
            all.push(Packaging::Open { wrapping, signed_receipt: None });
        }
    }
    all
}

#[test]
fn a_file_is_taken_if_it_is_packaged_as_its_partner_may_in_every_combination() {
    for [sign, encrypt, compress, receipts] in fours(DEMANDS) {
        // Of three values two are told apart.
        let signs_receipts = receipts != Demand::Forbidden;
        let suites = [suite(1), suite(4)].into();
        let policy = InboundPolicy { sign, encrypt, compress, suites, signs_receipts };
        for packaging in packagings() {
            let [is_signed, is_encrypted, is_compressed, asks_receipt] = done(packaging);
            let objections = [
                (packaging.suite() == Some(suite(8)), 15),
                (is_encrypted && encrypt == Demand::Forbidden, 16),
                (!is_encrypted && encrypt == Demand::Required, 17),
                (is_compressed && compress == Demand::Forbidden, 18),
                (!is_compressed && compress == Demand::Required, 99),
                (is_signed && sign == Demand::Forbidden, 19),
                (!is_signed && sign == Demand::Required, 20),
                (asks_receipt && !signs_receipts, 99),
            ];
            let first = objections.into_iter().find(|(objects, _)| *objects);
            let expected = first.map_or(Ok(()), |(_, reason)| Err(reason));
            let result = policy.admits(packaging).map_err(|refused| refused.reason().number());
            assert_eq!(result, expected, "{policy:?} {packaging}");
        }
    }
}

#[test]
fn a_refusal_has_a_code_of_its_own_and_a_sentence_that_ends_in_a_cure() {
    use PackagingRefused as Inbound;
    let (unknown, own) = (suite(8), suite(2));
    let inbound = [
        Inbound::Suite(unknown),
        Inbound::Encrypted,
        Inbound::Unencrypted,
        Inbound::Compressed,
        Inbound::Uncompressed,
        Inbound::Signed,
        Inbound::Unsigned,
        Inbound::SignedReceipt,
    ];
    let codes: BTreeSet<_> = inbound.iter().map(PackagingRefused::code).collect();
    assert_eq!(codes.len(), inbound.len());
    assert_eq!(
        PolicyRefused::Required(Service::Encrypt).to_string(),
        "files for this partner have to be encrypted, and this one is not to be; ask for it, or \
         set the partner's spec.security.outbound.encrypt to Allowed"
    );
    assert_eq!(
        PolicyRefused::Forbidden(Service::SignedReceipt).to_string(),
        "files for this partner must not be answered by a signed receipt, and this one is to be; \
         do not ask for it, or set the partner's spec.security.receipts.signed to Allowed"
    );
    assert_eq!(
        PolicyRefused::Suite { suite: unknown, own }.to_string(),
        "cipher suite 08 is not used for this partner; ask for 02, its own one, or 04, 06 or 07, \
         or name another of 01 to 10 in the partner's spec.security.outbound.cipherSuite"
    );
}

#[test]
fn who_is_prepared_follows_the_partner_and_the_others_say_what_they_want() {
    use Authentication::{Forbidden, Prepared, Required};
    for (authentication, answers, openings) in [
        (Forbidden, [false, false], &[false][..]),
        (Prepared, [false, true], &[false, true]),
        (Required, [true, true], &[true]),
    ] {
        assert_eq!([false, true].map(|theirs| authentication.answer(theirs)), answers);
        assert_eq!(authentication.openings(), openings);
    }
}
