//! libcapi20 as the partner of our line: a client that others wrote, with the feature `libcapi20`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "libcapi20")]
#[macro_use]
mod common;

#[cfg(not(feature = "libcapi20"))]
#[test]
fn libcapi20_by_remote_capi_and_our_line_call_each_other_and_carry_units() {
    support::skip!(libcapi20, "built without the feature libcapi20");
}

#[cfg(not(feature = "libcapi20"))]
#[test]
fn libcapi20_by_device_and_our_line_call_each_other_and_carry_units() {
    support::skip!(libcapi20, "built without the feature libcapi20");
}

#[cfg(not(feature = "libcapi20"))]
#[test]
fn libcapi20_calls_our_daemon_and_hears_its_greeting() {
    support::skip!(libcapi20, "built without the feature libcapi20");
}

#[cfg(feature = "libcapi20")]
mod with_the_library {
    use std::collections::VecDeque;
    use std::ffi::CString;

    use capi::Connection;
    use capi::machine::response_to;
    use capi_sim::Exchange;
    use capi_sys::library::{self, Application};
    use capi_sys::message::*;
    use capi_sys::remote::Register;

    use support::{TemporaryDirectory, guarded_command};

    use super::common::*;

    const UNITS: [usize; 7] = [1, 127, 128, 129, 256, 2048, 5000];
    const BLOCK: usize = 128;

    fn units(seed: u64) -> Vec<Vec<u8>> {
        let mut random = support::PseudoRandom::new(seed);
        UNITS.into_iter().map(|length| random.octets(length)).collect()
    }

    /// A program on libcapi20.
    struct Client {
        application: Application,
        last_request: MessageNumber,
        /// What came while something else was waited for.
        waiting: VecDeque<(MessageNumber, Body)>,
    }

    impl Client {
        fn new() -> Self {
            let application = Application::register(Register::for_connections(1)).unwrap();
            Self { application, last_request: MessageNumber(0), waiting: VecDeque::new() }
        }

        fn put(&self, number: MessageNumber, body: Body) {
            let message = Message { application: self.application.id(), number, body };
            self.application.put(&message.encode().unwrap()).unwrap();
        }

        fn ask(&mut self, body: impl Into<Body>) {
            self.last_request = self.last_request.next();
            self.put(self.last_request, body.into());
        }

        fn get(&mut self) -> (MessageNumber, Body) {
            let octets = self.application.get(PATIENCE).unwrap().expect("libcapi20 hears nothing");
            let Message { number, body, .. } = Message::decode(&octets).unwrap();
            (number, body)
        }

        /// The next message that is wanted; those before it stay.
        fn wait<T>(&mut self, wanted: impl Fn(&Body) -> Option<T>) -> (MessageNumber, T) {
            let known = self.waiting.iter().position(|(_, body)| wanted(body).is_some());
            loop {
                let (number, body) = match known {
                    Some(position) => self.waiting.remove(position).unwrap(),
                    None => self.get(),
                };
                match wanted(&body) {
                    Some(value) => return (number, value),
                    None => self.waiting.push_back((number, body)),
                }
            }
        }

        /// The same, answered as every indication is.
        fn hear<T>(&mut self, wanted: impl Fn(&Body) -> Option<T>) -> T {
            let (number, (value, response)) =
                self.wait(|body| wanted(body).map(|value| (value, response_to(body))));
            if let Some(response) = response {
                self.put(number, response);
            }
            value
        }

        fn listen(&mut self) {
            let kinds = CipMask::UNRESTRICTED_DIGITAL;
            self.ask(ListenRequest::on(controller(1), kinds, InfoMask::NONE));
            self.hear(|body| match body {
                Body::ListenConfirmation(body) if body.info.is_success() => Some(()),
                _ => None,
            });
        }

        fn call(&mut self, digits: &str) -> Ncci {
            self.ask(ConnectRequest {
                cip: Cip::UNRESTRICTED_DIGITAL,
                called_number: CalledNumber::of(&number(digits)),
                calling_number: CallingNumber::of(&number(FIRST)),
                protocol: BProtocol::oftp(),
                ..ConnectRequest::to(controller(1))
            });
            let plci = self.hear(|body| match body {
                Body::ConnectConfirmation(body) if body.info.is_success() => Some(body.plci),
                _ => None,
            });
            self.hear(|body| matches!(body, Body::ConnectActiveIndication(_)).then_some(()));
            self.ask(ConnectB3Request { plci, ncpi: Structure::default() });
            self.connected()
        }

        fn answer(&mut self) -> Ncci {
            let (number, plci) = self.wait(|body| match body {
                Body::ConnectIndication(body) => Some(body.plci),
                _ => None,
            });
            let protocol = BProtocol::oftp();
            let response =
                ConnectResponse { protocol, ..ConnectResponse::to(plci, Reject::ACCEPT) };
            self.put(number, response.into());
            self.hear(|body| matches!(body, Body::ConnectActiveIndication(_)).then_some(()));
            let (number, ncci) = self.wait(|body| match body {
                Body::ConnectB3Indication(body) => Some(body.ncci),
                _ => None,
            });
            let (reject, nothing) = (RejectB3::ACCEPT, Structure::default());
            self.put(number, ConnectB3Response { ncci, reject, ncpi: nothing }.into());
            self.connected()
        }

        fn connected(&mut self) -> Ncci {
            self.hear(|body| match body {
                Body::ConnectB3ActiveIndication(body) => Some(body.ncci),
                _ => None,
            })
        }

        /// One block at a time.
        fn send(&mut self, ncci: Ncci, unit: &[u8]) {
            let blocks = unit.chunks(BLOCK).collect::<Vec<_>>();
            for (index, block) in blocks.iter().enumerate() {
                let is_last = index + 1 == blocks.len();
                let flags = if is_last { DataFlags::NONE } else { DataFlags::MORE };
                let handle = DataHandle(u16::try_from(index).unwrap());
                self.ask(DataB3Request { ncci, handle, flags, data: block.to_vec() });
                self.hear(|body| match body {
                    Body::DataB3Confirmation(body) if body.info.is_success() => Some(()),
                    _ => None,
                });
            }
        }

        fn receive(&mut self) -> Vec<u8> {
            let mut unit = Vec::new();
            loop {
                let (flags, data) = self.hear(|body| match body {
                    Body::DataB3Indication(body) => Some((body.flags, body.data.clone())),
                    _ => None,
                });
                unit.extend(data);
                if !flags.contains(DataFlags::MORE) {
                    return unit;
                }
            }
        }

        fn is_hung_up_on(&mut self) {
            self.hear(|body| matches!(body, Body::DisconnectB3Indication(_)).then_some(()));
            self.hear(|body| matches!(body, Body::DisconnectIndication(_)).then_some(()));
        }

        fn hang_up(&mut self, ncci: Ncci) {
            self.ask(DisconnectB3Request { ncci, ncpi: Structure::default() });
            self.hear(|body| matches!(body, Body::DisconnectB3Indication(_)).then_some(()));
            self.hear(|body| matches!(body, Body::DisconnectIndication(_)).then_some(()));
        }

        fn carry(&mut self, ncci: Ncci) {
            for (ours, theirs) in units(1).iter().zip(units(2)) {
                self.send(ncci, ours);
                assert!(self.receive() == theirs, "libcapi20 got something else");
            }
        }
    }

    async fn carry(connection: &mut Connection) {
        for (theirs, ours) in units(1).into_iter().zip(units(2)) {
            let got = within("a unit of libcapi20's", connection.receive()).await;
            assert!(got == Some(theirs), "our line got something else");
            connection.send(ours).await.unwrap();
        }
    }

    /// The library has one CAPI for a process: all tests but one are started again in a process of
    /// their own.
    const IN_PROCESS: &str = "SEON_TEST_OWN_PROCESS";

    /// Mounts a `/dev` with what the library and FUSE need, and starts the arguments.
    const OWN_DEV: &str = "
        set -e
        mount -t tmpfs seon-test \"$0\"
        mkdir -m 1777 \"$0/shm\"
        for name in fuse null random urandom; do
          : >\"$0/$name\"
          mount --bind \"/dev/$name\" \"$0/$name\"
        done
        mount --rbind \"$0\" /dev
        exec \"$@\"
    ";

    /// Runs a test in a process of its own, whose `/dev` is its own, too: processes share the
    /// library's memory in `/dev/shm`.
    fn pass_in_a_process_of_its_own(test: &str) {
        let directory = TemporaryDirectory::new();
        let output = guarded_command("unshare")
            .args(["--mount", "sh", "-c", OWN_DEV])
            .arg(directory.path())
            .arg(std::env::current_exe().unwrap())
            .args([&format!("with_the_library::{test}"), "--exact", "--nocapture"])
            .env(IN_PROCESS, "1")
            .env("HOME", directory.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn libcapi20_by_remote_capi_and_our_line_call_each_other_and_carry_units() {
        let exchange = Exchange::new(ports());
        let remote = exchange.remote(loopback()).await.unwrap();
        let host = CString::new(remote.address().ip().to_string()).unwrap();
        library::use_remote(&host, remote.address().port());
        call_each_other(&exchange).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn libcapi20_by_device_and_our_line_call_each_other_and_carry_units() {
        needs_device!();
        if std::env::var_os(IN_PROCESS).is_none() {
            return pass_in_a_process_of_its_own(
                "libcapi20_by_device_and_our_line_call_each_other_and_carry_units",
            );
        }
        let exchange = Exchange::new(ports());
        let _device = exchange.device("/dev/capi20").unwrap();
        library::use_device();
        call_each_other(&exchange).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn libcapi20_calls_our_daemon_and_hears_its_greeting() {
        needs_device!();
        // Built before, where `/dev` has everything.
        let seon = support::seon_binary();
        if std::env::var_os(IN_PROCESS).is_none() {
            return pass_in_a_process_of_its_own(
                "libcapi20_calls_our_daemon_and_hears_its_greeting",
            );
        }
        let exchange = Exchange::new(ports());
        let remote = exchange.remote(loopback()).await.unwrap();
        let directory = TemporaryDirectory::new();
        std::fs::write(directory.join("acme.yaml"), instance(remote.address().port())).unwrap();
        let arguments = ["up".as_ref(), directory.path().as_os_str()];
        let daemons = support::Process::start(seon, arguments);
        support::wait_until("seonrd_capi_1 takes calls", PATIENCE, async || {
            exchange.listeners(controller(2)) > 0
        })
        .await;
        let _device = exchange.device("/dev/capi20").unwrap();
        library::use_device();
        let client = tokio::task::spawn_blocking(|| {
            let mut client = Client::new();
            let ncci = client.call(SECOND);
            let greeting = client.receive();
            client.hang_up(ncci);
            greeting
        });
        // SSRM (RFC 5024, section 5.3.1), as it is: without a stream transmission header.
        assert_eq!(within("libcapi20", client).await.unwrap(), b"IODETTE FTP READY \r");
        support::wait_until("every call is freed", PATIENCE, async || exchange.legs() == 0).await;
        drop(daemons);
    }

    /// A company whose only line is controller 2.
    fn instance(port: u16) -> String {
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: acme}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: acme-oftp, key: password}}}}
  receive:
    capi: {{controllers: [{{number: 2, remote: {{host: 127.0.0.1, port: {port}}}}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: acme-oftp}}
stringData: {{password: GEHEIM}}
"
        )
    }

    async fn call_each_other(exchange: &Exchange) {
        let way = By::Remote.open(exchange).await;
        let line = listening(&way, settings(2)).await;

        let profile = tokio::task::spawn_blocking(|| {
            library::is_installed().unwrap();
            library::profile(1).unwrap()
        });
        assert_eq!(profile.await.unwrap(), exchange.profile(1).unwrap());

        let client = tokio::task::spawn_blocking(|| {
            let mut client = Client::new();
            let ncci = client.call(SECOND);
            client.carry(ncci);
            client.hang_up(ncci);
            client.listen();
            client
        });
        let call = within("a call", line.accept()).await.unwrap();
        assert_eq!([call.called(), call.calling()], [SECOND, FIRST]);
        let mut connection = within("a connection", call.accept()).await.unwrap();
        carry(&mut connection).await;
        let (units, ending) = drain(&mut connection).await;
        assert_eq!(units, [] as [Vec<u8>; 0]);
        assert_eq!(ending.code(), "E-CAPI-CALL-CLEARED");

        let mut client = within("libcapi20", client).await.unwrap();
        let client = tokio::task::spawn_blocking(move || {
            let ncci = client.answer();
            client.carry(ncci);
            client.is_hung_up_on();
            client
        });
        let calling = line.call(request(FIRST));
        let mut connection = within("a connection", calling).await.unwrap();
        carry(&mut connection).await;
        assert_eq!(within("the end", connection.close()).await.code(), "E-CAPI-CALL-CLOSED");
        drop(within("libcapi20", client).await.unwrap());
        support::wait_until("every call is freed", PATIENCE, async || exchange.legs() == 0).await;
    }
}
