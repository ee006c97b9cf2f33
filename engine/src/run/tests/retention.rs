//! When what is old is cut, on a clock of the test's own: it stands still while anything is done, so each time is exact.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::super::retention::keep;
use super::*;

/// What the journal was asked for.
#[derive(Debug, PartialEq)]
pub(super) enum Asked {
    Cut { before: Time, limit: usize },
    Mark { apart: Span },
}

/// Tells what a journal is asked for, and answers in the store's place.
pub(super) struct Housekeeping {
    pub(super) told: mpsc::UnboundedSender<Asked>,
    pub(super) cuts: VecDeque<Result<Cut, JournalError>>,
    /// At the last mark.
    pub(super) stale: bool,
}

const DAY: i64 = 86_400_000_000;
const NOW: Time = Time(1_000 * DAY);
const RETENTION: Span = Span(400 * DAY);

struct Kept {
    asked: mpsc::UnboundedReceiver<Asked>,
    writer: Option<Arc<Writer>>,
    ends: super::super::handle::Ends,
    running: tokio::task::JoinHandle<()>,
    began: Instant,
    _dir: tempfile::TempDir,
}

impl Kept {
    async fn new(cuts: Vec<Result<Cut, JournalError>>, stale: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (told, asked) = mpsc::unbounded_channel();
        let journal = Failing {
            store: Sqlite::open(&dir.path().join("journal")).unwrap(),
            appends_left: 0,
            stalled: Arc::default(),
            each_takes: Duration::ZERO,
            keeps: Some(Housekeeping {
                told,
                cuts: cuts.into(),
                stale,
            }),
        };
        let writer = Arc::new(Writer::start(Box::new(journal)).unwrap());
        let epoch = writer.acquire("test".into()).await.unwrap();
        let (handle, ends) = Handle::new();
        ends.state.write().unwrap().directory.last = NOW;
        let began = Instant::now();
        let kept = keep(Arc::downgrade(&writer), epoch, handle, RETENTION);
        Self {
            asked,
            writer: Some(writer),
            ends,
            running: tokio::spawn(kept),
            began,
            _dir: dir,
        }
    }

    /// The next that the journal is asked for, and how long after the beginning.
    async fn next(&mut self) -> (Duration, Asked) {
        let asked = self.asked.recv().await.unwrap();
        (self.began.elapsed(), asked)
    }

    async fn cuts(&mut self, at: Duration, before: Time) {
        let limit = 2_000;
        assert_eq!(self.next().await, (at, Asked::Cut { before, limit }));
    }

    async fn marks(&mut self, at: Duration) {
        let apart = Span(RETENTION.0 / 57);
        assert_eq!(self.next().await, (at, Asked::Mark { apart }));
    }
}

fn cut(entries: u64, customers: u64) -> Result<Cut, JournalError> {
    Ok(Cut { entries, customers })
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_cut_a_minute_after_the_lead_and_each_hour_in_breaths_until_none_is_left() {
    let mut kept = Kept::new(vec![cut(2_000, 0), cut(0, 3), cut(0, 0)], false).await;
    let breath = Duration::from_millis(200);
    let before = NOW - RETENTION;
    kept.cuts(seconds(60), before).await;
    kept.cuts(seconds(60) + breath, before).await;
    kept.cuts(seconds(60) + 2 * breath, before).await;
    kept.marks(seconds(60) + 2 * breath).await;
    // By the journal's time of then.
    let later = NOW + Span::seconds(3_600);
    kept.ends.state.write().unwrap().directory.last = later;
    kept.cuts(seconds(3_660) + 2 * breath, later - RETENTION)
        .await;
    kept.marks(seconds(3_660) + 2 * breath).await;
    kept.cuts(seconds(7_260) + 2 * breath, later - RETENTION)
        .await;
    kept.marks(seconds(7_260) + 2 * breath).await;
    // It keeps no journal open.
    kept.writer = None;
    kept.running.await.unwrap();
    assert_eq!(kept.began.elapsed(), seconds(10_860) + 2 * breath);
}

#[tokio::test(start_paused = true)]
async fn a_cut_that_fails_is_tried_again_in_an_hour_and_one_of_who_leads_no_more_is_the_last() {
    let stale = || {
        Err(JournalError::Stale {
            ours: Epoch(1),
            current: Epoch(2),
        })
    };
    let cuts = vec![Err(JournalError::WriterGone), stale()];
    let mut kept = Kept::new(cuts, false).await;
    kept.cuts(seconds(60), NOW - RETENTION).await;
    kept.marks(seconds(60)).await;
    kept.cuts(seconds(3_660), NOW - RETENTION).await;
    kept.running.await.unwrap();
    assert_eq!(kept.began.elapsed(), seconds(3_660));

    let mut kept = Kept::new(Vec::new(), true).await;
    kept.cuts(seconds(60), NOW - RETENTION).await;
    kept.marks(seconds(60)).await;
    kept.running.await.unwrap();
    assert_eq!(kept.began.elapsed(), seconds(60));
}
