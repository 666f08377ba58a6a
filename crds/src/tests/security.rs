//! Certificates by purpose, and what is asked of files.

use super::*;

/// Everything that can be Required, with certificates for it.
fn required(value: &mut Value) {
    let demands = json!({"sign": "Required", "encrypt": "Required", "compress": "Required"});
    value["spec"]["security"] = json!({
        "outbound": demands,
        "inbound": demands,
        "receipts": {"signed": "Required"},
    });
    value["spec"]["security"]["inbound"]["cipherSuites"] = json!(["01", "04"]);
    value["spec"]["certificates"] = json!([
        {"purpose": ["Encrypt"], "secretRef": {"name": "a"}},
        {"purpose": ["VerifySignature", "VerifyReceipt"], "secretRef": {"name": "b"}},
    ]);
}

#[test]
fn everything_may_be_required_of_who_has_certificates_for_it() {
    assert_eq!(partner_says(required), NOTHING);
}

#[test]
fn what_is_required_has_its_certificate() {
    for (group, field, purpose, what) in [
        ("outbound", "encrypt", "Encrypt", "to encrypt for"),
        ("inbound", "sign", "VerifySignature", "to verify by"),
        ("receipts", "signed", "VerifyReceipt", "to verify receipts by"),
    ] {
        let expected = format!(
            "spec: security.{group}.{field} is Required and there is no certificate {what}; add \
             to certificates an entry with purpose [{purpose}], or give Allowed"
        );
        let without = partner_says(|value| {
            value["spec"]["security"] = json!({group: {field: "Required"}});
        });
        assert_eq!(without, [expected.as_str()]);
        let of_other_purposes = partner_says(|value| {
            required(value);
            let certificates = value["spec"]["certificates"].as_array_mut().unwrap();
            for certificate in certificates {
                let others = certificate["purpose"].as_array_mut().unwrap();
                others.retain(|one| one != purpose);
                others.push(json!("Tls"));
            }
        });
        assert_eq!(of_other_purposes, [expected]);
    }
}

#[test]
fn sessions_are_authenticated_of_who_has_a_certificate_for_it_and_the_level() {
    let says = |authentication: &str, purpose: &str, level: &str| {
        partner_says(|value| {
            value["spec"]["security"] = json!({"authentication": authentication});
            value["spec"]["certificates"] =
                json!([{"purpose": [purpose], "secretRef": {"name": "a"}}]);
            value["spec"]["protocol"] = json!({"highestLevel": level});
        })
    };
    let no_certificate = "spec: security.authentication is not Forbidden and there is no \
                          certificate to encrypt challenges for; add to certificates an entry \
                          with purpose [Authenticate], or give Forbidden";
    let no_level = "spec: security.authentication is Required, which came with OFTP 2.0, and \
                    protocol.highestLevel is below it; raise highestLevel to 2.0, or give \
                    Forbidden";
    for authentication in ["Prepared", "Required"] {
        assert_eq!(says(authentication, "Authenticate", "2.0"), NOTHING);
        assert_eq!(says(authentication, "Encrypt", "2.0"), [no_certificate]);
    }
    assert_eq!(says("Required", "Authenticate", "1.4"), [no_level]);
    assert_eq!(says("Prepared", "Authenticate", "1.4"), NOTHING);
    assert_eq!(says("Forbidden", "Encrypt", "1.2"), NOTHING);
}

#[test]
fn a_receipt_that_is_to_be_signed_is_one_that_is_expected() {
    let says = partner_says(|value| {
        required(value);
        value["spec"]["receipts"] = json!({"expected": false});
    });
    assert_eq!(
        says,
        ["spec: security.receipts.signed is Required and receipts.expected is false, so that no \
          receipt would ever be looked for; set receipts.expected: true, or give Allowed"]
    );
}

#[test]
fn what_is_required_needs_the_level_that_has_it() {
    let refused = "spec: what security requires came with OFTP 2.0 and protocol.highestLevel is \
                   below it; raise highestLevel to 2.0, or give Allowed where security has \
                   Required";
    for (group, field) in [
        ("outbound", "sign"),
        ("outbound", "encrypt"),
        ("outbound", "compress"),
        ("inbound", "sign"),
        ("inbound", "encrypt"),
        ("inbound", "compress"),
        ("receipts", "signed"),
    ] {
        let says = |level: &str, demand: &str| {
            partner_says(|value| {
                required(value);
                value["spec"]["security"] = json!({group: {field: demand}});
                value["spec"]["protocol"] = json!({"highestLevel": level});
            })
        };
        for level in ["1.2", "1.3", "1.4"] {
            assert_eq!(says(level, "Required"), [refused], "{group}.{field} {level}");
            assert_eq!(says(level, "Allowed"), NOTHING);
            assert_eq!(says(level, "Forbidden"), NOTHING);
        }
        assert_eq!(says("2.0", "Required"), NOTHING);
    }
}

#[test]
fn names_are_for_tls() {
    let says = |purpose: Value| {
        partner_says(|value| {
            value["spec"]["certificates"] = json!([
                {"purpose": purpose, "secretRef": {"name": "a"}, "names": ["oftp.bolt.example"]},
            ]);
        })
    };
    assert_eq!(says(json!(["Encrypt", "Tls"])), NOTHING);
    assert_eq!(
        says(json!(["Encrypt"])),
        ["spec.certificates[0]: names belongs to the purpose Tls; add Tls to purpose, or leave \
          out names"]
    );
}

#[test]
fn a_key_of_ours_is_active_from_a_date_or_a_time() {
    let says = |active_from: &str| {
        instance_says(|value| {
            value["spec"]["certificates"] = json!([
                {"purpose": ["Sign"], "secretRef": {"name": "a"}, "activeFrom": active_from},
            ]);
        })
    };
    assert_eq!(says("2026-12-01T06:00:00Z"), NOTHING);
    assert_eq!(
        says("tomorrow"),
        ["spec.certificates[0].activeFrom: give a date such as 2026-12-01 or a time such as \
          2026-12-01T06:00:00Z"]
    );
}

#[test]
fn who_writes_nothing_asks_for_nothing() {
    let security = partner(|_| ()).spec.security;
    assert_eq!(security, Security::default());
    let demands = [security.outbound.sign, security.inbound.encrypt, security.receipts.signed];
    assert_eq!(demands, [Demand::Allowed; 3]);
}

#[test]
fn a_suite_is_written_as_its_number() {
    let suites = (1..=10).map(|number| {
        let suite: CipherSuite = serde_json::from_value(json!(format!("{number:02}"))).unwrap();
        suite.number()
    });
    assert!(suites.eq(1..=10));
    assert_eq!(CipherSuite::default().number(), 4);
    for unknown in ["00", "11", "8", "4"] {
        assert!(serde_json::from_value::<CipherSuite>(json!(unknown)).is_err(), "{unknown}");
    }
}
