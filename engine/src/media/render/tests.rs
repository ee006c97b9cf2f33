//! The whole of what is rendered, and what a hostile document makes of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value as Json, json};
use trunkline_tenant::Tenant;

use super::*;
use crate::media::inputs::{Credential, External, Places, Secrets};

/// The small tenant with two trunks, over which `change` has gone.
fn tenant(change: impl FnOnce(&mut Json)) -> Tenant {
    let read = |text| serde_json::from_str::<Json>(text).unwrap();
    let mut tenant = read(include_str!("../../../tests/fixtures/tenant.json"));
    let more = read(include_str!("../../../tests/fixtures/media.json"));
    for (key, value) in more.as_object().unwrap() {
        tenant[key] = value.clone();
    }
    change(&mut tenant);
    serde_json::from_value(tenant).unwrap()
}

fn inputs(tenant: Tenant) -> Inputs {
    let credential = |username: &str, password: &str| Credential {
        username: username.into(),
        password: password.into(),
    };
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(8000_u32.to_le_bytes());
    wav.extend(16000_u32.to_le_bytes());
    wav.extend([2, 0, 16, 0]);
    Inputs {
        tenant: Arc::new(tenant),
        hash: "h".into(),
        secrets: Secrets {
            agents: [("maria", "pw;maria"), ("noah", "pw-noah")]
                .map(|(name, password)| (name.into(), password.to_owned()))
                .into(),
            trunks: [("carrier-b".to_owned(), credential("4930555", "carrier-pw"))].into(),
            test_caller: None,
        },
        prompts: [("welcome".into(), Arc::from(wav))].into(),
        registrar: true,
    }
}

fn facts() -> PodFacts {
    PodFacts {
        pod: "northwind-media-0".into(),
        uid: "u".into(),
        ip: "10.88.0.1".parse().unwrap(),
        sip_port: 5060,
        ari: "10.88.0.1:8088".parse().unwrap(),
        ami: "127.0.0.1:5038".parse().unwrap(),
        rtp: (10000, 19999),
        external: None,
        places: Places::default(),
    }
}

fn access() -> Access {
    Access {
        sidecar: "sidecar-password".into(),
        ami: "ami-password".into(),
        engine: Some("engine-password".into()),
    }
}

fn text(rendered: &Rendered, file: &str) -> String {
    String::from_utf8(rendered.files[file].clone()).unwrap()
}

#[test]
fn a_tenant_becomes_these_files() {
    let rendered = render(&inputs(tenant(|_| {})), &facts(), &access()).unwrap();
    assert_eq!(rendered.problems, []);
    assert_eq!(lint(&rendered.files), Ok(()));
    for file in [
        "ari",
        "manager",
        "http",
        "asterisk",
        "transports",
        "extensions",
    ] {
        let text = text(&rendered, &format!("etc/{file}.conf"));
        insta::assert_snapshot!(file, text.replace(std::env::consts::ARCH, "ARCH"));
    }
    for file in ["trunk-carrier-a", "trunk-carrier-b", "agents", MARKER] {
        insta::assert_snapshot!(file, text(&rendered, &format!("etc/pjsip.d/{file}.conf")));
    }
    assert!(rendered.files.contains_key("prompts/welcome.wav"));
    let left: Vec<_> = rendered
        .files
        .iter()
        .filter(|(file, _)| file.starts_with("etc/"))
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains('@'))
        .map(|(file, _)| file.as_str())
        .collect();
    // the To header's and the accounts' own; every word of a template is filled
    assert_eq!(
        left,
        ["etc/extensions.conf", "etc/pjsip.d/trunk-carrier-b.conf"]
    );
}

#[test]
fn outside_a_pod_asterisk_has_folders_of_its_own_and_a_phone_may_call_every_number() {
    let facts = PodFacts {
        ari: "127.0.0.1:18088".parse().unwrap(),
        places: Places {
            etc: "/home/ann/a;b/etc".into(),
            run: "/home/ann/a;b/run".into(),
            data: "/opt/asterisk".into(),
            ..Places::default()
        },
        ..facts()
    };
    let mut inputs = inputs(tenant(|_| {}));
    assert!(
        !render(&inputs, &facts, &access())
            .unwrap()
            .files
            .contains_key("etc/pjsip.d/test-caller.conf")
    );
    inputs.secrets.add_test_caller(b"pw;caller\n");
    let rendered = render(&inputs, &facts, &access()).unwrap();
    assert_eq!(lint(&rendered.files), Ok(()));
    let asterisk = text(&rendered, "etc/asterisk.conf");
    assert!(
        asterisk.contains("astetcdir => /home/ann/a\\;b/etc\n"),
        "{asterisk}"
    );
    assert!(
        asterisk.contains("astdbdir => /home/ann/a\\;b/run\n"),
        "{asterisk}"
    );
    assert!(text(&rendered, "etc/musiconhold.conf").contains("directory = /opt/asterisk/moh\n"));
    let http = text(&rendered, "etc/http.conf");
    assert!(
        http.contains("bindaddr = 127.0.0.1\nbindport = 18088\n"),
        "{http}"
    );
    assert!(text(&rendered, "etc/pjsip.d/test-caller.conf").contains("password = pw\\;caller\n"));
    let dialplan = text(&rendered, "etc/extensions.conf");
    let context = dialplan.split("[test_caller.numbers]").nth(1).unwrap();
    for number in inputs.tenant.numbers.keys() {
        assert!(
            context.contains(&format!("Goto(inbound,{number},1)")),
            "{context}"
        );
    }
}

#[test]
fn each_module_that_is_loaded_is_in_the_image() {
    let image = include_str!("../../../../images/media/modules.list");
    let image: BTreeSet<_> = image.lines().collect();
    let rendered = render(&inputs(tenant(|_| {})), &facts(), &access()).unwrap();
    let modules = text(&rendered, "etc/modules.conf");
    let loaded: Vec<_> = modules
        .lines()
        .filter_map(|l| l.strip_prefix("load = "))
        .collect();
    assert!(loaded.len() > 50);
    for module in loaded {
        assert!(
            image.contains(module),
            "{module} is not in images/media/modules.list"
        );
    }
}

#[test]
fn a_pod_whose_address_is_not_routed_says_what_is() {
    let facts = PodFacts {
        external: Some(External {
            address: "192.0.2.7".parse().unwrap(),
            sip_port: Some(30070),
            local_nets: vec!["10.244.0.0/16".into()],
        }),
        ..facts()
    };
    let rendered = render(&inputs(tenant(|_| {})), &facts, &access()).unwrap();
    let transports = text(&rendered, "etc/transports.conf");
    for line in [
        "external_media_address = 192.0.2.7",
        "external_signaling_address = 192.0.2.7",
        "external_signaling_port = 30070",
        "local_net = 10.244.0.0/16",
    ] {
        assert_eq!(transports.matches(line).count(), 3, "{line}");
    }
    assert_eq!(lint(&rendered.files), Ok(()));
}

#[test]
fn one_pod_alone_registers() {
    let elsewhere = Inputs {
        registrar: false,
        ..inputs(tenant(|_| {}))
    };
    let rendered = render(&elsewhere, &facts(), &access()).unwrap();
    let trunk = text(&rendered, "etc/pjsip.d/trunk-carrier-b.conf");
    assert!(!trunk.contains("type = registration"), "{trunk}");
    assert!(rendered.registrations.is_empty());
}

#[test]
fn without_a_fence_no_engine_gets_in() {
    let access = Access {
        engine: None,
        ..access()
    };
    let ari = String::from_utf8(render_ari(&access).unwrap()).unwrap();
    assert!(
        ari.contains("[sidecar]") && !ari.contains("[engine]"),
        "{ari}"
    );
}

#[test]
fn a_trunk_brings_in_its_own_numbers_and_no_other() {
    let rendered = render(&inputs(tenant(|_| {})), &facts(), &access()).unwrap();
    let dialplan = text(&rendered, "etc/extensions.conf");
    let context = |name: &str| {
        let (_, rest) = dialplan.split_once(&format!("\n[{name}]\n")).unwrap();
        rest.split("\n[").next().unwrap().to_owned()
    };
    let a = context("trunk_carrier-a.numbers");
    assert!(a.contains("exten => +18005550100,1,Set(TRUNKLINE_TRUNK=carrier-a)"));
    assert!(
        a.contains("exten => 18005550100,1,"),
        "carriers leave the plus out"
    );
    assert!(a.contains("exten => +493055500,1,"), "its prefix has it");
    let b = context("trunk_carrier-b.numbers");
    assert!(
        b.contains("+493055500") && !b.contains("+18005550100"),
        "{b}"
    );
    assert!(
        !dialplan.contains("+442079460000"),
        "claimed, but no trunk may bring it in"
    );
}

#[test]
fn what_cannot_be_rendered_is_told_and_the_rest_works() {
    let mut inputs = inputs(tenant(|t| {
        t["trunks"]["carrier-a"]["auth"]["match"] = json!(["10.88.0.10:5060", "10.88.0.12"]);
        t["trunks"]["carrier-c"] = t["trunks"]["carrier-a"].clone();
    }));
    inputs.secrets.trunks.clear();
    inputs
        .secrets
        .agents
        .insert("maria".into(), "two\nlines".into());
    inputs.secrets.agents.remove("noah");
    inputs.prompts.clear();
    let rendered = render(&inputs, &facts(), &access()).unwrap();
    let told: Vec<_> = rendered.problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!("problems", told.join("\n"));
    assert!(text(&rendered, "etc/pjsip.d/trunk-carrier-a.conf").contains("match = 10.88.0.12\n"));
    assert!(
        !rendered
            .files
            .contains_key("etc/pjsip.d/trunk-carrier-b.conf")
    );
    assert!(
        !text(&rendered, "etc/pjsip.d/agents.conf").contains("noah"),
        "never without auth"
    );
    assert_eq!(lint(&rendered.files), Ok(()));
}

/// What each file of the SIP configuration says, as Asterisk takes it: sections with their types.
fn objects(rendered: &Rendered) -> BTreeSet<String> {
    let mut objects = BTreeSet::new();
    for (path, bytes) in &rendered.files {
        if !path.starts_with("etc/pjsip.d/") {
            continue;
        }
        let mut section = String::new();
        for line in String::from_utf8_lossy(bytes).lines() {
            if line.starts_with('[') {
                section = line.to_owned();
            } else if let Some(kind) = line.strip_prefix("type = ") {
                objects.insert(format!("{section} {kind}"));
            }
        }
    }
    objects
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// The API server's schema refuses these; a file of `--dir` was never seen by it, and a
    /// Secret has no schema.
    #[test]
    fn no_text_of_a_document_or_a_secret_adds_an_object_or_a_line_to_the_dialplan(
        evil in "(\\PC|[\\n\\r;\\[\\]=,&(){}$#@>/\\\\]){0,12}(\n\\[x\\]\ntype = endpoint\n|,1,System\\(x\\))?(\\PC|[;=>]){0,8}"
    ) {
        let clean = render(&inputs(tenant(|_| {})), &facts(), &access()).unwrap();
        let mut inputs = inputs(tenant(|t| {
            t["trunks"]["carrier-a"]["carrier"]["host"] = json!(evil);
            t["trunks"]["carrier-a"]["auth"]["match"] = json!([evil]);
            t["trunks"]["carrier-a"]["numbers"] = json!([evil, "+4930*"]);
            t["numbers"][&evil] = json!("acme");
            t["agents"][&evil] = t["agents"]["maria"].clone();
            t["agents"]["maria"]["displayName"] = json!(evil);
            t["prompts"][&evil] = json!({"configMap": evil, "key": evil});
        }));
        let login = Credential { username: evil.clone(), password: evil.clone() };
        inputs.secrets.trunks.insert("carrier-b".into(), login);
        inputs.secrets.agents.insert("maria".into(), evil.clone());
        let rendered = render(&inputs, &facts(), &access()).unwrap();
        prop_assert_eq!(lint(&rendered.files), Ok(()));
        // an agent whose name happens to be one, and whose password is missing, adds nothing either
        prop_assert!(objects(&rendered).is_subset(&objects(&clean)));
        prop_assert!(rendered.files.keys().all(|path| clean.files.contains_key(path)));

        let applications = |r: &Rendered| -> BTreeSet<String> {
            text(r, "etc/extensions.conf").lines()
                .filter_map(|line| line.split_once(",1,").or(line.split_once("same => n")))
                .filter_map(|(_, rest)| rest.split('(').next().map(str::to_owned))
                .collect()
        };
        prop_assert!(applications(&rendered).is_subset(&applications(&clean)));
    }
}
