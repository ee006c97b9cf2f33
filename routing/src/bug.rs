//! Bugs of other systems, switched on one at a time in the deterministic simulation to prove
//! that its checker sees them. Without the feature `seeded-bugs` none can be switched on.

/// A class of bug that users of other systems suffer from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The end of a call is lost, and its agent is busy for ever.
    GhostAgent,
    /// No deadline is armed for an offer: the agent stays reserved.
    StuckReserved,
    /// A late answer to an older offer takes the newer one.
    StaleAnswer,
    /// A contact whose offer failed is in no line any more.
    LostAfterFailure,
    /// The caller has left, and the agent is still rung.
    ZombieLeg,
    /// Who did not take a contact is asked again at once.
    FastReOffer,
    /// Wrap-up ends too soon.
    WrapUpCutShort,
    /// An agent who is not ready stays in the pool.
    NotReadyInPool,
    /// An agent whose session died stays in the pool.
    AbsentInPool,
    /// An overflow is counted nowhere.
    WrongStatistics,
    /// A row counts for the team that its agent is in when their wrap-up ends, not where they talked.
    PastTakenAlong,
    /// Of an agent who wraps up it is said that they talk on.
    UntoldWrapUp,
    /// Who leaves unanswered is counted nowhere.
    UncountedAbandon,
    /// A restart forgets who was ready.
    PausedAfterRestart,
    /// The newest contact is served first.
    OldestStarved,
    /// A step that ends leaves nobody asked.
    StalledStep,
    /// A step that begins after somebody was asked never ends.
    EndlessStep,
    /// Who comes back from an offer stands behind everybody.
    BackOfTheLine,
    /// One agent who may not be asked stands in front of those who may.
    UnavailableHead,
    /// A customer who calls again is called back all the same.
    ServedTwice,
    /// A consult outlives the contact that it was about.
    ForgottenConsult,
    /// A caller is promised a call whom nobody can call.
    EmptyPromise,
    /// A callback whose customer was not reached is never tried again.
    ForgottenCallback,
    /// A customer who is never reached is tried for ever.
    TriedForEver,
    /// A long contact is offered just before a break.
    BreakForgotten,
    /// Near a break a queue is not served though it owes its customers.
    DebtForgotten,
    /// Near a break a queue with a service level is served whether it owes anybody or not.
    DebtAssumed,
    /// A callback stays in line when the hours have ended in which it may be called.
    CalledAfterHours,
    /// A customer is called outside the window that they named.
    WindowForgotten,
    /// A queue is open on a holiday.
    HolidayForgotten,
    /// The first in rank is sought queue by queue.
    QueueBeforeRank,
    /// An agent is asked for more than they have room for.
    Overloaded,
    /// Who answered while the database stalled counts as one who didn't.
    BlamedForStall,
    /// Who answered while their media host was not heard counts as one who didn't.
    BlamedForSilence,
    /// Of a shared team's contacts the first in rank is served, whatever its client's share.
    FairShareIgnored,
    /// Idle time runs from the sign-in, whatever was done since.
    IdleSinceSignIn,
    /// Of the most skilled who are wanted the first by name is asked.
    SkillIgnored,
    /// Turns begin anew with each contact.
    TurnForgotten,
    /// Who has least in hand is not told from who has more.
    LoadIgnored,
    /// Of who have as much in hand it is not told who has worked less.
    WorkIgnored,
    /// What a step prefers orders nobody.
    PreferenceIgnored,
    /// Every client of a shared team weighs the same.
    WeightIgnored,
    /// Who had nothing waiting comes back with a claim on the past.
    PastClaimed,
}

#[cfg(feature = "seeded-bugs")]
impl crate::Core {
    /// Switches a bug on.
    pub fn seed_bug(&mut self, bug: Bug) {
        self.bug = Some(bug);
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

#[cfg(not(feature = "seeded-bugs"))]
impl crate::Core {
    pub(crate) const fn has(&self, _: Bug) -> bool {
        false
    }
}
