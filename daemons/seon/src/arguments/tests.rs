use domain::PartnerName;
use store::{EntryId, EntryState, ReceiptId, ReceivedState};
use terminal::arguments::{FileFormat, Order, PartnerVerb, ReceiptOrder};

use super::*;

fn parse(line: &str) -> Invocation {
    Invocation::parse(line.split(' ').map(OsString::from).collect()).unwrap()
}

fn refused(line: &str) -> String {
    Invocation::parse(line.split(' ').map(OsString::from).collect()).unwrap_err().to_string()
}

#[test]
fn the_grammar_holds_together() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
    Classic::command().debug_assert();
    ClassicMaster::command().debug_assert();
    seoneq::Options::command().debug_assert();
}

#[test]
fn a_daemon_is_called_by_its_classic_name_or_as_a_subcommand() {
    for daemon in Daemon::SINGLE {
        let options = StartOptions { standby: true, ..StartOptions::default() };
        let expected = Start {
            daemon,
            directory: "./acme".into(),
            run_directory: None,
            migrate: Migrate::Start,
            options,
            without_receivers: false,
        };
        let lines = [
            format!("{daemon} -c ./acme --standby"),
            format!("/opt/seon/bin/{daemon} --standby -c ./acme"),
            format!("seon {daemon} -c ./acme --standby"),
            format!("seon -c ./acme {daemon} --standby"),
        ];
        for line in lines {
            let Invocation::Daemon(start) = parse(&line) else { panic!("{line} is a daemon") };
            assert_eq!(start, expected, "{line}");
        }
    }
}

#[test]
fn a_controllers_daemon_is_called_by_its_classic_name_too() {
    let daemon = Daemon::SeonrdCapi(2.try_into().unwrap());
    for line in ["seonrd_capi_1 -c ./acme", "seon seonrd_capi_1 -c ./acme"] {
        let Invocation::Daemon(start) = parse(line) else { panic!("{line} is a daemon") };
        assert_eq!((start.daemon, start.directory), (daemon, "./acme".into()), "{line}");
    }
    assert!(refused("seon seonrd_capi_127").contains("seonrd_capi_127"));
}

#[test]
fn a_daemon_is_told_how_to_log_and_where_to_be_watched() {
    let line = "seonsqd --log-format json --log-level info,session=debug --admin 127.0.0.1:9305";
    for line in [line.to_owned(), format!("seon {line}")] {
        let Invocation::Daemon(Start { options, .. }) = parse(&line) else { panic!("a daemon") };
        assert_eq!(options.log_format, Some(LogFormat::Json));
        assert_eq!(options.log_level.as_deref(), Some("info,session=debug"));
        assert_eq!(options.admin, "127.0.0.1:9305".parse().ok());
    }
    assert!(refused("seonsqd --admin 9305").contains("--admin"));
    assert!(refused("seonsqd --log-format xml").contains("human"));
}

#[test]
fn a_daemon_in_a_pod_is_told_so_by_options() {
    let line = "seon -c /etc/seon seonrd --standby --watch --admin 0.0.0.0:9110 \
                --reached-at 10.1.2.3 --run-directory /run/seon --migrate never --without-receivers";
    for line in [line.to_owned(), line.replacen("seon -c /etc/seon seonrd", "seonrd", 1)] {
        let Invocation::Daemon(start) = parse(&line) else { panic!("a daemon") };
        assert!(start.without_receivers && start.options.standby && start.options.watch);
        assert_eq!(start.options.reached_at, "10.1.2.3".parse().ok());
        assert_eq!(start.run_directory.as_deref(), Some(Path::new("/run/seon")));
        assert_eq!(start.migrate, Migrate::Never);
    }
    assert!(refused("seonsqd --without-receivers").contains("--without-receivers"));
    assert!(refused("seonsqd --migrate perhaps").contains("never"));
    let Invocation::Tool(arguments) = parse("seon migrate -c ./acme") else { panic!("a tool") };
    assert!(matches!(arguments.command, Command::Migrate));
}

#[test]
fn receipts_are_listed_or_released_and_a_partner_is_called() {
    let Invocation::Tool(arguments) = parse("seon receipts --partner bolt") else { panic!() };
    let Command::Receipts(Receipts { order: None, filter }) = arguments.command else { panic!() };
    assert_eq!(
        (filter.partner.as_ref().map(PartnerName::as_str), filter.all),
        (Some("bolt"), false)
    );

    let Invocation::Tool(arguments) = parse("seon receipts release 7 8") else { panic!("a tool") };
    let Command::Receipts(Receipts { order: Some(ReceiptOrder::Release { ids }), .. }) =
        arguments.command
    else {
        panic!("release")
    };
    assert_eq!(ids, [ReceiptId::from(7), ReceiptId::from(8)]);

    let kept = |line: &str| {
        let Invocation::Tool(arguments) = parse(line) else { panic!("a tool") };
        match arguments.command {
            Command::Receipts(Receipts { order: Some(ReceiptOrder::Verify(kept)), .. }) => {
                (kept.entry, kept.file)
            }
            _ => panic!("verify"),
        }
    };
    assert_eq!(kept("seon receipts verify 7"), (Some(EntryId::from(7)), None));
    assert_eq!(kept("seon receipts verify --file proof"), (None, Some("proof".into())));
    refused("seon receipts verify");
    refused("seon receipts verify 7 --file proof");

    let Invocation::Tool(arguments) = parse("seon partner call bolt") else { panic!("a tool") };
    let Command::Partner(Partner { verb: PartnerVerb::Call(calling) }) = arguments.command else {
        panic!("call")
    };
    assert_eq!((calling.name.as_str(), calling.wait), ("bolt", 60));
}

#[test]
fn a_package_is_shown_made_for_a_partner_or_opened() {
    let cms = |line: &str| {
        let Invocation::Tool(arguments) = parse(line) else { panic!("a tool") };
        let Command::Cms(cms) = arguments.command else { panic!("cms") };
        (cms, arguments.shared.format)
    };
    let (Cms::Show { file }, Format::Json) = cms("seon cms show A.p7m -o json") else { panic!() };
    assert_eq!(file, PathBuf::from("A.p7m"));
    let line = "seon cms wrap --partner bolt --sign --encrypt=no --suite 06 A --to A.p7m";
    let (Cms::Wrap { way, packaging }, _) = cms(line) else { panic!("wrap") };
    assert_eq!((way.partner.as_str(), way.file, way.to), ("bolt", "A".into(), "A.p7m".into()));
    let asked = packaging.asked();
    assert_eq!((asked.sign, asked.encrypt, asked.signed_receipt), (Some(true), Some(false), None));
    let (Cms::Unwrap(way), _) = cms("seon cms unwrap -p bolt A.p7m -t A") else { panic!() };
    assert_eq!((way.file, way.to), ("A.p7m".into(), "A".into()));
    for line in
        ["cms wrap A --to B", "cms unwrap -p bolt A", "cms wrap -p bolt --signed-receipt A -t B"]
    {
        refused(&format!("seon {line}"));
    }
}

#[test]
fn received_files_are_of_a_partner_or_in_a_state() {
    let line = "seon received --partner bolt --state failed -n 5";
    let Invocation::Tool(arguments) = parse(line) else { panic!("a tool") };
    let Command::Received(received) = arguments.command else { panic!("received") };
    assert_eq!(received.filter.partner.as_ref().map(PartnerName::as_str), Some("bolt"));
    assert_eq!((received.filter.state, received.filter.limit), (Some(ReceivedState::Failed), 5));
    assert!(refused("seon received --state perhaps").contains("perhaps"));
}

#[test]
fn the_folder_is_here_unless_told() {
    let Invocation::Tool(arguments) = parse("seon ps") else { panic!("a tool") };
    assert_eq!(arguments.shared.place.directory, PathBuf::from("."));
    let Invocation::Tool(arguments) = parse("seon check -c /srv/acme -o json") else { panic!() };
    assert_eq!(arguments.shared.place.directory, PathBuf::from("/srv/acme"));
    assert_eq!(arguments.shared.format, Format::Json);
}

#[test]
fn seoneq_is_recognised_under_both_names_with_its_own_options() {
    for line in ["seoneq -p bolt -f a -c words", "seon seoneq -p bolt -f a -c words"] {
        let Invocation::Seoneq(options) = parse(line) else { panic!("{line} is seoneq") };
        let wish = options.options().unwrap();
        assert_eq!(wish.comment.as_deref(), Some("words"), "{line}");
    }
}

#[test]
fn enqueue_takes_files_and_options() {
    let line =
        "seon enqueue --partner bolt --follow big.dat --priority -3 --format F --record-length 80";
    let Invocation::Tool(arguments) = parse(line) else { panic!("a tool") };
    let Command::Enqueue(wish) = arguments.command else { panic!("enqueue") };
    assert_eq!(wish.files, [PathBuf::from("big.dat")]);
    assert_eq!((wish.priority, wish.follow), (-3, true));
    assert_eq!((wish.file_format, wish.record_length), (FileFormat::Fixed, Some(80)));
}

#[test]
fn the_queue_is_listed_or_ordered_about() {
    let Invocation::Tool(arguments) = parse("seon queue --partner bolt --state blocked") else {
        panic!("a tool")
    };
    let Command::Queue(queue) = arguments.command else { panic!("queue") };
    assert!(queue.order.is_none());
    assert_eq!(queue.filter.state, Some(EntryState::Blocked));

    let Invocation::Tool(arguments) = parse("seon queue unblock 17 18") else { panic!("a tool") };
    let Command::Queue(Queue { order: Some(Order::Unblock(entries)), .. }) = arguments.command
    else {
        panic!("unblock")
    };
    assert_eq!(entries.ids, [EntryId::from(17), EntryId::from(18)]);
}

#[test]
fn wrong_words_are_refused_with_what_was_expected() {
    assert!(refused("seon queue --state tired").contains("acknowledged"));
    assert!(refused("seon journal --since yesterday").contains("as 15m"));
    assert!(refused("seon force seonfoo").contains("seonrd_tcpip"));
    assert!(refused("seonsqd --frobnicate").contains("--frobnicate"));
    assert!(refused("seon queue hold").contains("<ID>"));
}

#[test]
fn up_takes_a_folder_of_its_own_or_the_one_of_the_instance() {
    let Invocation::Tool(arguments) = parse("seon up ./acme") else { panic!("a tool") };
    let Command::Up(up) = arguments.command else { panic!("up") };
    assert_eq!(up.folder, Some(PathBuf::from("./acme")));
    let Invocation::Tool(arguments) = parse("seon up -c ./acme") else { panic!("a tool") };
    let Command::Up(up) = arguments.command else { panic!("up") };
    assert_eq!((up.folder, arguments.shared.place.directory), (None, PathBuf::from("./acme")));
}
