//! A main loop that hangs while its process lives is found out; one that idles or waits for its journal is not.

use super::stalled::Stalling;
use super::*;

const LOOK: Duration = Duration::from_millis(100);
/// A loop that idles turns each second.
const LOOKS: u32 = 25;

/// Says when the loop is found to hang.
fn watched(turns: &Arc<Turns>) -> mpsc::UnboundedReceiver<()> {
    let (hangs, found) = mpsc::unbounded_channel();
    watchdog::watch(turns, LOOK, LOOKS, move || hangs.send(()).unwrap()).unwrap();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_loop_that_hangs_in_a_process_that_lives_is_found_out() {
    let it = Stalling::new().await;
    let mut found = watched(&it.bench.turns);
    // It is to decide, and somebody never lets go of the state.
    let (over, ends) = std::sync::mpsc::channel::<()>();
    let handle = it.bench.handle.clone();
    let (begin, begun) = tokio::sync::oneshot::channel();
    let holds = tokio::task::spawn_blocking(move || {
        let _state = handle.state();
        begin.send(()).unwrap();
        assert!(ends.recv().is_err());
    });
    begun.await.unwrap();
    it.report(Report::Input(Input::Tick));
    let hangs = tokio::time::timeout(Duration::from_secs(20), found.recv());
    assert_eq!(hangs.await.unwrap(), Some(()));
    drop(over);
    holds.await.unwrap();
    it.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_main_loop_that_idles_or_waits_for_its_journal_hangs_not() {
    let it = Stalling::new().await;
    let mut found = watched(&it.bench.turns);
    let longer = LOOK * (LOOKS + 10);
    tokio::time::sleep(longer).await;
    let stall = it.stall().await;
    it.report(Report::Input(Input::Tick));
    tokio::time::sleep(longer).await;
    stall.end().await;
    it.end().await;
    // Whoever watches ends with the loop.
    let told = tokio::time::timeout(Duration::from_secs(20), found.recv());
    assert_eq!(told.await.unwrap(), None);
}
