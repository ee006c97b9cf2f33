//! Customers in every store: sealed, found again, and erased.

use trunkline_routing::{ContactId, Input, Time};
use trunkline_tenant::QueueId;

use super::{Home, running};
use crate::journal::{Actor, Context, Entry, Names, Seq, Vault, Writer};
use crate::keys::TenantKey;

/// A tenant's key.
pub fn key() -> TenantKey {
    TenantKey::new(b"0123456789abcdef").unwrap()
}

pub fn arrival(seq: u64, customer: &str) -> Entry {
    Entry {
        seq: Seq(seq),
        at: Time(i64::try_from(seq).unwrap() * 1_000),
        input: Input::Arrive {
            contact: ContactId(seq),
            queue: QueueId::of("acme", "orders"),
            since: None,
            priority: 0,
            customer: Some(customer.into()),
            callable: true,
        },
        context: Context::by(Actor::Telephony),
    }
}

/// An entry that erases a customer, by our name for them.
pub fn erasure(seq: u64, customer: &str) -> Entry {
    Entry {
        input: Input::Tick,
        context: Context {
            erased: Some(customer.into()),
            ..Context::by(Actor::Admin)
        },
        ..arrival(seq, "")
    }
}

pub fn named(entry: &Entry) -> String {
    match &entry.input {
        Input::Arrive { customer, .. } => customer.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

pub fn customers_are_sealed_found_again_and_erased(home: &Home) {
    let key = key();
    let names = Names::default();
    let open = || Writer::sealing(home.open(), Vault::new(&key, names.clone())).unwrap();
    let (anna, bert) = ("+4930111111", "+4930222222");
    let writer = open();
    let (first, second) = running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        let batch = vec![arrival(1, anna), arrival(2, bert), arrival(3, anna)];
        let written = writer.append(epoch, batch).await.unwrap();
        assert_eq!(named(&written[0]), named(&written[2]));
        assert_ne!(named(&written[0]), named(&written[1]));
        assert_eq!(writer.read(Seq(0), 9).await.unwrap(), written);
        (named(&written[0]), named(&written[1]))
    });
    assert_eq!(names.of(&first).as_deref(), Some(anna));
    drop(writer);

    // A successor knows her by the row alone.
    let writer = open();
    running(async {
        let epoch = writer.acquire("b".into()).await.unwrap();
        let again = writer.append(epoch, vec![arrival(4, anna)]).await.unwrap();
        assert_eq!(named(&again[0]), first);
        assert_eq!(
            writer.find_customer(anna.into()).await.unwrap(),
            std::slice::from_ref(&first)
        );
        let erase = erasure(5, &first);
        writer.append(epoch, vec![erase]).await.unwrap();
        assert_eq!(names.of(&first), None);
        assert_eq!(writer.find_customer(anna.into()).await.unwrap(), [""; 0]);
        let new = writer.append(epoch, vec![arrival(6, anna)]).await.unwrap();
        assert_ne!(named(&new[0]), first, "somebody new");
        assert_eq!(
            writer.find_customer(bert.into()).await.unwrap(),
            std::slice::from_ref(&second)
        );
    });
    drop(writer);
    let mut store = home.open();
    let rows = store.customers(&[first.clone(), second.clone()]).unwrap();
    assert_eq!(
        rows.iter().map(|row| &row.id).collect::<Vec<_>>(),
        [&second]
    );
    // Whoever has the database and not the tenant's key learns nothing; names are opened again with it.
    let other = Names::default();
    let stranger = TenantKey::new(b"fedcba9876543210").unwrap();
    let writer = Writer::sealing(store, Vault::new(&stranger, other.clone())).unwrap();
    running(writer.open_customers(vec![second.clone()])).unwrap();
    assert_eq!(other.of(&second), None);
    drop(writer);
    let writer = Writer::sealing(home.open(), Vault::new(&key, other.clone())).unwrap();
    running(writer.open_customers(vec![second.clone()])).unwrap();
    assert_eq!(other.of(&second).as_deref(), Some(bert));
}

pub fn whoever_comes_in_the_commit_that_erases_them_is_somebody_new(home: &Home) {
    let key = key();
    let names = Names::default();
    let open = |names: &Names| Writer::sealing(home.open(), Vault::new(&key, names.clone()));
    let (anna, bert) = ("+4930111111", "+4930222222");
    let row_of = |id: &String| {
        let rows = home.open().customers(std::slice::from_ref(id)).unwrap();
        rows.into_iter().next()
    };
    let writer = open(&names).unwrap();
    let (first, other) = running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        let batch = vec![arrival(1, anna), arrival(2, bert)];
        let written = writer.append(epoch, batch).await.unwrap();
        (named(&written[0]), named(&written[1]))
    });
    drop(writer);
    let old = row_of(&first).unwrap();

    // As long as she is on her way in, she is erased: before, between, and behind contacts of hers.
    let writer = open(&names).unwrap();
    let second = running(async {
        let epoch = writer.acquire("b".into()).await.unwrap();
        let batch = vec![
            arrival(3, anna),
            erasure(4, &first),
            arrival(5, anna),
            arrival(6, bert),
            arrival(7, anna),
        ];
        let written = writer.append(epoch, batch).await.unwrap();
        assert_eq!(named(&written[0]), first);
        let second = named(&written[2]);
        assert_ne!(second, first, "somebody new");
        assert_eq!(named(&written[3]), other);
        assert_eq!(named(&written[4]), second);
        assert_eq!(names.of(&first), None);
        assert_eq!(names.of(&second).as_deref(), Some(anna));
        second
    });
    drop(writer);
    assert_eq!(row_of(&first), None, "the old records lead nowhere");
    let new = row_of(&second).unwrap();
    assert_ne!(new.key, old.key);
    assert_eq!(new.lookup, old.lookup);

    // Whoever knows the journal alone learns of the new one, who goes on as such, also when they are at hand.
    let names = Names::default();
    let writer = open(&names).unwrap();
    running(async {
        let ids = vec![first.clone(), second.clone()];
        writer.open_customers(ids).await.unwrap();
        assert_eq!(names.of(&first), None);
        assert_eq!(names.of(&second).as_deref(), Some(anna));
        let epoch = writer.acquire("c".into()).await.unwrap();
        for seq in [8, 9] {
            let again = writer
                .append(epoch, vec![arrival(seq, anna)])
                .await
                .unwrap();
            assert_eq!(named(&again[0]), second);
        }
        // She alone was in memory; what follows her erasure in its commit is as new as the first time.
        let batch = vec![erasure(10, &second), arrival(11, anna)];
        let written = writer.append(epoch, batch).await.unwrap();
        let third = named(&written[1]);
        assert_ne!(third, second);
        let again = writer.append(epoch, vec![arrival(12, anna)]).await.unwrap();
        assert_eq!(named(&again[0]), third, "their next call finds them");
        assert_eq!(writer.find_customer(anna.into()).await.unwrap(), [third]);
    });
    drop(writer);
    assert_eq!(row_of(&second), None);
    let kept = row_of(&other).unwrap();
    assert_eq!(kept.id, other);
}

pub fn whoever_comes_again_when_retention_has_cut_them_is_somebody_new(home: &Home) {
    let vault = Vault::new(&key(), Names::default());
    let writer = Writer::sealing(home.open(), vault).unwrap();
    running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        let batch = vec![arrival(1, "+4930111111"), arrival(2, "+4930222222")];
        let before = writer.append(epoch, batch).await.unwrap();
        let cut = writer.cut(epoch, Time(2_000), 9).await.unwrap();
        assert_eq!(cut.customers, 1, "who came last before that");
        let batch = vec![arrival(3, "+4930111111"), arrival(4, "+4930222222")];
        let again = writer.append(epoch, batch).await.unwrap();
        assert_ne!(named(&again[0]), named(&before[0]));
        assert_eq!(named(&again[1]), named(&before[1]));
    });
}

pub fn a_number_is_one_customer_however_it_is_written_and_a_name_is_what_it_is(home: &Home) {
    let key = key();
    let names = Names::default();
    let open = || Writer::sealing(home.open(), Vault::new(&key, names.clone())).unwrap();
    let spellings = ["+49 30 900001", "+4930900001", "004930900001", "4930900001"];
    let arrivals = |from: u64, customers: &[&str]| -> Vec<Entry> {
        let numbered = customers.iter().zip(from..);
        numbered.map(|(text, seq)| arrival(seq, text)).collect()
    };
    let mut writer = open();
    let first = running(async {
        let epoch = writer.acquire("a".into()).await.unwrap();
        // In one commit, and one by one.
        let batch = arrivals(1, &spellings);
        let written = writer.append(epoch, batch).await.unwrap();
        let first = named(&written[0]);
        assert!(written.iter().all(|entry| named(entry) == first));
        for (seq, text) in (5..).zip(spellings) {
            let written = writer.append(epoch, arrivals(seq, &[text])).await.unwrap();
            assert_eq!(named(&written[0]), first, "{text}");
        }
        first
    });
    assert_eq!(names.of(&first).as_deref(), Some(spellings[0]));
    // A successor, who has nobody at hand.
    drop(writer);
    writer = open();
    running(async {
        let epoch = writer.acquire("b".into()).await.unwrap();
        for text in spellings {
            let found = writer.find_customer(text.into()).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&first), "{text}");
        }
        let others = ["030900001", "alice", "Alice", "49@30900001", "+49309000010"];
        let batch = arrivals(9, &[&others[..], &["004930900001"]].concat());
        let written = writer.append(epoch, batch).await.unwrap();
        let mut told: Vec<String> = written.iter().map(named).collect();
        assert_eq!(told.pop().as_ref(), Some(&first));
        told.push(first.clone());
        told.sort_unstable();
        told.dedup();
        assert_eq!(told.len(), others.len() + 1, "each is somebody else");
        writer
            .append(epoch, vec![erasure(15, &first)])
            .await
            .unwrap();
        for text in spellings {
            let found = writer.find_customer(text.into()).await.unwrap();
            assert_eq!(found, [""; 0], "{text}");
        }
    });
}
