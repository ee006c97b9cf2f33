//! Numbers outside: telephony calls them, and the journal has none in the open.

use trunkline_routing::Target;

use super::*;
use crate::journal::Vault;
use crate::keys::TenantKey;
use crate::testing::tenant_that_calls_out;

async fn leads(path: &Path) -> Bench {
    let store = Box::new(opened(path).await);
    let key = TenantKey::new(b"0123456789abcdef").unwrap();
    bench_with(tenant_that_calls_out(), |names| {
        Writer::sealing(store, Vault::new(&key, names.clone())).unwrap()
    })
    .await
}

fn outside(number: &str) -> Target {
    Target::Number(number.to_owned())
}

impl Bench {
    async fn decides(&self, input: Input) {
        let decision = self.handle.submit(input, Context::by(Actor::Admin)).await;
        assert_eq!(decision.unwrap().refused(), None);
    }

    /// Maria talks with a customer who has just come.
    async fn talks(&mut self, customer: &str) -> ContactId {
        let Report::Arrived(came) = arrival(1) else {
            panic!("it is an arrival");
        };
        let customer = Some(customer.to_owned());
        let came = Report::Arrived(Arrival { customer, ..came });
        self.reports.send(came.into()).unwrap();
        let offer = loop {
            let command = self.commands.recv().await.unwrap();
            if let Command::Do(Output::Offer { offer, .. }) = command {
                break offer;
            }
        };
        self.decides(Input::Accept { offer }).await;
        self.decides(Input::Connected { offer }).await;
        offer.contact
    }

    /// Whom telephony is to call next.
    async fn called(&mut self) -> Target {
        loop {
            let command = self.commands.recv().await.unwrap();
            if let Command::Do(Output::HandOver { to, .. }) = command {
                return to;
            }
        }
    }

    async fn hands_over(&mut self, contact: ContactId, number: &str) -> Target {
        let to = outside(number);
        self.decides(Input::Transfer { contact, to }).await;
        self.called().await
    }

    async fn ends(self) {
        self.stop.send_replace(Some(LoopEnd::Stopped));
        assert_eq!(self.running.await.unwrap().unwrap(), LoopEnd::Stopped);
    }
}

#[tokio::test]
async fn a_number_outside_is_called_in_full_however_it_was_told_before_and_the_journal_has_it_sealed()
 {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let mut bench = leads(&path).await;
    bench.sign_in("maria").await;
    // Who is consulted was a customer before, as their carrier told them.
    let contact = bench.talks("004930900009").await;
    let consult = Input::Consult {
        contact,
        consult: ContactId(contact.0 + 1),
        to: outside("+49 30 900009"),
    };
    bench.decides(consult).await;
    assert_eq!(bench.called().await, outside("+4930900009"));
    bench.decides(Input::CancelConsult { contact }).await;
    let called = bench.hands_over(contact, "+49 30 900008").await;
    assert_eq!(called, outside("+4930900008"));
    bench.ends().await;

    let mut store = opened(&path).await;
    let mut live = State::default();
    for entry in store.read(Seq(0), usize::MAX).unwrap() {
        live.apply(&entry);
    }
    let saved = store.snapshot().unwrap().unwrap();
    let live = live.snapshot().unwrap();
    assert_eq!(saved, live, "the replay is the live state, byte for byte");
    drop(store);
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for open in ["4930900009", "4930900008", "49 30 90000"] {
            let mut parts = bytes.windows(open.len());
            assert!(!parts.any(|part| part == open.as_bytes()), "{open}");
        }
    }

    // A successor goes on, and knows the same one again.
    let mut bench = leads(&path).await;
    let taken = true;
    bench.decides(Input::HandedOver { contact, taken }).await;
    let contact = bench.talks("+4930900001").await;
    let called = bench.hands_over(contact, "+4930900009").await;
    assert_eq!(called, outside("+4930900009"));
    bench.ends().await;
}

#[tokio::test]
async fn a_number_outside_that_a_release_before_wrote_as_it_is_is_read_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal");
    let store = Box::new(opened(&path).await);
    let mut bench = bench_of(tenant_that_calls_out(), store).await;
    bench.sign_in("maria").await;
    let contact = bench.talks("+4930900001").await;
    let called = bench.hands_over(contact, "+49 30 900009").await;
    assert_eq!(called, outside("+49 30 900009"));
    bench.ends().await;

    let mut bench = leads(&path).await;
    let taken = true;
    bench.decides(Input::HandedOver { contact, taken }).await;
    let contact = bench.talks("+4930900001").await;
    let called = bench.hands_over(contact, "+49 30 900009").await;
    assert_eq!(called, outside("+4930900009"));
    bench.ends().await;
}
