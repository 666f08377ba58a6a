//! RFC 5024 Appendix A: a text and the exchange buffers that the RFC builds from it.

use oftp::command::{Command, Data, Sfid, Sfpa};
use oftp::field::{BufferSize, Counts, Format};
use oftp::session::{Event, Request, State};

use crate::bench::{Bench, SECOND, ours, sfid, theirs};

const RIME: &str = concat!(
    "It is an ancient Mariner,\r\n",
    "And he stoppeth one of three.\r\n",
    "\"By thy long grey beard and glittering eye,\r\n",
    "Now wherefore stopp'st thou me?\r\n",
    "\r\n",
    "\"The Bridegroom's doors are opened wide,\r\n",
    "And I am next of kin;\r\n",
    "The guests are met, the feast is set:\r\n",
    "May'st hear the merry din.\"\r\n",
    "\r\n",
    "He holds him with his skinny hand,\r\n",
    "\"There was a ship,\" quoth he.\r\n",
    "\"Hold off! unhand me, grey-beard loon!\"\r\n",
    "Eftsoons his hand dropt he.\r\n",
    "\r\n",
    "He holds him with his glittering eye--\r\n",
    "The Wedding-Guest stood still,\r\n",
    "And listens like a three years; child:\r\n",
    "The Mariner hath his will.\r\n",
    "\r\n",
    "The Wedding-Guest sat on a stone:\r\n",
    "He cannot chuse but hear;\r\n",
    "And thus spake on that ancient man,\r\n",
    "The bright-eyed Mariner.\r\n",
    "\r\n",
    "The ship was cheered, the harbour cleared,\r\n",
    "Merrily did we drop\r\n",
    "Below the kirk, below the hill,\r\n",
    "Below the light-house top.\r\n",
);

/// The exchange buffer of the appendix, from the RFC's print: two lines of hexadecimal digits under
/// every line of text.
fn printed() -> Vec<u8> {
    include_str!("appendix_a.txt")
        .lines()
        .collect::<Vec<_>>()
        .chunks(2)
        .flat_map(|digits| {
            let [high, low] = digits else { panic!("digits come in pairs of lines") };
            high.chars().zip(low.chars()).map(|(high, low)| {
                let digit = |character: char| character.to_digit(16).unwrap();
                u8::try_from(digit(high) * 16 + digit(low)).unwrap()
            })
        })
        .collect()
}

/// A session that sends the text, up to SFPA.
fn speaker() -> Bench {
    let buffer_size = BufferSize::try_from(1024).unwrap();
    let mut bench = Bench::initiator(oftp::session::Terms { buffer_size, ..ours() });
    bench.session.connected(SECOND);
    bench.gets(&Command::Ssrm);
    bench.gets(&Command::Ssid(oftp::Ssid { buffer_size, ..theirs() }));
    let sfid = Sfid { format: Format::Text, ..sfid() };
    bench.asks(Request::StartFile(Box::new(sfid))).unwrap();
    bench.gets(&Command::Sfpa(Sfpa { restart: 0 }));
    bench.outputs();
    bench
}

fn counts() -> Counts {
    Counts { records: 0, octets: RIME.len() as u64 }
}

#[test]
fn the_text_makes_the_exchange_buffer_of_the_rfc_octet_for_octet() {
    for piece in [1, 7, 64, 1000] {
        let mut bench = speaker();
        for octets in RIME.as_bytes().chunks(piece) {
            assert_eq!(bench.session.send_data(octets, bench.now), Ok(octets.len()));
        }
        bench.asks(Request::CloseFile { already: Counts::default() }).unwrap();
        let sub_records = printed()[1..].to_vec();
        let data = Command::Data(Data { sub_records });
        assert_eq!(bench.said(), [data, Command::Efid(counts())]);
    }
}

#[test]
fn the_exchange_buffer_of_the_rfc_makes_the_text() {
    let buffer_size = BufferSize::try_from(1024).unwrap();
    let mut bench = Bench::in_state(State::ConnectedOnly);
    bench.gets(&Command::Ssid(oftp::Ssid { buffer_size, ..theirs() }));
    let terms = oftp::session::Terms { buffer_size, ..ours() };
    bench.asks(Request::AcceptSession(Box::new(terms))).unwrap();
    bench.gets(&Command::Sfid(Sfid { format: Format::Text, ..sfid() }));
    bench.asks(Request::AcceptFile { restart: 0, already: Counts::default() }).unwrap();
    bench.outputs();
    bench.gets(&Command::Data(Data { sub_records: printed()[1..].to_vec() }));
    assert_eq!(str::from_utf8(&bench.payload), Ok(RIME));
    bench.gets(&Command::Efid(counts()));
    let (announced, seen) = (counts(), counts());
    assert_eq!(bench.told(), [Event::FileEnded { announced, seen, fault: None }]);
}
