//! YAML as a tree that knows where everything stands.
//!
//! One parser gives both values and places, so that they cannot disagree.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use zeroize::Zeroizing;

/// A place in a file: line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value and where it stands: a mapping's value where its key does.
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

impl Node {
    /// The fields of a mapping, in their order.
    pub(crate) fn fields(&self) -> &[(String, Node)] {
        match &self.value {
            Value::Mapping(fields) => fields,
            Value::Scalar(_) | Value::Sequence(_) => &[],
        }
    }

    /// The field of a mapping, if this is one and has it.
    pub(crate) fn field(&self, name: &str) -> Option<&Node> {
        self.fields().iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The entries of a sequence.
    pub(crate) fn items(&self) -> &[Node] {
        match &self.value {
            Value::Sequence(items) => items,
            Value::Scalar(_) | Value::Mapping(_) => &[],
        }
    }

    /// Where the path below this node stands, or the nearest that does.
    pub(crate) fn place_of(&self, path: &str) -> Place {
        let mut node = self;
        for step in path.split(['.', '[']) {
            let step = step.trim_end_matches(']');
            let next = match &node.value {
                Value::Mapping(_) => node.field(step),
                Value::Sequence(items) => step.parse::<usize>().ok().and_then(|i| items.get(i)),
                Value::Scalar(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => break,
            }
        }
        node.place
    }
}

/// A value. No `Debug`, because it may be a Secret's.
pub(crate) enum Value {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(String, Node)>),
}

/// A scalar as written, wiped when dropped.
pub(crate) struct Scalar {
    pub(crate) text: Zeroizing<String>,
    quoted: bool,
}

/// What a scalar is, by the rules that Kubernetes' own YAML reader follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning {
    Null,
    Boolean(bool),
    Integer(i64),
    /// A number that is not a whole one, or too large for one.
    Number,
    Text,
}

/// What stops the reading of a file.
pub(crate) struct YamlError {
    pub(crate) place: Place,
    pub(crate) message: String,
    /// Whether the message is about a key that stands twice.
    pub(crate) duplicate: bool,
}

/// Deeper than any manifest, and shallow enough for recursion.
const DEEPEST: usize = 64;

impl Scalar {
    pub(crate) fn meaning(&self) -> Meaning {
        if self.quoted {
            return Meaning::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => {
                Meaning::Boolean(true)
            }
            "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
                Meaning::Boolean(false)
            }
            text => number(text),
        }
    }
}

fn number(text: &str) -> Meaning {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return Meaning::Text;
    }
    // Readers disagree on 010: eight or ten.
    if digits.len() > 1 && digits.bytes().all(|c| c.is_ascii_digit()) && digits.starts_with('0') {
        return Meaning::Number;
    }
    if let Ok(integer) = text.parse() {
        return Meaning::Integer(integer);
    }
    let hexadecimal = |digits: &str| {
        digits
            .strip_prefix("0x")
            .is_some_and(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))
    };
    if text.parse::<f64>().is_ok() || hexadecimal(digits) { Meaning::Number } else { Meaning::Text }
}

/// The documents of a file, empty ones left out. After an error, the documents before it.
pub(crate) fn documents(text: &str) -> (Vec<Node>, Option<YamlError>) {
    let mut documents = Vec::new();
    let mut parser = Parser::new_from_str(text);
    let mut builder = Builder::default();
    while let Some(event) = parser.next_event() {
        let step = event
            .map_err(|error| scan_error(&error))
            .and_then(|(event, span)| builder.take(event, place(span.start)));
        match step {
            Ok(Some(node)) if !is_empty(&node) => documents.push(node),
            Ok(_) => {}
            Err(error) => return (documents, Some(error)),
        }
    }
    (documents, None)
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.meaning() == Meaning::Null)
}

/// Collections that are not yet closed, innermost last.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
}

struct Open {
    place: Place,
    collection: Collection,
}

enum Collection {
    Sequence(Vec<Node>),
    /// With the key that waits for its value.
    Mapping(Vec<(String, Node)>, Option<(String, Place)>),
}

impl Builder {
    /// Takes one event; gives a document's node when that is complete.
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<Option<Node>, YamlError> {
        match event {
            Event::Scalar(_, _, _, Some(_))
            | Event::SequenceStart(_, Some(_))
            | Event::MappingStart(_, Some(_)) => Err(refused(
                place,
                "a tag (!) is not taken here; write the value plainly, or a text in quotes",
            )),
            Event::Alias(_) => {
                Err(refused(place, "an alias (*) is not taken here; write the value out"))
            }
            Event::Scalar(text, style, _, _) => self.put(Node {
                place,
                value: Value::Scalar(Scalar {
                    text: Zeroizing::new(text.into_owned()),
                    quoted: style != ScalarStyle::Plain,
                }),
            }),
            Event::SequenceStart(..) => self.open(place, Collection::Sequence(Vec::new())),
            Event::MappingStart(..) => self.open(place, Collection::Mapping(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(Open { place, collection }) = self.open.pop() else {
                    return Ok(None);
                };
                let value = match collection {
                    Collection::Sequence(items) => Value::Sequence(items),
                    Collection::Mapping(entries, _) => Value::Mapping(entries),
                };
                self.put(Node { place, value })
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => Ok(None),
        }
    }

    fn open(&mut self, place: Place, collection: Collection) -> Result<Option<Node>, YamlError> {
        if self.open.len() >= DEEPEST {
            return Err(refused(place, "this is nested deeper than any manifest; flatten it"));
        }
        self.open.push(Open { place, collection });
        Ok(None)
    }

    fn put(&mut self, node: Node) -> Result<Option<Node>, YamlError> {
        let Some(parent) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut parent.collection {
            Collection::Sequence(items) => items.push(node),
            Collection::Mapping(entries, waiting) => match (waiting.take(), node.value) {
                (Some((key, place)), value) => entries.push((key, Node { place, value })),
                (None, Value::Scalar(key)) => {
                    if let Some((_, first)) = entries.iter().find(|(other, _)| *other == *key.text)
                    {
                        return Err(YamlError {
                            place: node.place,
                            message: format!(
                                "{} stands here and in line {} already; leave one of them",
                                *key.text, first.place.line,
                            ),
                            duplicate: true,
                        });
                    }
                    *waiting = Some((key.text.to_string(), node.place));
                }
                (None, _) => {
                    return Err(refused(node.place, "a key must be one word; put it in quotes"));
                }
            },
        }
        Ok(None)
    }
}

fn refused(place: Place, message: &str) -> YamlError {
    YamlError { place, message: message.into(), duplicate: false }
}

fn scan_error(error: &ScanError) -> YamlError {
    YamlError {
        place: place(*error.marker()),
        message: format!(
            "this is not YAML: {}; look at the indentation and at quotes",
            error.info()
        ),
        duplicate: false,
    }
}

/// The parser counts lines from 1 and columns from 0.
fn place(marker: Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}
