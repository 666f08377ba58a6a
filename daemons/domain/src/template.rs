//! Texts with places in braces, such as `{date}-{dataset}.dat`.

/// A text with places that are filled later, each one of `P`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template<P>(Vec<Part<P>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part<P> {
    Text(String),
    Place(P),
}

impl<P: Copy> Template<P> {
    /// Reads a template with the places that are known. The error is the place that is not, or what
    /// begins with a brace that is alone.
    pub fn parse(text: &str, known: &[(&str, P)]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let close = rest[open..]
                .find('}')
                .filter(|&close| close > 0)
                .ok_or_else(|| rest[open..].to_owned())?;
            let name = &rest[open + 1..open + close];
            let place = known.iter().find(|(known, _)| *known == name);
            parts.push(Part::Place(place.ok_or_else(|| format!("{{{name}}}"))?.1));
            rest = &rest[open + close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The text, with each place as it is filled.
    pub fn fill<T: AsRef<str>>(&self, place: impl Fn(P) -> T) -> String {
        let mut filled = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Place(at) => filled.push_str(place(*at).as_ref()),
            }
        }
        filled
    }

    /// What stands in it as it is.
    pub fn fixed(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Place(_) => None,
        })
    }

    /// Whether it is the same whatever it is filled with.
    pub fn is_fixed(&self) -> bool {
        self.fixed().count() == self.0.len()
    }
}

/// The places of a list, for messages.
pub fn places<P>(known: &[(&str, P)]) -> String {
    known.iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}
