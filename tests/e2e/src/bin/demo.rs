//! The demo: from YAML to a talking caller. Its set-up (cluster, images, world) is `demo.sh`'s.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use trunkline_e2e::centre::{Centre, TENANT, install, repository};
use trunkline_e2e::cluster::Cluster;
use trunkline_e2e::progress::Progress;
use trunkline_e2e::world::World;

/// So long may a stage of a call take before something is wrong.
const SOON: Duration = Duration::from_secs(30);

fn main() -> Result<()> {
    let progress = Progress::default();
    let cluster = Cluster::from_env()?;
    let world = World::attach(&repository())?;
    install(&cluster, &progress)?;
    let mut centre = Centre::deploy(cluster, world, progress)?;

    progress.say(
        "starting the carriers: carrier-a (we register with it), carrier-b (known by its address)",
    );
    let _carrier_a = centre.carrier_a()?;
    let _carrier_b = centre.carrier_b()?;
    centre.all_ready()?;
    eprintln!(
        "\n{}",
        centre
            .cluster
            .kubectl(&["-n", TENANT, "get", "cc,ccl,cct"])?
    );

    let contacts = calls(&mut centre)?;

    progress.say("the records, from the engine's API:\n");
    for contact in &contacts {
        println!("{}", row(contact));
    }
    let figures = centre.engine.get("/api/v1/figures")?;
    let figure = figures
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["of"] == "client")
        .context("the engine's figures have none of the client acme")?;
    let number = |key: &str| {
        figure[key]
            .as_f64()
            .with_context(|| format!("the client's figures have no {key}: {figure}"))
    };
    println!(
        "\nclient acme today: {} offered, {} answered, service level {:.0} % within {} s by {} (the contract wants {:.0} %)",
        figure["offered"],
        figure["answered"],
        100.0 * number("serviceLevel")?,
        number("withinSeconds")?,
        figure["formula"].as_str().unwrap_or("no formula"),
        100.0 * number("target")?,
    );
    Ok(())
}

/// Three callers for two agents: one is answered at once, one waits with music, one meets a
/// phone that nobody picks up and goes to the other agent.
fn calls(centre: &mut Centre) -> Result<Vec<Value>> {
    let progress = centre.progress;
    progress.say("maria's phone registers; maria signs in");
    let _maria = centre.phone("maria", "phone-1", &["--answer", "1", "--talk", "8"])?;
    centre.sign_in("maria")?;

    progress.say("first caller, behind carrier-b: greeting, then offered to maria");
    let first = centre.caller(
        "caller-1",
        "carrier-b",
        5081,
        &["--caller", "4930900001", "--until-bye"],
    )?;
    let one = id(&centre.contact_is(None, "talking", SOON)?)?;
    progress.say(format!("contact {one} is talking with maria"));

    progress.say("second caller, behind carrier-a: maria is busy, so they wait with music");
    let second = centre.caller(
        "caller-2",
        "carrier-a",
        5082,
        &["--caller", "4930900002", "--until-bye"],
    )?;
    let two = id(&centre.contact_is(None, "waiting", SOON)?)?;
    progress.say(format!("contact {two} is waiting"));

    let media = centre
        .engine
        .get(&format!("/api/v1/contacts/{one}/audio"))?;
    for leg in ["customer", "agent"] {
        let packets = |way: &str| media[leg][way].as_u64().unwrap_or_default();
        let (received, sent) = (packets("received"), packets("sent"));
        progress.say(format!("contact {one}, {leg}'s leg: {received} RTP packets received, {sent} sent, says the media server"));
        ensure!(
            received > 0 && sent > 0,
            "audio doesn't flow both ways on the {leg}'s leg of contact {one}"
        );
    }

    first.finish(&progress, SOON)?;
    progress.say("maria has hung up the first call; after her wrap-up the second is hers");
    let talking = wait_for(centre, two, "talking")?;
    ensure!(
        talking["agent"] == "maria",
        "contact {two} went to {}",
        talking["agent"]
    );

    progress.say("jonas signs in, and leaves his desk: his phone will ring unanswered");
    let jonas = centre.phone("jonas", "phone-2", &["--no-answer"])?;
    centre.sign_in("jonas")?;
    progress.say("third caller: offered to jonas first");
    let third = centre.caller(
        "caller-3",
        "carrier-b",
        5083,
        &["--caller", "4930900003", "--until-bye"],
    )?;
    let three = id(&centre.contact_is(None, "offered", SOON)?)?;
    ensure!(
        centre.engine.contact(three)?["agent"] == "jonas",
        "the third caller was not offered to jonas first"
    );

    second.finish(&progress, SOON)?;
    centre.agent_is("jonas", "notReady", SOON)?;
    progress.say("RONA: jonas did not answer and is not ready; the caller kept their place");
    let talking = wait_for(centre, three, "talking")?;
    ensure!(
        talking["agent"] == "maria",
        "contact {three} went to {}",
        talking["agent"]
    );
    progress.say(format!("contact {three} is talking with maria"));
    third.finish(&progress, SOON)?;
    drop(jonas);

    progress.say("all have hung up; maria's last wrap-up runs");
    [one, two, three]
        .into_iter()
        .map(|contact| centre.complete(contact, SOON))
        .collect()
}

fn wait_for(centre: &mut Centre, contact: u64, state: &str) -> Result<Value> {
    let progress = centre.progress;
    progress.wait(
        &format!("contact {contact} to be {state}"),
        SOON,
        Duration::from_millis(100),
        || {
            let now = centre.engine.contact(contact).map_err(|e| e.to_string())?;
            if now["state"] == state {
                Ok(now)
            } else {
                Err(format!("it is {}", now["state"]))
            }
        },
    )
}

fn id(contact: &Value) -> Result<u64> {
    contact["id"].as_u64().context("a contact without a number")
}

fn row(contact: &Value) -> String {
    let text = |key: &str| contact[key].as_str().unwrap_or("-").to_owned();
    let seconds = |key: &str| contact[key].as_f64().unwrap_or_default();
    format!(
        "contact {}: client {}, queue {}, waited {:.1} s, agent {}, talked {:.1} s, wrap-up {:.1} s, {}",
        contact["id"],
        text("client"),
        text("queue"),
        seconds("waitSeconds"),
        text("agent"),
        seconds("talkSeconds"),
        seconds("wrapUpSeconds"),
        text("outcome"),
    )
}
