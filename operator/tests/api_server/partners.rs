//! Partners: each is judged for itself.

use crds::{SeonInstance, SeonPartner, SeonPartnerStatus};
use k8s_openapi::api::core::v1::{Secret, Service};
use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::fixture::{Operator, PASSWORD, Place, server, until};

async fn ready(place: &Place, name: &str) -> (String, String, String) {
    let status: SeonPartnerStatus = place.get::<SeonPartner>(name).await.status.unwrap_or_default();
    let ready = status.conditions.into_iter().find(|c| c.kind == "Ready").expect("a condition");
    (ready.status, ready.reason, ready.message)
}

#[tokio::test]
async fn a_partner_that_is_not_good_is_left_out_and_says_why() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    place
        .partner("cast", |v| v["spec"]["identity"]["passwordSecretRef"]["name"] = json!("none"))
        .await;
    place.partner("dart", |v| v["spec"]["identity"]["odetteId"] = json!("O0013000002BOLT")).await;
    place.secret_of(&["echo"], "echo-oftp", &[("password", "")]).await;
    place
        .partner("echo", |v| {
            v["spec"]["identity"]["passwordSecretRef"]["name"] = json!("echo-oftp");
        })
        .await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();

    let of = |status: &str, reason: &str, message: String| {
        (status.to_owned(), reason.to_owned(), message)
    };
    assert_eq!(ready(&place, "bolt").await, of("True", "Accepted", "part of acme".into()));
    let message = format!(
        "E-VALIDATE-SECRET Secret none: is not in namespace {}; create it there",
        place.namespace
    );
    assert_eq!(ready(&place, "cast").await, of("False", "Invalid", message));
    let message = "E-CONFIG-DUPLICATE spec.identity.odetteId: O0013000002BOLT is the Odette ID of \
                   partner bolt already; every partner has its own, by which it is known when \
                   it calls";
    assert_eq!(ready(&place, "dart").await, of("False", "Invalid", message.into()));
    let message = "E-CONFIG-SECRET Secret echo-oftp: stringData.password: is an empty password; \
                   give 1 to 8 characters";
    assert_eq!(ready(&place, "echo").await, of("False", "Invalid", message.into()));

    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    assert_eq!(status.partners, Some(1));
    let degraded = status.conditions.iter().find(|c| c.kind == "Degraded").unwrap();
    assert_eq!(degraded.reason, "PartnersInvalid");
    let configuration = place.get::<Secret>("acme-configuration").await.data.unwrap();
    let partners = String::from_utf8(configuration["partners.yaml"].0.clone()).unwrap();
    assert_eq!(partners.matches("kind: SeonPartner").count(), 1);
}

#[tokio::test]
async fn a_partner_is_accepted_as_soon_as_its_secret_is_there() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place
        .partner("bolt", |v| v["spec"]["identity"]["passwordSecretRef"]["name"] = json!("later"))
        .await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(ready(&place, "bolt").await.1, "Invalid");
    let named = operator.context.world.references.to(&place.namespace, "later");
    assert_eq!(named.len(), 1, "its appearance is news to the instance");
    place.secret_of(&["bolt"], "later", &[("password", "X")]).await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(ready(&place, "bolt").await.1, "Accepted");
    let status = place.get::<SeonPartner>("bolt").await.status.unwrap();
    assert_eq!(status.instance.as_deref(), Some("acme"));
    assert!(status.certificate_expires.is_some());
}

#[tokio::test]
async fn a_partner_uses_no_secret_that_does_not_say_so() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    // What a writer of partners would have said to a host of theirs: another partner's password,
    // and the instance's own.
    place.secret_of(&["dart"], "dart-oftp", &[("password", "GEHEIM88")]).await;
    for (name, secret) in [("cast", "dart-oftp"), ("echo", "acme-oftp")] {
        place
            .partner(name, |value| {
                let reference = json!({"name": secret, "key": "password"});
                value["spec"]["identity"]["ownPasswordSecretRef"] = reference;
            })
            .await;
    }
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(ready(&place, "bolt").await.1, "Accepted");
    for (name, secret) in [("cast", "dart-oftp"), ("echo", "acme-oftp")] {
        let (_, reason, message) = ready(&place, name).await;
        assert_eq!(reason, "Invalid");
        assert_eq!(
            message,
            format!(
                "E-VALIDATE-SECRET-LABEL Secret {secret}: does not say that partner {name} may use \
                 it; if it may: kubectl label secret {secret} --namespace {} \
                 partner.seon.dev/{name}=",
                place.namespace
            )
        );
    }
    let configuration = place.get::<Secret>("acme-configuration").await.data.unwrap();
    let secrets = String::from_utf8(configuration["secrets.yaml"].0.clone()).unwrap();
    assert!(secrets.contains(PASSWORD) && !secrets.contains("GEHEIM88"));

    // As the message says; what others put on the Secret stays.
    let label = json!({"metadata": {"labels": {"partner.seon.dev/cast": ""}}});
    let parameters = PatchParams::default();
    place.api::<Secret>().patch("dart-oftp", &parameters, &Patch::Merge(label)).await.unwrap();
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(ready(&place, "cast").await.1, "Accepted");
    assert_eq!(ready(&place, "echo").await.1, "Invalid");
    place.instance(|value| value["spec"]["partnerSecrets"] = json!("Any")).await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(ready(&place, "echo").await.1, "Accepted");
}

#[tokio::test]
async fn an_invalid_instance_says_what_to_do_and_leaves_what_runs() {
    let place = Place::new(server!()).await;
    place.instance(|_| ()).await;
    place.partner("bolt", |_| ()).await;
    let operator = Operator::start(&place).await;
    operator.turn(&place, "acme").await.unwrap();
    let before = place.versions::<Secret>().await;
    place
        .instance(|value| {
            value["spec"]["receive"]["tcpip"] = json!({"port": 0, "address": "10.0.0.1"});
        })
        .await;
    operator.turn(&place, "acme").await.unwrap();
    assert_eq!(place.versions::<Secret>().await, before);
    let status = place.get::<SeonInstance>("acme").await.status.unwrap();
    let condition = |kind: &str| status.conditions.iter().find(|c| c.kind == kind).unwrap();
    assert_eq!(condition("Ready").reason, "Invalid");
    assert_eq!(
        condition("Ready").message,
        "E-VALIDATE-LISTENER spec.receive.tcpip.port: 0 is for one machine: a Service needs a \
         fixed port; leave it out for the usual; E-VALIDATE-LISTENER spec.receive.tcpip.address: \
         10.0.0.1 is not an address of every pod; leave it out, and say by service and network \
         policy who may call"
    );
    assert_eq!(condition("ConfigurationApplied").status, "False");

    // What it was last is still kept as it should be.
    let services = place.api::<Service>();
    services.delete("acme-seonrd-tcpip", &DeleteParams::default()).await.unwrap();
    let key = operator::world::InstanceKey::new(&place.namespace, "acme");
    let name = (operator::world::Kind::Service, "acme-seonrd-tcpip".to_owned());
    until("the operator knows that it is gone", async || {
        let owned = operator.context.world.owned_by(&key);
        if owned.contains_key(&name) { Err("not yet".into()) } else { Ok(()) }
    })
    .await;
    operator.turn(&place, "acme").await.unwrap();
    let service = place.get::<Service>("acme-seonrd-tcpip").await.spec.unwrap();
    assert_eq!(service.ports.unwrap()[0].port, 3305, "as it was, and not as it is asked for");
    // Also by an operator that has just begun, and has never seen it good.
    services.delete("acme-seonrd-tcpip", &DeleteParams::default()).await.unwrap();
    let fresh = Operator::start(&place).await;
    fresh.turn(&place, "acme").await.unwrap();
    let service = place.get::<Service>("acme-seonrd-tcpip").await.spec.unwrap();
    assert_eq!(service.ports.unwrap()[0].port, 3305);
    assert_eq!(place.versions::<Secret>().await, before, "the daemons' files stay");
    // What somebody else has put there counts for nothing.
    let theirs = json!({"stringData": {"instance.json": "{}"}});
    let parameters = PatchParams::default();
    place
        .api::<Secret>()
        .patch("acme-last-good", &parameters, &Patch::Merge(theirs))
        .await
        .unwrap();
    services.delete("acme-seonrd-tcpip", &DeleteParams::default()).await.unwrap();
    let fresh = Operator::start(&place).await;
    fresh.turn(&place, "acme").await.unwrap();
    assert!(services.get_opt("acme-seonrd-tcpip").await.unwrap().is_none());
}

#[tokio::test]
async fn a_partner_of_no_instance_is_told_so() {
    let place = Place::new(server!()).await;
    place.partner("bolt", |_| ()).await;
    let operator = Operator::start(&place).await;
    let key = operator::world::InstanceKey::new(&place.namespace, "acme");
    until("the operator knows the partner", async || {
        (!operator.context.world.partners.of(&key).is_empty()).then_some(()).ok_or("no".into())
    })
    .await;
    operator::status::without_instance(&operator.context, &key).await.unwrap();
    let (status, reason, message) = ready(&place, "bolt").await;
    assert_eq!((status.as_str(), reason.as_str()), ("False", "NoInstance"));
    assert!(message.starts_with("there is no SeonInstance acme in namespace "), "{message}");
}
