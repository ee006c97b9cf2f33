//! A `Trunk` by itself.

use trunkline_crds::{TrunkAuthType, TrunkSpec};

use super::Report;
use crate::finding::Code;
use crate::path::FieldPath;

pub(super) fn check(spec: &TrunkSpec, report: &mut Report<'_>) {
    let root = FieldPath::spec();
    let auth = root.key("auth");
    match spec.auth.kind {
        TrunkAuthType::Registration => {
            if spec.auth.secret_ref.is_none() {
                report.error(
                    Code::TrunkAuth,
                    auth.key("secretRef"),
                    "a trunk that registers has no Secret to register with",
                    "add `secretRef: {name: …}`; the Secret holds `username` and `password`",
                );
            }
            if spec.carrier.is_none() {
                report.error(
                    Code::TrunkAuth,
                    root.key("carrier"),
                    "a trunk that registers has no carrier to register with",
                    "add `carrier: {host: …}`",
                );
            }
        }
        TrunkAuthType::Address => {
            if spec.auth.secret_ref.is_some() {
                report.error(
                    Code::TrunkAuth,
                    auth.key("secretRef"),
                    "a carrier that is known by its address has no use for a Secret",
                    "remove `secretRef`, or use type Registration",
                );
            }
            if spec.auth.r#match.is_empty() && spec.carrier.is_none() {
                report.error(
                    Code::TrunkAuth,
                    auth.key("match"),
                    "nothing says by which address the carrier is known",
                    "add `match: [\"203.0.113.10/32\"]` to `auth`, or a `carrier`",
                );
            }
        }
    }
    for (i, network) in spec.auth.r#match.iter().enumerate() {
        if !is_network(network) {
            report.error(
                Code::TrunkAuth,
                auth.key("match").at(i),
                format!("`{network}` is neither an address nor a network"),
                "write `203.0.113.10` or `203.0.113.0/24`",
            );
        }
    }
    if let (Some(outbound), None) = (&spec.outbound, &spec.carrier)
        && !outbound.prefixes.is_empty()
    {
        report.error(
            Code::TrunkAuth,
            root.key("carrier"),
            "calls may go out, but there is no carrier to send them to",
            "add `carrier: {host: …}`, or remove `outbound`",
        );
    }
}

fn is_network(text: &str) -> bool {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let Ok(address) = address.parse::<std::net::IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

#[cfg(test)]
mod tests {
    use super::is_network;

    #[test]
    fn an_address_and_a_network_of_either_family_are_told_from_nonsense() {
        for good in ["203.0.113.10", "203.0.113.0/24", "2001:db8::/32", "::1"] {
            assert!(is_network(good), "{good}");
        }
        for bad in ["203.0.113", "203.0.113.10/33", "1.2.3.4/", "abc", "::/129"] {
            assert!(!is_network(bad), "{bad}");
        }
    }
}
