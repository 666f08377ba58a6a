//! Our messages as libcapi20 reads them: an independent decoder, with the feature `libcapi20`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(feature = "libcapi20")]
mod common;

#[cfg(not(feature = "libcapi20"))]
#[test]
fn every_message_means_to_libcapi20_what_it_means_to_us() {
    support::skip!(libcapi20, "built without the feature libcapi20");
}

#[cfg(feature = "libcapi20")]
mod with_the_library {
    use std::collections::HashMap;

    use capi_sys::library::{info_to_text, message_to_text};
    use capi_sys::message::*;
    use proptest::strategy::{Strategy, ValueTree};
    use proptest::test_runner::TestRunner;

    use super::common::bodies;

    /// The library's buffer for a message's text is small, and above 254 octets of a struct it
    /// reads wrongly; what is real is far below.
    const LONGEST: usize = 180;
    const SAMPLES: usize = 40;

    /// What the library says: the name of the message, and its fields by their names.
    struct Words {
        name: String,
        fields: HashMap<String, String>,
    }

    fn in_words(message: &Message) -> Words {
        let text = message_to_text(&message.encode().unwrap()).unwrap();
        let name = text.split_whitespace().next().unwrap_or_default().to_owned();
        let field = |line: &str| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        Words { name, fields: text.lines().skip(1).filter_map(field).collect() }
    }

    fn number(number: impl Into<u64>) -> String {
        format!("{:#x}", number.into())
    }

    /// The library reads beyond additional information that is not made of `struct`s.
    fn leave_out_additional_information(body: &mut Body) {
        let information = match body {
            Body::AlertRequest(body) => &mut body.additional_information,
            Body::ConnectRequest(body) => &mut body.additional_information,
            Body::ConnectIndication(body) => &mut body.additional_information,
            Body::ConnectResponse(body) => &mut body.additional_information,
            Body::DisconnectRequest(body) => &mut body.additional_information,
            Body::InfoRequest(body) => &mut body.additional_information,
            _ => return,
        };
        *information = Structure::default();
    }

    fn sample(strategy: &impl Strategy<Value = Body>, runner: &mut TestRunner) -> Message {
        loop {
            let mut body = strategy.new_tree(runner).unwrap().current();
            leave_out_additional_information(&mut body);
            let (application, number) = (ApplicationId(0x1234), MessageNumber(0x0567));
            let message = Message { application, number, body };
            if message.encode().is_ok_and(|octets| octets.len() < LONGEST) {
                return message;
            }
        }
    }

    /// The fields of a message whose names and values both of us can tell.
    fn expected(body: &Body) -> Vec<(&'static str, String)> {
        let plci = |plci: &Plci| (IDENTIFIER, number(plci.number()));
        let ncci = |ncci: &Ncci| (IDENTIFIER, number(ncci.number()));
        let info = |info: &Info| ("Info", number(info.0));
        match body {
            Body::AlertRequest(body) => vec![plci(&body.plci)],
            Body::AlertConfirmation(body) => vec![plci(&body.plci), info(&body.info)],
            Body::ConnectRequest(body) => {
                vec![
                    (IDENTIFIER, number(body.controller.number())),
                    ("CIPValue", number(body.cip.0)),
                ]
            }
            Body::ConnectConfirmation(body) => vec![plci(&body.plci), info(&body.info)],
            Body::ConnectIndication(body) => {
                vec![plci(&body.plci), ("CIPValue", number(body.cip.0))]
            }
            Body::ConnectResponse(body) => {
                vec![plci(&body.plci), ("Reject", number(body.reject.0))]
            }
            Body::DisconnectConfirmation(body) => vec![plci(&body.plci), info(&body.info)],
            Body::DisconnectIndication(body) => {
                vec![plci(&body.plci), ("Reason", number(body.reason.0))]
            }
            Body::ListenRequest(body) => vec![
                ("InfoMask", number(body.info_mask.0)),
                ("CIPmask", number(body.cip_mask.0)),
                ("CIPmask2", number(body.cip_mask_2.0)),
            ],
            Body::ListenConfirmation(body) => vec![info(&body.info)],
            Body::InfoConfirmation(body) => vec![info(&body.info)],
            Body::InfoIndication(body) => vec![("InfoNumber", number(body.number.0))],
            Body::SelectBProtocolConfirmation(body) => vec![plci(&body.plci), info(&body.info)],
            Body::FacilityConfirmation(body) => {
                vec![info(&body.info), ("FacilitySelector", number(body.selector))]
            }
            Body::FacilityRequest(FacilityRequest { selector, .. })
            | Body::FacilityIndication(FacilityIndication { selector, .. })
            | Body::FacilityResponse(FacilityResponse { selector, .. }) => {
                vec![("FacilitySelector", number(*selector))]
            }
            Body::ConnectB3Confirmation(body) => vec![ncci(&body.ncci), info(&body.info)],
            Body::ConnectB3Response(body) => {
                vec![ncci(&body.ncci), ("Reject", number(body.reject.0))]
            }
            Body::ConnectB3Indication(body) => vec![ncci(&body.ncci)],
            Body::DisconnectB3Confirmation(body) => vec![ncci(&body.ncci), info(&body.info)],
            Body::DisconnectB3Indication(body) => {
                vec![ncci(&body.ncci), ("Reason_B3", number(body.reason.0))]
            }
            Body::DataB3Request(body) => data(body.ncci, body.handle, body.flags, &body.data),
            Body::DataB3Indication(body) => data(body.ncci, body.handle, body.flags, &body.data),
            Body::DataB3Confirmation(body) => {
                vec![ncci(&body.ncci), ("DataHandle", number(body.handle.0)), info(&body.info)]
            }
            Body::DataB3Response(body) => {
                vec![ncci(&body.ncci), ("DataHandle", number(body.handle.0))]
            }
            Body::ResetB3Confirmation(body) => vec![ncci(&body.ncci), info(&body.info)],
            Body::ManufacturerRequest(body) => {
                vec![("ManuID", number(body.manufacturer)), ("Class", number(body.class))]
            }
            _ => Vec::new(),
        }
    }

    const IDENTIFIER: &str = "Controller/PLCI/NCCI";

    fn data(
        ncci: Ncci,
        handle: DataHandle,
        flags: DataFlags,
        data: &[u8],
    ) -> Vec<(&'static str, String)> {
        vec![
            (IDENTIFIER, number(ncci.number())),
            ("DataLength", number(u16::try_from(data.len()).unwrap())),
            ("DataHandle", number(handle.0)),
            ("Flags", number(flags.0)),
        ]
    }

    #[test]
    fn every_message_means_to_libcapi20_what_it_means_to_us() {
        let mut runner = TestRunner::deterministic();
        for strategy in bodies() {
            for _ in 0..SAMPLES {
                let message = sample(&strategy, &mut runner);
                let words = in_words(&message);
                assert_eq!(words.name, message.body.command().name());
                for (field, value) in expected(&message.body) {
                    assert_eq!(words.fields.get(field), Some(&value), "{field} of {message:?}");
                }
            }
        }
    }

    fn words_of(body: impl Into<Body>) -> HashMap<String, String> {
        let (application, number) = (ApplicationId(1), MessageNumber(1));
        in_words(&Message { application, number, body: body.into() }).fields
    }

    fn plci() -> Plci {
        Plci::new(Controller::new(1).unwrap(), 1)
    }

    #[test]
    fn oftps_protocols_mean_to_libcapi20_iso_8208_over_iso_7776_with_windows_of_7() {
        let words = words_of(ConnectResponse {
            protocol: BProtocol::oftp(),
            ..ConnectResponse::to(plci(), Reject::ACCEPT)
        });
        assert_eq!(words["B1protocol"], "0x0");
        assert_eq!(words["B2protocol"], "0x0");
        assert_eq!(words["B3protocol"], "0x2");
        assert_eq!(words["B2configuration"], "<03 01 08 07 00>");
        assert_eq!(words["B3configuration"], "<00 00 00 00 01 00 01 00 00 00 00 00 08 00 07 00>",);
    }

    #[test]
    fn numbers_mean_to_libcapi20_their_digits() {
        let words = words_of(ConnectRequest {
            cip: Cip::UNRESTRICTED_DIGITAL,
            called_number: CalledNumber::of(&"12345".parse().unwrap()),
            calling_number: CallingNumber::of(&"77".parse().unwrap()),
            ..ConnectRequest::to(Controller::new(1).unwrap())
        });
        assert_eq!(words["CalledPartyNumber"], "<80>12345");
        assert_eq!(words["CallingPartyNumber"], "<00 80>77");
    }

    #[test]
    fn a_call_packet_is_to_libcapi20_the_ncpi_that_we_mean() {
        let contents = CallContents { facilities: Facilities::oftp(), ..CallContents::default() };
        let words =
            words_of(ConnectB3Request { plci: plci(), ncpi: X25Ncpi::call(&contents).encode() });
        // It shows the facilities' codes 43 and 42 as the letters that they are in ASCII.
        assert_eq!(words["NCPI"].replace(' ', ""), "<0000010006>C<0707>B<0707>");
    }

    #[test]
    fn libcapi20_has_words_for_the_codes_that_we_name() {
        for info in Info::KNOWN.iter().filter(|info| (0x1001..0x3480).contains(&info.0)) {
            assert!(!info_to_text(*info).is_empty(), "{info}");
        }
    }
}

/// The library's whole way: its client against a remote CAPI of a few lines.
#[cfg(feature = "libcapi20")]
mod as_a_client {
    use std::ffi::CString;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use capi_sys::library::{Application, is_installed, profile, use_remote};
    use capi_sys::message::*;
    use capi_sys::remote::{Control, Deframer, Dialect, Packet, Register, Version, frame};

    const PATIENCE: Duration = Duration::from_secs(30);

    fn serve(mut stream: TcpStream) {
        let mut deframer = Deframer::default();
        let mut octets = [0; 4096];
        loop {
            let mut answer = Vec::new();
            while let Some(message) = deframer.next_message().unwrap() {
                for message in answers(Packet::decode(message).unwrap()) {
                    frame(&message, &mut answer).unwrap();
                }
            }
            if stream.write_all(&answer).is_err() {
                return;
            }
            match stream.read(&mut octets) {
                Ok(0) | Err(_) => return,
                Ok(length) => deframer.push(&octets[..length]),
            }
        }
    }

    /// Listening brings a block of data, and a block of data comes back.
    fn answers(packet: Packet) -> Vec<Vec<u8>> {
        let Message { application, number, body } = match packet {
            Packet::Message(message) => message,
            Packet::Control(control) => return vec![answer(&control).encode(Dialect::Libcapi)],
        };
        let bodies: Vec<Body> = match body {
            Body::ListenRequest(ListenRequest { controller, .. }) => {
                vec![ListenConfirmation { controller, info: Info::SUCCESS }.into()]
            }
            Body::DataB3Request(DataB3Request { ncci, handle, flags, data }) => vec![
                DataB3Confirmation { ncci, handle, info: Info::SUCCESS }.into(),
                DataB3Indication { ncci, handle, flags, data }.into(),
            ],
            _ => Vec::new(),
        };
        bodies
            .into_iter()
            .map(|body| Message { application, number, body }.encode().unwrap())
            .collect()
    }

    fn answer(control: &Control) -> Control {
        let (info, version) = (Info::SUCCESS, Version::default());
        match control {
            Control::RegisterRequest(_) => Control::RegisterConfirmation(info),
            Control::ProfileRequest(_) => {
                let profile = Profile { controllers: 1, b3: 0b101, ..Profile::default() };
                Control::ProfileConfirmation { info, profile }
            }
            Control::ManufacturerRequest(_) => Control::ManufacturerConfirmation("Seon".to_owned()),
            Control::SerialNumberRequest(_) => Control::SerialNumberConfirmation("1".to_owned()),
            Control::VersionRequest(_) => Control::VersionConfirmation(version),
            control => panic!("{control:?} is not expected of libcapi20"),
        }
    }

    fn get(application: &Application) -> Body {
        let octets = application.get(PATIENCE).unwrap().unwrap();
        Message::decode(&octets).unwrap().body
    }

    #[test]
    fn libcapi20_registers_with_our_frames_and_carries_our_messages_and_data() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                std::thread::spawn(move || serve(stream.unwrap()));
            }
        });
        use_remote(&CString::new("127.0.0.1").unwrap(), port);
        is_installed().unwrap();
        assert_eq!(profile(1).unwrap().b3, 0b101);

        let application = Application::register(Register::for_connections(2)).unwrap();
        let put = |body: Body| {
            let message = Message { application: application.id(), number: MessageNumber(1), body };
            application.put(&message.encode().unwrap()).unwrap();
        };
        let controller = Controller::new(1).unwrap();
        let listen = ListenRequest::on(controller, CipMask::UNRESTRICTED_DIGITAL, InfoMask::CAUSE);
        put(listen.into());
        let expected = ListenConfirmation { controller, info: Info::SUCCESS };
        assert_eq!(get(&application), expected.into());

        let ncci = Ncci::new(Plci::new(controller, 1), 1);
        let (handle, flags, data) = (DataHandle(5), DataFlags::MORE, vec![7; 2048]);
        put(DataB3Request { ncci, handle, flags, data: data.clone() }.into());
        let expected = DataB3Confirmation { ncci, handle, info: Info::SUCCESS };
        assert_eq!(get(&application), expected.into());
        let Body::DataB3Indication(indication) = get(&application) else { panic!("no data") };
        assert_eq!(indication.data, data);
        assert_eq!(indication.flags, DataFlags::MORE);
        // The library hands out handles of its own, and takes them back by this.
        put(DataB3Response { ncci, handle: indication.handle }.into());
        assert_eq!(application.get(Duration::ZERO), Ok(None));
    }
}
