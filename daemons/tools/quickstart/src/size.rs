//! Sizes on the command line.

const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

/// Reads `1GiB`, `300 MB`, `4096`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let (number, factor) = UNITS
        .iter()
        .find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, *factor)))
        .unwrap_or((text, 1));
    number.trim_end().parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(
        || format!("\"{text}\" is not a size; give a whole number and a unit, as 1GiB or 300MB"),
    )
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn sizes_have_decimal_or_binary_units() {
        let sizes = ["1GiB", "300MB", "4096", "7 B", "2KiB"].map(|text| parse(text).unwrap());
        assert_eq!(sizes, [1 << 30, 300_000_000, 4096, 7, 2048]);
    }

    #[test]
    fn what_is_no_size_is_named_with_a_cure() {
        for text in ["", "GiB", "1.5GiB", "-1", "99999999TiB"] {
            assert!(parse(text).unwrap_err().contains("as 1GiB"), "{text}");
        }
    }
}
