//! What Argo CD shows of an instance, by the script that is made for it.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::process::{Command, Output};

use serde_json::{Value, json};

/// The scripts by their names in the settings of Argo CD.
fn scripts() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/argocd/argocd-cm.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    // The parser of kubectl follows anchors too.
    serde_yaml::from_str::<Value>(&text).unwrap()["data"].clone()
}

/// A value as Lua writes it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Array(items) => {
            format!("{{{}}}", items.iter().map(lua).collect::<Vec<_>>().join(","))
        }
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("[\"{key}\"]={}", lua(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

fn run(program: &str, script: &str, object: &Value) -> Output {
    let code = format!(
        "local obj = {}\nlocal health = (function() {script} end)()\nprint(health.status)\n\
         print(health.message)",
        lua(object),
    );
    Command::new(program).args(["-e", &code]).output().unwrap()
}

/// An object whose status says this.
fn object(generation: i64, conditions: &[(&str, &str, &str)]) -> Value {
    let conditions = conditions.iter().map(|(kind, status, reason)| {
        json!({"type": kind, "status": status, "reason": reason, "message": format!("of {kind}")})
    });
    let conditions: Vec<_> = conditions.collect();
    json!({
        "metadata": {"generation": 2},
        "status": {"observedGeneration": generation, "conditions": conditions},
    })
}

#[test]
fn argo_cd_shows_what_the_conditions_say() {
    let is_there = |program: &&&str| Command::new(program).arg("-v").output().is_ok();
    let Some(program) = ["lua5.4", "lua5.3", "lua5.1", "lua"].iter().find(is_there) else {
        support::skip!("lua is not installed");
    };
    let scripts = scripts();
    let ready = ("Ready", "True", "AsWanted");
    let stalled = ("Stalled", "True", "RolloutHalted");
    let reconciling = ("Reconciling", "True", "RollingOut");
    for (what, object, status, message) in [
        ("nothing yet", json!({"metadata": {"generation": 2}}), "Progressing", "not looked at it"),
        ("an older spec", object(1, &[ready]), "Progressing", "newest spec"),
        ("well", object(2, &[ready, ("Stalled", "False", "AsWanted")]), "Healthy", "of Ready"),
        ("on its way", object(2, &[ready, reconciling]), "Progressing", "of Reconciling"),
        ("halted", object(2, &[("Ready", "False", "x"), stalled]), "Degraded", "of Stalled"),
        (
            "a lost node",
            object(2, &[ready, ("Degraded", "True", "NodeLost")]),
            "Degraded",
            "of Degraded",
        ),
        ("suspended", object(2, &[("Ready", "False", "Suspended")]), "Suspended", "of Ready"),
        ("not ready", object(2, &[("Ready", "False", "NoActivePod")]), "Progressing", "of Ready"),
    ] {
        for kind in ["SeonInstance", "SeonPartner"] {
            let name = format!("resource.customizations.health.seon.dev_{kind}");
            let output = run(program, scripts[&name].as_str().unwrap(), &object);
            let said = String::from_utf8(output.stdout).unwrap();
            let errors = String::from_utf8_lossy(&output.stderr);
            let (found, words) = said.split_once('\n').unwrap_or((&said, ""));
            assert_eq!(found, status, "{kind}: {what}: {errors}");
            assert!(words.contains(message), "{kind}: {what}: {words}");
        }
    }
}
