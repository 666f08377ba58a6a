//! Object identifiers of content types, algorithms and attributes.

use der::oid::ObjectIdentifier;

use crate::ber::{NULL, OBJECT_IDENTIFIER, SEQUENCE, element};

macro_rules! identifiers {
    ($($name:ident $arcs:literal)*) => {$(
        pub(crate) const $name: ObjectIdentifier = ObjectIdentifier::new_unwrap($arcs);
    )*};
}

identifiers! {
    DATA "1.2.840.113549.1.7.1"
    SIGNED_DATA "1.2.840.113549.1.7.2"
    ENVELOPED_DATA "1.2.840.113549.1.7.3"
    COMPRESSED_DATA "1.2.840.113549.1.9.16.1.9"

    CONTENT_TYPE "1.2.840.113549.1.9.3"
    MESSAGE_DIGEST "1.2.840.113549.1.9.4"
    ZLIB "1.2.840.113549.1.9.16.3.8"

    RSA "1.2.840.113549.1.1.1"
    RSAES_OAEP "1.2.840.113549.1.1.7"
    MGF1 "1.2.840.113549.1.1.8"
    LABEL "1.2.840.113549.1.1.9"
    RSASSA_PSS "1.2.840.113549.1.1.10"
    SHA1_WITH_RSA "1.2.840.113549.1.1.5"
    SHA256_WITH_RSA "1.2.840.113549.1.1.11"
    SHA512_WITH_RSA "1.2.840.113549.1.1.13"
    SHA3_512_WITH_RSA "2.16.840.1.101.3.4.3.16"

    SHA1 "1.3.14.3.2.26"
    SHA256 "2.16.840.1.101.3.4.2.1"
    SHA512 "2.16.840.1.101.3.4.2.3"
    SHA3_512 "2.16.840.1.101.3.4.2.10"

    TRIPLE_DES_CBC "1.2.840.113549.3.7"
    AES_256_CBC "2.16.840.1.101.3.4.1.42"

    SUBJECT_KEY_IDENTIFIER "2.5.29.14"
}

/// The identifier as an element.
pub(crate) fn identifier(oid: ObjectIdentifier) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

/// An algorithm without parameters, which is how most have it.
pub(crate) fn algorithm(oid: ObjectIdentifier) -> Vec<u8> {
    element(SEQUENCE, &[&identifier(oid)])
}

/// An algorithm with NULL for its parameters, as RSA wants it (RFC 3370).
pub(crate) fn algorithm_with_null(oid: ObjectIdentifier) -> Vec<u8> {
    element(SEQUENCE, &[&identifier(oid), &[NULL, 0]])
}
