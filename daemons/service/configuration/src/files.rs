//! How received files are named.

use std::fmt;

use oftp::FileIdentity;

use domain::PartnerName;

/// A pattern: `*` stands for any characters, `?` for one, everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Every text is a pattern.
    pub(crate) fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// Whether all of the text matches. Takes time in proportion to both lengths' product at most.
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) =
            (self.0.chars().collect::<Vec<_>>(), text.chars().collect::<Vec<_>>());
        let (mut p, mut t) = (0, 0);
        // Where to go on if the characters after the last star turn out not to match.
        let mut resume: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some('*') => {
                    resume = Some((p + 1, t));
                    p += 1;
                }
                Some(&c) if c == '?' || c == text[t] => {
                    p += 1;
                    t += 1;
                }
                _ => match resume {
                    Some((after_star, start)) => {
                        (p, t) = (after_star, start + 1);
                        resume = Some((after_star, start + 1));
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&c| c == '*')
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a partner's files are named when they are delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRules {
    partner: PartnerName,
    rules: Vec<(Glob, Template)>,
}

impl FileRules {
    pub(crate) fn new(partner: PartnerName, rules: Vec<(Glob, Template)>) -> Self {
        Self { partner, rules }
    }

    /// The file's name in the partner's folder: by the first rule that matches, or else the
    /// dataset name. Always one plain name of 1 to 255 octets: without `/`, NUL and control
    /// characters, not hidden, and not one of the endings that hot folders pass over.
    pub fn file_name(&self, identity: &FileIdentity) -> String {
        let dataset = identity.dataset_name.as_str();
        let name = self.rules.iter().find(|(pattern, _)| pattern.matches(dataset)).map_or_else(
            || dataset.to_owned(),
            |(_, template)| template.fill(identity, &self.partner),
        );
        plain(&name)
    }
}

/// A file name with places for what the file's identity says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Template(domain::template::Template<Place>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Dataset,
    Date,
    Time,
    Counter,
    Originator,
    Destination,
    Partner,
}

const PLACES: [(&str, Place); 7] = [
    ("dataset", Place::Dataset),
    ("date", Place::Date),
    ("time", Place::Time),
    ("counter", Place::Counter),
    ("originator", Place::Originator),
    ("destination", Place::Destination),
    ("partner", Place::Partner),
];

impl Template {
    /// Reads a template; the error is the place that is not known, or the brace that is alone.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        domain::template::Template::parse(text, &PLACES).map(Self)
    }

    fn fill(&self, identity: &FileIdentity, partner: &PartnerName) -> String {
        // CCYYMMDDHHMMSScccc
        let stamp = identity.stamp.to_string();
        let stamp = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
        self.0.fill(|place| match place {
            Place::Dataset => identity.dataset_name.as_str(),
            Place::Date => stamp(0, 8),
            Place::Time => stamp(8, 14),
            Place::Counter => stamp(14, 18),
            Place::Originator => identity.originator.as_str(),
            Place::Destination => identity.destination.as_str(),
            Place::Partner => partner.as_str(),
        })
    }
}

/// Every known place, for messages.
pub(crate) fn places() -> String {
    domain::template::places(&PLACES)
}

/// Makes a plain file name of what a partner had a say in.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.trim().chars() {
        let c = if c == '/' || c == '\\' || c.is_control() { '_' } else { c };
        // Room for what the spool appends to keep names apart.
        if plain.len() + c.len_utf8() > 200 {
            break;
        }
        plain.push(c);
    }
    // Names that a hot folder passes over (spool) would lie in a chain of folders for ever.
    let ends = |ending: &str| plain.to_ascii_lowercase().ends_with(ending);
    if ends(".part") || ends(".tmp") {
        plain.push('_');
    }
    if plain.is_empty() || plain.starts_with('.') {
        plain.insert(0, '_');
    }
    plain
}
