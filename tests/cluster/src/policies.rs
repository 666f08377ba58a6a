//! Network policies as rules of nftables: what a network plugin does that enforces them.
//!
//! A pod that some policy selects is isolated in that direction: what no rule allows is lost. A new
//! connection is judged as its packet is forwarded, so after kube-proxy gave it the address of a pod.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::ResourceExt;

/// The objects that decide.
pub(crate) struct Objects {
    pub(crate) policies: Vec<NetworkPolicy>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) pods: Vec<Pod>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Ingress,
    Egress,
}

/// What one rule of a policy allows: nothing named is everything.
type Allowed<'a> = (&'a [NetworkPolicyPeer], &'a [NetworkPolicyPort]);

impl Objects {
    /// The whole table of a node, in place of the one before.
    pub(crate) fn rules(&self) -> String {
        let mut chains = String::new();
        let mut judged = String::from("ct state established,related accept;\n");
        for pod in &self.pods {
            let Some(address) = address(pod) else { continue };
            for direction in [Direction::Egress, Direction::Ingress] {
                let policies = self.of(pod, direction);
                if policies.is_empty() {
                    continue;
                }
                let (name, field) = match direction {
                    Direction::Egress => (format!("out-{address}"), "saddr"),
                    Direction::Ingress => (format!("in-{address}"), "daddr"),
                };
                let name = name.replace('.', "-");
                // Writing to a String does not fail.
                let _ = writeln!(judged, "ip {field} {address} jump {name};");
                let _ = writeln!(chains, "chain {name} {{");
                for policy in policies {
                    for allowed in allowed(policy, direction) {
                        self.allow(&mut chains, policy, direction, allowed);
                    }
                }
                chains.push_str("drop;\n}\n");
            }
        }
        format!(
            "add table inet policies; delete table inet policies;
             table inet policies {{
             {chains}chain forward {{ type filter hook forward priority 0; policy accept;
             {judged}}}
             }}"
        )
    }

    /// The policies that isolate a pod.
    fn of(&self, pod: &Pod, direction: Direction) -> Vec<&NetworkPolicy> {
        let of_pod = |policy: &&NetworkPolicy| {
            let Some(spec) = &policy.spec else { return false };
            let wanted = match direction {
                Direction::Ingress => "Ingress",
                Direction::Egress => "Egress",
            };
            let is_of_type = match &spec.policy_types {
                Some(types) => types.iter().any(|one| one == wanted),
                None => direction == Direction::Ingress || spec.egress.is_some(),
            };
            policy.namespace() == pod.namespace()
                && is_of_type
                && spec.pod_selector.as_ref().is_none_or(|one| selects(one, pod.labels()))
        };
        self.policies.iter().filter(of_pod).collect()
    }

    fn allow(
        &self,
        chains: &mut String,
        policy: &NetworkPolicy,
        direction: Direction,
        (peers, ports): Allowed<'_>,
    ) {
        let field = match direction {
            Direction::Egress => "daddr",
            Direction::Ingress => "saddr",
        };
        let peers: Vec<String> = match peers {
            [] => vec![String::new()],
            peers => peers.iter().filter_map(|peer| self.peer(policy, peer, field)).collect(),
        };
        let ports: Vec<String> = match ports {
            [] => vec![String::new()],
            ports => ports.iter().map(port).collect(),
        };
        for peer in &peers {
            for port in &ports {
                let _ = writeln!(chains, "{peer} {port} return;");
            }
        }
    }

    /// Who matches a peer; nothing, if nobody does.
    fn peer(
        &self,
        policy: &NetworkPolicy,
        peer: &NetworkPolicyPeer,
        field: &str,
    ) -> Option<String> {
        if let Some(block) = &peer.ip_block {
            // These clusters have IPv4 only.
            let is_ours = !block.cidr.contains(':');
            let except = block.except.iter().flatten();
            let except: Vec<String> = except.map(|cidr| format!("ip {field} != {cidr}")).collect();
            let except = except.join(" ");
            return is_ours.then(|| format!("ip {field} {} {except}", block.cidr));
        }
        let is_in_place = |pod: &Pod| match &peer.namespace_selector {
            None => pod.namespace() == policy.namespace(),
            Some(selector) => self.namespaces.iter().any(|namespace| {
                Some(namespace.name_any()) == pod.namespace()
                    && selects(selector, namespace.labels())
            }),
        };
        let is_one = |pod: &&Pod| {
            is_in_place(pod)
                && peer.pod_selector.as_ref().is_none_or(|one| selects(one, pod.labels()))
        };
        let addresses: Vec<String> = self.pods.iter().filter(is_one).filter_map(address).collect();
        (!addresses.is_empty()).then(|| format!("ip {field} {{ {} }}", addresses.join(", ")))
    }
}

/// A pod's own address; those of the node's network are the node.
fn address(pod: &Pod) -> Option<String> {
    let is_of_node = pod.spec.as_ref().is_some_and(|spec| spec.host_network == Some(true));
    let status = pod.status.as_ref().filter(|_| !is_of_node)?;
    let has_ended =
        status.phase.as_deref().is_some_and(|one| ["Succeeded", "Failed"].contains(&one));
    status.pod_ip.clone().filter(|_| !has_ended)
}

fn allowed(policy: &NetworkPolicy, direction: Direction) -> Vec<Allowed<'_>> {
    let Some(spec) = &policy.spec else { return Vec::new() };
    match direction {
        Direction::Ingress => {
            let rules = spec.ingress.iter().flatten();
            let peers = |peers| Option::as_deref(peers).unwrap_or_default();
            rules
                .map(|rule| (peers(&rule.from), rule.ports.as_deref().unwrap_or_default()))
                .collect()
        }
        Direction::Egress => {
            let rules = spec.egress.iter().flatten();
            let peers = |peers| Option::as_deref(peers).unwrap_or_default();
            rules.map(|rule| (peers(&rule.to), rule.ports.as_deref().unwrap_or_default())).collect()
        }
    }
}

fn port(port: &NetworkPolicyPort) -> String {
    let protocol = port.protocol.as_deref().unwrap_or("TCP").to_lowercase();
    match (&port.port, port.end_port) {
        (None, _) => format!("meta l4proto {protocol}"),
        (Some(IntOrString::Int(first)), None) => format!("{protocol} dport {first}"),
        (Some(IntOrString::Int(first)), Some(last)) => format!("{protocol} dport {first}-{last}"),
        (Some(IntOrString::String(name)), _) => panic!("port {name}: names are not known here"),
    }
}

fn selects(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let mut equal = selector.match_labels.iter().flatten();
    let mut expressions = selector.match_expressions.iter().flatten();
    equal.all(|(key, value)| labels.get(key) == Some(value))
        && expressions.all(|one| {
            let (label, values) = (labels.get(&one.key), one.values.as_deref().unwrap_or_default());
            let is_one = label.is_some_and(|label| values.contains(label));
            match one.operator.as_str() {
                "In" => is_one,
                "NotIn" => !is_one,
                "Exists" => label.is_some(),
                "DoesNotExist" => label.is_none(),
                other => panic!("{other}: no operator of a selector"),
            }
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, from_value, json};

    use super::*;

    /// The lines about one pod at 10.244.1.5 in namespace a, where 10.244.1.6 is in namespace b.
    fn rules(spec: &Value) -> Vec<String> {
        let pod = |namespace: &str, address: &str| {
            let metadata = json!({"name": "one", "namespace": namespace, "labels": {"app": "x"}});
            from_value(json!({"metadata": metadata, "status": {"podIP": address}})).unwrap()
        };
        let namespace = |name: &str| {
            from_value(json!({"metadata": {"name": name, "labels": {"name": name}}})).unwrap()
        };
        let policy = json!({"metadata": {"name": "one", "namespace": "a"}, "spec": spec});
        let objects = Objects {
            policies: vec![from_value(policy).unwrap()],
            namespaces: vec![namespace("a"), namespace("b")],
            pods: vec![pod("a", "10.244.1.5"), pod("b", "10.244.1.6")],
        };
        let rules = objects.rules();
        let lines = rules.lines().map(str::trim).skip_while(|line| !line.contains("chain"));
        let lines = lines.filter(|line| line.contains("return") || line.contains("jump"));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn a_policy_without_rules_lets_nobody_in_to_the_pods_of_its_namespace() {
        assert_eq!(rules(&json!({"podSelector": {}})), ["ip daddr 10.244.1.5 jump in-10-244-1-5;"]);
        assert_eq!(rules(&json!({"podSelector": {"matchLabels": {"app": "y"}}})), [""; 0]);
    }

    #[test]
    fn peers_are_pods_of_the_same_namespace_unless_namespaces_are_selected_or_networks() {
        let ingress = |peer: Value| {
            let ports = json!([{"port": 1, "endPort": 3, "protocol": "UDP"}]);
            let ingress = json!([{"from": [peer], "ports": ports}]);
            let lines = rules(&json!({"podSelector": {}, "ingress": ingress}));
            lines.first().filter(|line| line.contains("return")).cloned().unwrap_or_default()
        };
        let own = ingress(json!({"podSelector": {}}));
        assert_eq!(own, "ip saddr { 10.244.1.5 } udp dport 1-3 return;");
        let expression = |operator: &str, values: Value| {
            let one = json!({"key": "name", "operator": operator, "values": values});
            ingress(json!({"namespaceSelector": {"matchExpressions": [one]}}))
        };
        let other = "ip saddr { 10.244.1.6 } udp dport 1-3 return;";
        assert_eq!(expression("In", json!(["b"])), other);
        assert_eq!(expression("NotIn", json!(["a"])), other);
        assert_eq!(expression("DoesNotExist", json!(null)), "", "nobody");
        let block = json!({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}});
        assert_eq!(
            ingress(block),
            "ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 udp dport 1-3 return;"
        );
    }
}
