//! What a CallCenter's annotations ask for.

use std::collections::BTreeMap;

use crate::children::{Knobs, SipService};
use crate::names::{
    ANNOTATION_PAUSE, ANNOTATION_ROTATE, ANNOTATION_RTP_BASE, ANNOTATION_SIP_NODE_PORT,
    ANNOTATION_SIP_SERVICE,
};

/// What the operator leaves alone. Deletion is honoured all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pause {
    /// Statuses.
    pub status: bool,
    /// Numbers of pods, and rolls.
    pub capacity: bool,
    /// Children of every kind.
    pub children: bool,
}

type Annotations = BTreeMap<String, String>;

/// Reads the pause; a word that isn't known pauses nothing, and is told.
pub fn pause(annotations: &Annotations, problems: &mut Vec<String>) -> Pause {
    match annotations.get(ANNOTATION_PAUSE).map(String::as_str) {
        None | Some("") => Pause::default(),
        Some("Status") => Pause {
            status: true,
            ..Pause::default()
        },
        Some("Capacity") => Pause {
            capacity: true,
            ..Pause::default()
        },
        Some("All") => Pause {
            status: true,
            capacity: true,
            children: true,
        },
        Some(other) => {
            problems.push(format!(
                "the annotation {ANNOTATION_PAUSE} is `{other}`; write Status, Capacity or All"
            ));
            Pause::default()
        }
    }
}

/// Reads the rest.
pub fn knobs(annotations: &Annotations, problems: &mut Vec<String>) -> Knobs {
    let mut port = |annotation: &str| {
        let text = annotations.get(annotation)?;
        let number = text
            .parse::<u16>()
            .ok()
            .filter(|number| (30_000..=32_767).contains(number));
        if number.is_none() {
            problems.push(format!(
                "the annotation {annotation} is `{text}`; write a node port, 30000 to 32767"
            ));
        }
        number
    };
    let sip_node_port = port(ANNOTATION_SIP_NODE_PORT);
    let rtp_base = port(ANNOTATION_RTP_BASE);
    let sip_service = match annotations.get(ANNOTATION_SIP_SERVICE).map(String::as_str) {
        None | Some("" | "NodePort") => SipService::NodePort,
        Some("LoadBalancer") => SipService::LoadBalancer,
        Some("ClusterIP") => SipService::ClusterIP,
        Some(other) => {
            problems.push(format!("the annotation {ANNOTATION_SIP_SERVICE} is `{other}`; write NodePort, LoadBalancer or ClusterIP"));
            SipService::NodePort
        }
    };
    Knobs {
        rotation: annotations
            .get(ANNOTATION_ROTATE)
            .cloned()
            .unwrap_or_default(),
        sip_service,
        sip_node_port,
        rtp_base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotations(pairs: &[(&str, &str)]) -> Annotations {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_pause_is_graded_and_an_unknown_word_is_told() {
        let mut problems = Vec::new();
        let mut read = |word| pause(&annotations(&[(ANNOTATION_PAUSE, word)]), &mut problems);
        assert!(read("Status").status && !read("Status").children);
        assert!(read("Capacity").capacity && !read("Capacity").status);
        assert!(read("All").children);
        assert_eq!(read("Yes"), Pause::default());
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn a_port_outside_the_node_ports_is_told_and_left_to_the_cluster() {
        let mut problems = Vec::new();
        let asked = knobs(
            &annotations(&[(ANNOTATION_SIP_NODE_PORT, "5060")]),
            &mut problems,
        );
        assert_eq!(asked.sip_node_port, None);
        assert!(problems[0].contains("30000 to 32767"));
    }
}
