//! The ways in which a backend can be broken, one at a time.

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breakage {
    /// Nothing: the suite must pass.
    None,
    /// A conditional write never compares the version.
    VersionIsNotCompared,
    /// It compares, and writes later, without a lock around both.
    ComparesAndWritesLater,
    /// `Expect::Absent` overwrites.
    AbsentOverwrites,
    /// A write answers `Unmet`, and happens all the same.
    UnmetWrites,
    /// Every fiftieth write is acknowledged and does not happen.
    LosesWrites,
    /// All states of a record have the same version.
    VersionDoesNotChange,
    /// A read gives another version than the write answered.
    ReadGivesAnotherVersion,
    /// Removing nothing is reported as having removed something.
    RemovalAlwaysDone,
    /// A conditional removal does not compare.
    RemovalDoesNotCompare,
    /// A removal leaves the record.
    RemovalKeepsTheRecord,
    /// Only the key, the time and the data are stored: kind and user entries get lost.
    ForgetsTheMeta,
    /// Texts that differ in case alone are one key.
    FoldsCase,
    /// Long keys are cut.
    CutsLongKeys,
    /// A listing names some key twice.
    ListsTwice,
    /// A listing misses some key.
    ListsTooFew,
    /// A listing names what was removed.
    ListsRemovedKeys,
    /// A listing with a prefix names all keys.
    IgnoresPrefix,
    /// A listing goes by pages and counts how many keys it has passed.
    ListsByOffset,
    /// A listing looks once, when it is first polled, and gives up if anything was removed meanwhile.
    ListingFailsUnderChange,
    /// From the first key of a listing to its end nothing can be written.
    ListingBlocksWriters,
    /// Head and data are read one after the other.
    MixesHeadAndData,
    /// Every chunk of a stream is read from the present state.
    StreamsThePresentState,
    /// The head of a record is kept from the first read.
    StaleHead,
    /// A range ends one byte too late.
    RangeOffByOne,
    /// The last byte of data beyond 64 KiB gets lost.
    CutsLargeData,
    /// A streamed write shows what has come so far.
    ShowsUnfinishedStreams,
    /// A stream that fails is stored as far as it came.
    StoresFailedStreams,
    /// The expectation of a streamed write is compared before the stream is read.
    ComparesBeforeTheStream,
    /// A stream is stored with a byte more than it had.
    PadsStreams,
    /// A stream that is being read ends without an error when the store is closed.
    ClosingCutsStreams,
    /// An empty chunk ends the stream.
    EmptyChunkEndsTheStream,
    /// A streamed write holds a lock that every other write takes.
    StreamsBlockTheKey,
    /// All chunks of a stream are kept until it is complete, though streams are claimed.
    CollectsStreams,
    /// Streams are claimed, and what is read comes in one piece.
    ReadsInOnePiece,
    /// A write removes the old record first, and waits in between.
    WritesInTwoSteps,
    /// A read that is dropped leaves the key blocked for ever.
    DroppedReadBlocksTheKey,
    /// A removal that is dropped leaves the key blocked for ever.
    DroppedRemovalBlocksTheKey,
    /// A batch is applied write by write, until one is unmet.
    BatchAppliesPartly,
    /// A batch compares all, and writes later.
    BatchIsNotAtomic,
    /// A batch takes the same key twice.
    BatchTakesKeysTwice,
    /// Batches are claimed and not there.
    ClaimsBatches,
    /// Batches are there and not claimed.
    HidesBatches,
    /// A closed backend goes on answering reads.
    ReadsAfterClose,
    /// The listing of a closed backend is empty.
    ListsNothingAfterClose,
    /// Closing twice is an error.
    ClosesOnce,
    /// Data is declared verified, and nobody has looked at it.
    DeliversDamageAsVerified,
    /// A read of the head reads everything.
    ReadsDataForTheHead,
    /// A damaged record counts as absent.
    DamageIsAbsence,
    /// A damaged record cannot be replaced.
    DamageCannotBeReplaced,
    /// The last write before closing is not there after reopening.
    ForgetsTheLastWrite,
    /// Removed records come back at reopening.
    RemovalIsNotDurable,
    /// Opening again opens something else.
    SharesNothing,
    /// It claims to be durable, and there is no way to reopen it.
    ClaimsDurability,
}
