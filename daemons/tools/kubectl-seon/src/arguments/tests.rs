use super::*;

fn parsed(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::parse(line.split(' ').map(OsString::from).collect())
}

/// The words that go into the pod, and the instance.
fn relayed(line: &str) -> (String, Option<String>) {
    let Relay { words, instance } = match parsed(line).unwrap().command {
        Command::Relay(relay) => relay,
        Command::Enqueue(enqueue) => enqueue.relay,
        other => panic!("{other:?} is not carried out in a pod"),
    };
    (words.join(OsStr::new(" ")).into_string().unwrap(), instance)
}

#[test]
fn the_grammar_has_no_two_options_of_one_name() {
    grammar().debug_assert();
}

#[test]
fn commands_of_one_machine_go_into_the_pod_with_the_same_words() {
    let relayed = |line| relayed(&format!("kubectl-seon {line}")).0;
    assert_eq!(relayed("ps"), "ps");
    assert_eq!(relayed("queue -a -p bolt --limit 7"), "queue --partner=bolt --all --limit=7");
    assert_eq!(relayed("queue hold 17 18"), "queue hold -- 17 18");
    assert_eq!(relayed("received -s failed"), "received --state=failed");
    assert_eq!(relayed("journal -f --since 2h"), "journal --since=2h --follow");
    assert_eq!(relayed("certificates -p bolt"), "certificates --partner=bolt");
    assert_eq!(
        relayed("received reject 7 --reason 34 --text wrong"),
        "received reject --reason=34 --text=wrong -- 7"
    );
    assert_eq!(relayed("receipts release 3"), "receipts release -- 3");
    assert_eq!(relayed("receipts verify 17"), "receipts verify -- 17");
    assert_eq!(relayed("receipts export 17"), "receipts export -- 17");
    assert_eq!(relayed("partner ping bolt --wait 5"), "partner ping --wait=5 -- bolt");
    assert_eq!(relayed("force seonsqd"), "force -- seonsqd");
    assert_eq!(
        relayed("enqueue -p bolt --priority -3 -f a.dat b.dat"),
        "enqueue --partner=bolt --priority=-3 --follow"
    );
}

#[test]
fn the_cluster_s_options_stay_here_wherever_they_stand() {
    let line = "kubectl-seon -n office queue -i acme --context test hold 17 -o json";
    assert_eq!(relayed(line), ("queue hold -- 17".into(), Some("acme".into())));
    let arguments = parsed(line).unwrap();
    assert_eq!(arguments.connection.namespace.as_deref(), Some("office"));
    assert_eq!(arguments.connection.context.as_deref(), Some("test"));
    assert_eq!(arguments.format, Format::Json);
}

#[test]
fn what_is_about_files_of_this_machine_goes_into_no_pod() {
    let command = |line: &str| parsed(&format!("kubectl-seon {line}")).unwrap().command;
    let verify = command("receipts verify --file receipt.json");
    assert!(matches!(verify, Command::VerifyReceipt(_)), "{verify:?}");
    for line in [
        "certificates request acme-files --for Sign,SignReceipt --subject CN=acme",
        "-n office certificates import acme-files --for Sign answer.p7b",
    ] {
        let command = command(line);
        assert!(matches!(command, Command::OwnKey(_)), "{command:?}");
    }
}

#[test]
fn what_one_machine_refuses_is_refused_before_a_pod_is_asked() {
    for line in ["queue hold x", "queue --state lost", "force sendmail", "journal --since soon"] {
        assert!(parsed(&format!("kubectl-seon {line}")).is_err(), "{line}");
    }
}

#[test]
fn a_single_word_that_names_a_daemon_is_the_daemon_of_the_only_instance() {
    let target = |line: &str| match parsed(&format!("kubectl-seon switchover {line}")) {
        Ok(Arguments { command: Command::Switchover(options), .. }) => {
            options.target().map(|(instance, daemon)| (instance.map(str::to_owned), daemon))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(target("seonsqd"), Ok((None, Daemon::Seonsqd)));
    assert_eq!(target("seonrd-tcpip-tls"), Ok((None, Daemon::SeonrdTcpipTls)));
    assert_eq!(target("acme seonrd_tcpip"), Ok((Some("acme".into()), Daemon::SeonrdTcpip)));
    assert!(target("acme").unwrap_err().contains("which daemon? give one of seonrd, "));
    assert!(target("acme sendmail").unwrap_err().contains("\"sendmail\" is not a daemon"));
}

#[test]
fn logs_need_neither_instance_nor_daemon() {
    let target = |line: &str| match parsed(line) {
        Ok(Arguments { command: Command::Logs(options), .. }) => {
            options.target().map(|(instance, daemon)| (instance.map(str::to_owned), daemon))
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(target("kubectl-seon logs"), Ok((None, None)));
    assert_eq!(target("kubectl-seon logs acme -f"), Ok((Some("acme".into()), None)));
    assert!(parsed("kubectl-seon logs -f --previous").is_err());
}
