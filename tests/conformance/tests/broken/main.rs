//! The suite, tested: on two backends that are as they should be, and on many that are broken in one
//! way each, every one of which some property must catch.

mod breakage;
mod broken_store;
mod medium;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use larder::Result;
use larder_conformance::{Harness, Tamper, all_properties};
use larder_memory::Memory;

use crate::breakage::Breakage;
use crate::broken_store::Broken;
use crate::medium::{Disk, Medium, RawBytes};

/// Lets others run.
async fn pause() {
    // Several times: whoever drives an operation may look at it more than once before it lets others run.
    const POLLS: u32 = 8;
    let mut polls = 0;
    std::future::poll_fn(|cx| {
        polls += 1;
        if polls > POLLS {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// A memory store, broken in this way or not at all.
struct OverMemory(Breakage);

impl Harness for OverMemory {
    type Backend = Broken;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    async fn open(&self) -> Result<Broken> {
        Ok(Broken::new(self.0, Memory::new()))
    }
}

/// A durable store, broken in this way or not at all.
struct OverMedium(Breakage, Disk);

impl OverMedium {
    fn new(breakage: Breakage) -> OverMedium {
        OverMedium(breakage, Disk::default())
    }
}

impl Harness for OverMedium {
    type Backend = Broken;

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        pollster::block_on(future)
    }

    async fn open(&self) -> Result<Broken> {
        Ok(Broken::new(self.0, Medium::open(&self.1)))
    }

    async fn reopen(&self) -> Option<Result<Broken>> {
        match self.0 {
            Breakage::SharesNothing => Some(Ok(Broken::new(self.0, Medium::open(&Disk::default())))),
            _ => Some(self.open().await),
        }
    }

    fn tamper(&self) -> Option<Box<dyn Tamper + '_>> {
        Some(Box::new(RawBytes(&self.1)))
    }
}

/// The wrapper itself breaks nothing, and the suite passes what is as it should be.
mod unbroken_memory {
    larder_conformance::conformance_tests!(super::OverMemory(super::Breakage::None));
}

/// The same for a backend that claims everything else: durable, shared, streaming, without batches.
mod unbroken_medium {
    larder_conformance::conformance_tests!(super::OverMedium::new(super::Breakage::None));
}

/// Runs a property on a broken store, and fails if it holds.
fn catches<H: Harness>(property: &str, harness: &H) {
    let all = all_properties::<H>();
    let found = all.iter().find(|(name, _)| *name == property);
    let (_, check) = found.unwrap_or_else(|| panic!("there is no property {property}"));
    let caught = catch_unwind(AssertUnwindSafe(|| check(harness))).is_err();
    assert!(caught, "{property} holds on a store that is broken");
}

/// What is broken, and which properties must catch it: one `#[test]` for each line.
macro_rules! caught {
    ($($test:ident: $breakage:ident on $store:expr => $($property:ident)+;)+) => {$(
        #[test]
        fn $test() {
            $(catches(stringify!($property), &$store(Breakage::$breakage));)+
        }
    )+};
}

caught! {
    a_version_that_is_not_compared_is_caught: VersionIsNotCompared on OverMemory =>
        a_write_that_expects_a_version_replaces_that_state_alone
        of_sixteen_writers_with_one_version_exactly_one_wins
        a_version_names_no_other_record
        compare_and_set_loses_no_increment
        a_counter_incremented_through_separate_handles_loses_nothing
        random_operations_answer_like_a_map;
    comparing_and_writing_later_is_caught: ComparesAndWritesLater on OverMemory =>
        of_sixteen_writers_with_one_version_exactly_one_wins
        of_sixteen_writers_that_create_exactly_one_does
        compare_and_set_loses_no_increment
        a_counter_incremented_through_separate_handles_loses_nothing
        concurrent_appends_are_all_there;
    an_absence_that_overwrites_is_caught: AbsentOverwrites on OverMemory =>
        a_write_that_expects_absence_never_overwrites
        of_sixteen_writers_that_create_exactly_one_does
        random_operations_answer_like_a_map
        concurrent_appends_are_all_there;
    an_unmet_write_that_happens_is_caught: UnmetWrites on OverMemory =>
        a_write_that_expects_absence_never_overwrites
        a_write_that_expects_a_version_replaces_that_state_alone;
    lost_writes_are_caught: LosesWrites on OverMemory =>
        concurrent_writes_of_different_keys_all_arrive
        an_acknowledged_write_is_what_everyone_reads_next;
    a_version_that_does_not_change_is_caught: VersionDoesNotChange on OverMemory =>
        every_state_has_a_version_of_its_own
        a_write_that_expects_a_version_replaces_that_state_alone
        reads_during_replacement_never_mix_states;
    another_version_in_a_read_is_caught: ReadGivesAnotherVersion on OverMemory =>
        every_state_has_a_version_of_its_own
        a_head_is_read_without_its_data;
    a_removal_that_is_always_done_is_caught: RemovalAlwaysDone on OverMemory =>
        a_removal_reports_what_it_found
        of_sixteen_removals_exactly_one_removes
        assoc_replaces_and_dissoc_tells
        a_key_that_was_never_written_is_absent
        what_was_never_stored_is_none
        several_entries_are_written_one_by_one_everywhere;
    a_removal_that_does_not_compare_is_caught: RemovalDoesNotCompare on OverMemory =>
        a_removal_reports_what_it_found
        a_version_names_no_other_record;
    a_removal_that_keeps_the_record_is_caught: RemovalKeepsTheRecord on OverMemory =>
        a_removal_reports_what_it_found
        assoc_replaces_and_dissoc_tells
        any_kind_is_replaced_by_any_other
        a_removed_log_leaves_nothing_behind;
    a_meta_that_gets_lost_is_caught: ForgetsTheMeta on OverMemory =>
        a_record_is_read_back_byte_for_byte
        what_the_user_adds_survives_updates
        the_meta_tells_what_is_stored
        every_shape_of_value_comes_back;
    folded_case_is_caught: FoldsCase on OverMemory =>
        every_key_names_an_entry_of_its_own
        every_key_holds_a_document_of_its_own;
    cut_keys_are_caught: CutsLongKeys on OverMemory =>
        every_key_names_an_entry_of_its_own;
    a_key_that_is_listed_twice_is_caught: ListsTwice on OverMemory =>
        a_listing_names_every_key_once_and_no_other
        a_listing_of_ten_thousand_keys_waits_for_its_reader
        a_listing_under_change_names_what_stays_exactly_once;
    a_key_that_is_not_listed_is_caught: ListsTooFew on OverMemory =>
        a_listing_names_every_key_once_and_no_other
        a_listing_of_ten_thousand_keys_waits_for_its_reader
        a_listing_under_change_names_what_stays_exactly_once;
    listed_keys_that_were_removed_are_caught: ListsRemovedKeys on OverMemory =>
        a_listing_names_every_key_once_and_no_other
        random_operations_answer_like_a_map_of_trees;
    an_ignored_prefix_is_caught: IgnoresPrefix on OverMemory =>
        a_prefix_selects_the_text_keys_that_begin_with_it
        keys_and_entries_name_everything_once;
    a_listing_by_offset_is_caught: ListsByOffset on OverMemory =>
        a_listing_of_ten_thousand_keys_waits_for_its_reader;
    a_listing_that_fails_under_change_is_caught: ListingFailsUnderChange on OverMemory =>
        a_listing_of_ten_thousand_keys_waits_for_its_reader
        a_listing_under_change_names_what_stays_exactly_once;
    a_listing_that_blocks_writers_is_caught: ListingBlocksWriters on OverMemory =>
        a_listing_may_be_dropped_at_any_point
        a_listing_of_ten_thousand_keys_waits_for_its_reader
        a_listing_under_change_names_what_stays_exactly_once;
    a_head_with_the_data_of_another_state_is_caught: MixesHeadAndData on OverMemory =>
        reads_during_replacement_never_mix_states;
    a_stream_of_the_present_state_is_caught: StreamsThePresentState on OverMemory =>
        a_read_that_has_begun_gives_its_state_to_the_end
        a_binary_is_read_as_it_was_when_reading_began;
    a_stale_head_is_caught: StaleHead on OverMemory =>
        a_head_is_read_without_its_data
        the_meta_tells_what_is_stored
        random_operations_answer_like_a_map_of_trees;
    a_range_that_is_off_by_one_is_caught: RangeOffByOne on OverMemory =>
        a_range_gives_exactly_its_bytes
        a_range_of_a_binary_tells_the_size_of_the_whole;
    large_data_that_is_cut_is_caught: CutsLargeData on OverMemory =>
        data_of_every_length_comes_back;
    an_unfinished_stream_that_shows_is_caught: ShowsUnfinishedStreams on OverMemory =>
        a_streamed_write_is_invisible_until_it_is_complete
        a_stream_that_fails_stores_nothing
        a_source_that_fails_stores_nothing;
    a_failed_stream_that_is_stored_is_caught: StoresFailedStreams on OverMemory =>
        a_stream_that_fails_stores_nothing
        a_source_that_fails_stores_nothing;
    comparing_before_the_stream_is_caught: ComparesBeforeTheStream on OverMemory =>
        a_streamed_write_compares_when_it_is_complete;
    a_padded_stream_is_caught: PadsStreams on OverMemory =>
        a_streamed_record_is_stored_like_one_in_a_single_piece
        a_record_can_be_streamed_into_another_of_the_same_store
        a_binary_comes_and_goes_by_every_road;
    a_stream_that_closing_cuts_is_caught: ClosingCutsStreams on OverMedium::new =>
        what_had_begun_when_the_store_closed_comes_to_an_end;
    an_empty_chunk_that_ends_a_stream_is_caught: EmptyChunkEndsTheStream on OverMemory =>
        empty_chunks_in_a_stream_are_no_end;
    a_stream_that_blocks_its_key_is_caught: StreamsBlockTheKey on OverMemory =>
        streams_that_stall_keep_nobody_waiting
        a_write_dropped_at_any_point_happened_or_did_not
        a_streamed_write_is_invisible_until_it_is_complete;
    a_stream_that_is_collected_is_caught: CollectsStreams on OverMemory =>
        sixty_four_mebibytes_are_streamed_in_bounded_memory;
    a_collected_stream_on_a_medium_is_caught: CollectsStreams on OverMedium::new =>
        sixty_four_mebibytes_are_streamed_in_bounded_memory;
    a_large_read_in_one_piece_is_caught: ReadsInOnePiece on OverMedium::new =>
        sixty_four_mebibytes_are_streamed_in_bounded_memory
        a_binary_of_sixty_four_mebibytes_streams_through;
    a_write_in_two_steps_is_caught: WritesInTwoSteps on OverMemory =>
        a_write_dropped_at_any_point_happened_or_did_not
        an_operation_dropped_at_any_point_happened_or_did_not;
    a_dropped_read_that_blocks_is_caught: DroppedReadBlocksTheKey on OverMemory =>
        a_read_dropped_at_any_point_leaves_the_store_usable
        replies_dropped_in_a_crowd_leave_the_store_usable
        an_update_dropped_at_any_point_lets_the_others_finish;
    a_dropped_removal_that_blocks_is_caught: DroppedRemovalBlocksTheKey on OverMemory =>
        a_removal_dropped_at_any_point_happened_or_did_not
        an_operation_dropped_at_any_point_happened_or_did_not;
    a_batch_that_is_applied_partly_is_caught: BatchAppliesPartly on OverMemory =>
        a_batch_with_one_unmet_expectation_changes_nothing
        a_batch_that_makes_no_sense_is_refused_as_a_whole
        a_batch_dropped_at_any_point_happened_or_did_not;
    a_batch_that_is_not_atomic_is_caught: BatchIsNotAtomic on OverMemory =>
        of_sixteen_batches_for_two_keys_one_wins_both;
    a_batch_with_a_key_twice_is_caught: BatchTakesKeysTwice on OverMemory =>
        a_batch_that_makes_no_sense_is_refused_as_a_whole;
    batches_that_are_claimed_and_missing_are_caught: ClaimsBatches on OverMemory =>
        a_batch_does_everything_or_is_unsupported
        several_entries_are_written_together_or_unsupported;
    batches_that_are_there_and_not_claimed_are_caught: HidesBatches on OverMemory =>
        a_batch_does_everything_or_is_unsupported;
    reads_after_close_are_caught: ReadsAfterClose on OverMemory =>
        a_closed_store_answers_closed
        a_closed_larder_answers_closed
        closing_among_writers_hangs_nobody;
    an_empty_listing_after_close_is_caught: ListsNothingAfterClose on OverMemory =>
        a_closed_store_answers_closed
        a_closed_larder_answers_closed;
    closing_only_once_is_caught: ClosesOnce on OverMemory =>
        a_closed_store_answers_closed
        a_closed_larder_answers_closed;
    damage_that_is_delivered_as_verified_is_caught: DeliversDamageAsVerified on OverMedium::new =>
        damage_to_any_byte_is_reported_or_harmless
        damage_to_many_bytes_is_reported_or_harmless
        damage_is_never_delivered;
    data_that_is_read_for_the_head_is_caught: ReadsDataForTheHead on OverMedium::new =>
        a_head_is_read_though_its_data_is_damaged;
    damage_that_counts_as_absence_is_caught: DamageIsAbsence on OverMedium::new =>
        damage_to_any_byte_is_reported_or_harmless
        a_record_that_is_cut_off_is_reported
        damage_is_never_delivered;
    damage_that_cannot_be_replaced_is_caught: DamageCannotBeReplaced on OverMedium::new =>
        a_damaged_record_can_be_replaced_and_removed
        what_is_damaged_can_be_replaced_and_not_updated;
    a_forgotten_last_write_is_caught: ForgetsTheLastWrite on OverMedium::new =>
        reopening_keeps_everything
        sync_answers
        random_operations_answer_like_a_map;
    a_removal_that_is_not_durable_is_caught: RemovalIsNotDurable on OverMedium::new =>
        reopening_keeps_everything
        versions_go_on_after_reopening
        reopening_finds_everything_as_it_was;
    handles_that_share_nothing_are_caught: SharesNothing on OverMedium::new =>
        two_handles_on_one_storage_agree
        reopening_keeps_everything
        reopening_finds_everything_as_it_was;
    durability_that_cannot_be_shown_is_caught: ClaimsDurability on OverMemory =>
        reopening_keeps_everything
        damage_to_any_byte_is_reported_or_harmless
        reopening_finds_everything_as_it_was;
}
