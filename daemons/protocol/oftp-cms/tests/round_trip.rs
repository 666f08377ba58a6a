//! What we package we unpackage, and nothing that was changed on the way passes for it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::collections::VecDeque;

use common::{alice, bob, content, encryption, known, mallory, package, suite, unpackage};
use oftp_cms::{
    CmsError, DecryptError, Expected, Known, Layers, Limits, Packager, Plan, Signing,
    StructureError,
};
use proptest::prelude::*;

fn plan(layers: Layers, number: u8) -> Plan {
    Plan {
        signing: layers.signed.then(|| Signing::new(suite(number), alice().identity.clone())),
        compressed: layers.compressed,
        encryption: layers.encrypted.then(|| encryption(number)),
    }
}

fn every_combination() -> impl Iterator<Item = Layers> {
    (0..8).map(|number: u8| Layers {
        signed: number & 1 != 0,
        compressed: number & 2 != 0,
        encrypted: number & 4 != 0,
    })
}

const ALL: Layers = Layers { signed: true, compressed: true, encrypted: true };

#[test]
fn every_combination_of_layers_by_every_suite_comes_back() {
    for number in 1..=10 {
        for layers in every_combination() {
            for length in [0, 1, 70_000] {
                let content = content(length);
                let package = package(plan(layers, number), &content, 4096);
                let expected = Expected::Announced(layers);
                let (octets, found) = unpackage(&package, known(), expected, 4096).unwrap();
                assert!(octets == content, "suite {number}, {layers:?}, {length} octets");
                assert_eq!(found.layers, layers);
                assert_eq!(found.check_suite(suite(number)), Ok(()));
                assert_eq!(found.content, length as u64);
                let seen = unpackage(&package, known(), Expected::Anything, 4096).unwrap();
                assert!(seen == (octets, found), "{layers:?}");
            }
        }
    }
}

/// As by many cores: its blocks are packed in any order.
fn package_by_blocks(plan: Plan, content: &[u8], size: usize) -> Vec<u8> {
    let (mut inner, mut outer) = Packager::new(plan).unwrap().into_halves();
    let (mut blocks, mut out) = (VecDeque::new(), Vec::new());
    content.chunks(size).for_each(|piece| inner.push(piece, &mut blocks).unwrap());
    inner.finish(&mut blocks).unwrap();
    // The last one first.
    let mut packed: Vec<_> = blocks.into_iter().rev().map(|block| block.pack().unwrap()).collect();
    packed.reverse();
    for packed in &packed {
        outer.push(packed, &mut out).unwrap();
    }
    outer.finish(&mut out).unwrap();
    out
}

#[test]
fn whoever_packs_the_blocks_and_however_the_content_comes_the_package_is_the_same() {
    let block = 128 * 1024;
    for layers in every_combination() {
        for length in [0, 1, block - 1, block, block + 1, 3 * block + 70_000] {
            let content = content(length);
            // A signature by RSA with PKCS #1 is the same each time, and so is this key.
            let whole = package(plan(layers, 4), &content, 1 << 20);
            for size in [1 << 20, 262_144, 10_007] {
                let in_blocks = package_by_blocks(plan(layers, 4), &content, size);
                // But for the recipient's key, whose padding is random.
                let kept = if layers.encrypted { length.min(1000) } else { whole.len() };
                assert!(in_blocks.len() == whole.len(), "{layers:?}, {length} by {size}");
                let (one, other) = (&in_blocks[whole.len() - kept..], &whole[whole.len() - kept..]);
                assert!(one == other, "{layers:?}, {length} by {size}");
            }
            let expected = Expected::Announced(layers);
            let (octets, found) = unpackage(&whole, known(), expected, 65_536).unwrap();
            assert!(octets == content, "{layers:?}, {length} octets");
            assert_eq!(found.content, length as u64);
        }
    }
}

#[test]
fn what_does_not_compress_becomes_hardly_larger_and_what_does_beside_it_becomes_small() {
    let compressed = Layers { compressed: true, ..Layers::default() };
    let random = support::PseudoRandom::new(1).octets(1_000_000);
    let zeros = vec![0; 1_000_000];
    for (content, most) in [
        (random.clone(), 1_002_000),
        ([random.as_slice(), &zeros].concat(), 1_005_000),
        ([zeros.as_slice(), &random, &zeros].concat(), 1_010_000),
    ] {
        let package = package(plan(compressed, 4), &content, 65_536);
        assert!(package.len() < most, "{} of {}", package.len(), content.len());
        let expected = Expected::Announced(compressed);
        assert!(unpackage(&package, known(), expected, 65_536).unwrap().0 == content);
    }
}

#[test]
fn blocks_are_compressed_as_well_as_one_stream() {
    let content = content(2_000_000);
    let compressed = Layers { compressed: true, ..Layers::default() };
    let package = package(plan(compressed, 4), &content, 65_536);
    let mut stream = flate2::Compress::new(flate2::Compression::default(), true);
    let mut whole = Vec::with_capacity(content.len());
    stream.compress_vec(&content, &mut whole, flate2::FlushCompress::Finish).unwrap();
    assert!(
        package.len() < whole.len() + whole.len() / 100,
        "{} of {}",
        package.len(),
        whole.len()
    );
}

#[test]
fn a_package_that_is_not_the_one_that_was_announced_never_gives_the_file() {
    let content = content(1000);
    for made in every_combination() {
        let package = package(plan(made, 4), &content, 1000);
        for announced in every_combination().filter(|announced| *announced != made) {
            let result = unpackage(&package, known(), Expected::Announced(announced), 100);
            // What is inside of the announced layers is the content, whatever it is.
            let (outer, all) = (names(announced), names(made));
            let is_content = !outer.is_empty() && all.starts_with(&outer);
            match result {
                Ok((octets, found)) => {
                    assert!(is_content && octets != content, "{made:?} as {announced:?}");
                    assert_eq!(found.layers, announced);
                }
                Err(error) => {
                    assert!(!is_content, "{made:?} as {announced:?}: {error}");
                    let codes = ["E-CMS-ANNOUNCED", "E-CMS-STRUCTURE", "E-CMS-DECRYPT"];
                    assert!(codes.contains(&error.code()), "{error}");
                }
            }
        }
    }
}

/// The layers by name, outermost first.
fn names(layers: Layers) -> Vec<&'static str> {
    let all = [
        (layers.encrypted, "encrypted"),
        (layers.compressed, "compressed"),
        (layers.signed, "signed"),
    ];
    all.into_iter().filter_map(|(is_there, name)| is_there.then_some(name)).collect()
}

#[test]
fn a_file_that_is_a_package_itself_stays_one() {
    let inside = package(plan(Layers::SIGNED, 4), &content(100), 100);
    let layers = Layers { encrypted: true, ..Layers::default() };
    let outside = package(plan(layers, 4), &inside, 100);
    let (octets, found) = unpackage(&outside, known(), Expected::Announced(layers), 100).unwrap();
    assert!(octets == inside);
    assert_eq!(found.layers, layers);
}

/// An encrypted package whose fields call its content something else than data.
fn declared(content: &[u8], number: u8) -> Vec<u8> {
    let plan = Plan { encryption: Some(encryption(4)), ..Plan::default() };
    let mut package = package(plan, content, 1000);
    let data = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
    let place = package.windows(data.len()).position(|window| window == data).unwrap();
    package[place + data.len() - 1] = number;
    package
}

#[test]
fn a_layer_that_is_named_by_the_one_around_needs_no_name_of_its_own() {
    let (layers, content) = (Layers { encrypted: true, ..Layers::SIGNED }, content(1000));
    let whole = package(plan(Layers::SIGNED, 4), &content, 1000);
    // SignedData without the ContentInfo around it.
    let bare = &whole[15..whole.len() - 4];
    for inside in [&whole, bare] {
        for expected in [Expected::Announced(layers), Expected::Anything] {
            let package = declared(inside, 2);
            let (octets, found) = unpackage(&package, known(), expected, 100).unwrap();
            assert!(octets == content);
            assert_eq!(found.layers, layers);
        }
    }
}

#[test]
fn layers_come_in_their_order_and_once() {
    let encrypted = Layers { encrypted: true, ..Layers::default() };
    let inside = package(plan(encrypted, 4), b"content", 100);
    for number in [2, 3] {
        let package = declared(&inside, number);
        let error = unpackage(&package, known(), Expected::Anything, 100).unwrap_err();
        assert_eq!(error, CmsError::Decrypt(DecryptError::Failed));
    }
    // What only looks like a layer, where none can be, is content.
    let outside = package(plan(encrypted, 4), &inside, 100);
    let (octets, _) = unpackage(&outside, known(), Expected::Anything, 100).unwrap();
    assert!(octets == inside);
}

#[test]
fn a_package_cut_off_anywhere_or_with_octets_after_it_is_refused() {
    let content = content(300);
    for layers in every_combination() {
        let whole = package(plan(layers, 4), &content, 100);
        for length in 0..whole.len() {
            let result = unpackage(&whole[..length], known(), Expected::Announced(layers), 50);
            assert!(result.is_err(), "{layers:?} cut off at {length}");
        }
        let more = [whole.as_slice(), &[0]].concat();
        let result = unpackage(&more, known(), Expected::Announced(layers), 50);
        assert_eq!(result.unwrap_err(), StructureError::Trailing.into());
    }
}

#[test]
fn another_key_another_padding_and_another_content_look_alike() {
    let layers = Layers { encrypted: true, compressed: true, signed: false };
    let good = package(plan(layers, 4), &content(50_000), 1000);
    let wrapped = good.windows(4).position(|four| four == [0x04, 0x82, 0x01, 0x00]).unwrap() + 4;
    let read = |package: &[u8]| {
        let mut unpackager = oftp_cms::Unpackager::new(known(), Expected::Announced(layers));
        let (mut rest, mut out) = (package, Vec::new());
        while !rest.is_empty() {
            if let Err(error) = unpackager.push(&mut rest, &mut out) {
                return (error, package.len() - rest.len());
            }
        }
        (unpackager.finish(&mut out).unwrap_err(), package.len())
    };
    let mut told = Vec::new();
    // In the wrapped key, in the first block and in the last one.
    for place in [wrapped + 10, wrapped + 255, wrapped + 340, good.len() - 15] {
        let mut bad = good.clone();
        bad[place] ^= 1;
        told.push(read(&bad));
    }
    let (error, _) = &told[0];
    assert_eq!(*error, CmsError::Decrypt(DecryptError::Failed));
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

#[test]
fn limits_hold() {
    let content = vec![0; 3_000_000];
    let small = |limits: Limits| Known { limits, ..known() };
    let layers = Layers { compressed: true, ..Layers::default() };
    let bomb = package(plan(layers, 4), &content, 65_536);
    assert!(bomb.len() < 5000);
    let read = |package: &[u8], layers, limits| {
        unpackage(package, small(limits), Expected::Announced(layers), 65_536).map(|_| ())
    };
    assert_eq!(read(&bomb, layers, Limits::default()), Ok(()));
    let ratio = Limits { ratio_from: 1 << 20, ..Limits::default() };
    let error = read(&bomb, layers, ratio).unwrap_err();
    assert_eq!(error.answer(), oftp::NegativeReason::DecompressionFailure);
    let room = Limits { content: 2_999_999, ..Limits::default() };
    let error = read(&bomb, layers, room).unwrap_err();
    assert_eq!((error.code(), error.answer().number()), ("E-CMS-LIMIT", 34));

    let signing = Signing::new(suite(4), alice().identity.clone()).and(mallory().identity.clone());
    let two = package(Plan { signing: Some(signing), ..Plan::default() }, b"content", 100);
    assert_eq!(read(&two, Layers::SIGNED, Limits { signers: 2, ..Limits::default() }), Ok(()));
    let error = read(&two, Layers::SIGNED, Limits { signers: 1, ..Limits::default() }).unwrap_err();
    assert_eq!(error.code(), "E-CMS-LIMIT");
    let error = read(&two, Layers::SIGNED, Limits { field: 100, ..Limits::default() }).unwrap_err();
    assert_eq!(error, StructureError::Field.into());
    let error = read(&two, Layers::SIGNED, Limits { depth: 4, ..Limits::default() }).unwrap_err();
    assert_eq!(error, StructureError::Depth.into());

    let encryption = encryption(4).and(alice().certificate());
    let two = package(Plan { encryption: Some(encryption), ..Plan::default() }, b"content", 100);
    let layers = Layers { encrypted: true, ..Layers::default() };
    let error = read(&two, layers, Limits { recipients: 1, ..Limits::default() }).unwrap_err();
    assert_eq!(error.code(), "E-CMS-LIMIT");
}

#[test]
fn a_signed_package_does_not_depend_on_the_pieces_of_the_content() {
    let content = content(200_000);
    let whole = package(plan(Layers::SIGNED, 4), &content, content.len());
    assert!(whole.len() < content.len() + 2048);
    for size in [1000, 32_768, 65_537] {
        assert!(package(plan(Layers::SIGNED, 4), &content, size) == whole, "{size}");
    }
}

#[test]
fn content_is_given_as_it_comes_and_memory_stays_small() {
    let content = vec![7; 20_000_000];
    let package = package(plan(ALL, 4), &content, 262_144);
    let mut unpackager = oftp_cms::Unpackager::new(known(), Expected::Announced(ALL));
    let (mut rest, mut out, mut length) = (package.as_slice(), Vec::new(), 0);
    while !rest.is_empty() {
        unpackager.push(&mut rest, &mut out).unwrap();
        assert!(out.len() <= 5 << 20, "{}", out.len());
        length += out.len();
        out.clear();
    }
    unpackager.finish(&mut out).unwrap();
    assert_eq!(length + out.len(), content.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_content_in_any_pieces_comes_back(
        content in prop::collection::vec(any::<u8>(), 0..5000),
        number in 1..=10_u8,
        layers in 0..8_usize,
        made_in in 1..6000_usize,
        read_in in 1..6000_usize,
    ) {
        let layers = every_combination().nth(layers).unwrap();
        let package = package(plan(layers, number), &content, made_in);
        let (octets, found) =
            unpackage(&package, known(), Expected::Announced(layers), read_in).unwrap();
        prop_assert_eq!(octets, content);
        prop_assert_eq!(found.layers, layers);
    }

    #[test]
    fn a_signed_package_that_was_changed_gives_the_same_content_or_none(
        places in prop::collection::vec((any::<prop::sample::Index>(), 1..=255_u8), 1..3),
        combination in 0..4_usize,
    ) {
        let layers = Layers { signed: true, ..every_combination().nth(combination * 2).unwrap() };
        let content = content(2000);
        let mut package = package(plan(layers, 4), &content, 1000);
        for (place, change) in places {
            let place = place.index(package.len());
            package[place] ^= change;
        }
        for expected in [Expected::Announced(layers), Expected::Anything] {
            if let Ok((octets, found)) = unpackage(&package, known(), expected, 777) {
                prop_assert!(octets == content || found.layers != layers);
            }
        }
    }
}

#[test]
fn keys_of_others_open_nothing() {
    let package = package(plan(ALL, 4), b"content", 100);
    let stranger = Known { identities: vec![mallory().identity.clone()], ..known() };
    let error = unpackage(&package, stranger, Expected::Announced(ALL), 100).unwrap_err();
    assert!(matches!(error, CmsError::Decrypt(DecryptError::NotForUs { .. })));
    let both = vec![mallory().identity.clone(), bob().identity.clone()];
    let both = Known { identities: both, ..known() };
    let (_, found) = unpackage(&package, both, Expected::Announced(ALL), 100).unwrap();
    assert_eq!(found.decrypted_by, Some(1));
}

/// What one signed by a suite, its set of digests, its content up to its end, and its signers.
fn fields_of_signed(signer: &common::Party, number: u8, content: &[u8]) -> [Vec<u8>; 3] {
    // Two headers of no length, two names and a version come before the digests, and ends after all.
    const DIGESTS: usize = 20;
    const ENDS: usize = 6;
    let signing = Some(Signing::new(suite(number), signer.identity.clone()));
    let package = package(Plan { signing, ..Plan::default() }, content, content.len());
    let end = DIGESTS + 2 + usize::from(package[DIGESTS + 1]);
    let place = package.windows(content.len()).position(|octets| octets == content).unwrap();
    let signers = place + content.len() + ENDS;
    let of = |from: usize, to: usize| package[from..to].to_vec();
    [of(DIGESTS + 2, end), of(end, signers), of(signers + 4, package.len() - ENDS)]
}

#[test]
fn of_two_signers_with_unlike_digests_the_one_by_the_suite_counts() {
    let content = content(1000);
    let [sha256, middle, alices] = fields_of_signed(alice(), 4, &content);
    let [sha512, _, mallorys] = fields_of_signed(mallory(), 6, &content);
    let head = package(plan(Layers::SIGNED, 4), &content, 1000)[..20].to_vec();
    let digests = [sha256, sha512].concat();
    let signers = [alices, mallorys].concat();
    let digests = [&[0x31, u8::try_from(digests.len()).unwrap()], digests.as_slice()].concat();
    let length = u16::try_from(signers.len()).unwrap().to_be_bytes();
    let signers = [&[0x31, 0x82], length.as_slice(), &signers].concat();
    let signed = [head, digests, middle, signers, vec![0; 6]].concat();
    for (certificates, suites) in [
        (vec![alice().certificate(), mallory().certificate()], vec![3, 4, 5, 6]),
        (vec![alice().certificate()], vec![3, 4]),
        (vec![mallory().certificate()], vec![5, 6]),
    ] {
        let known = Known { certificates, ..known() };
        let expected = Expected::Announced(Layers::SIGNED);
        let (octets, found) = unpackage(&signed, known, expected, 100).unwrap();
        assert!(octets == content);
        assert_eq!(found.signers.len(), 2);
        let is_of = |number: &u8| found.check_suite(suite(*number)).is_ok();
        assert_eq!((1..=10).filter(is_of).collect::<Vec<_>>(), suites);
        for number in suites {
            let counts = found.signers.iter().filter(|one| one.counts_for(suite(number)));
            assert_eq!(counts.count(), 1, "suite {number}");
        }
    }
}
