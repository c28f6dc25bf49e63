//! The list of all properties. There is no other: tests and runners are made from this one, so that
//! a new property reaches every backend with the next version of this crate.

/// Hands the list of all properties to the macro `$callback`, after what stands in the second
/// brackets: `module::property`, each with the module of
/// [`properties`](crate::properties) that it is in.
#[macro_export]
macro_rules! for_each_property {
    ([$($callback:tt)+] [$($first:tt)*]) => {
        $($callback)+! {
            [$($first)*]

            backend::reading::a_key_that_was_never_written_is_absent
            backend::reading::a_record_is_read_back_byte_for_byte
            backend::reading::a_head_is_read_without_its_data
            backend::reading::data_of_every_length_comes_back
            backend::reading::a_range_gives_exactly_its_bytes
            backend::reading::every_key_names_an_entry_of_its_own

            backend::conditions::a_write_that_expects_absence_never_overwrites
            backend::conditions::a_write_that_expects_a_version_replaces_that_state_alone
            backend::conditions::a_version_names_no_other_record
            backend::conditions::every_state_has_a_version_of_its_own
            backend::conditions::a_removal_reports_what_it_found
            backend::conditions::of_sixteen_writers_with_one_version_exactly_one_wins
            backend::conditions::of_sixteen_writers_that_create_exactly_one_does
            backend::conditions::of_sixteen_removals_exactly_one_removes
            backend::conditions::compare_and_set_loses_no_increment
            backend::conditions::concurrent_writes_of_different_keys_all_arrive

            backend::mixing::reads_during_replacement_never_mix_states
            backend::mixing::a_read_that_has_begun_gives_its_state_to_the_end
            backend::mixing::an_acknowledged_write_is_what_everyone_reads_next

            backend::streams::a_streamed_record_is_stored_like_one_in_a_single_piece
            backend::streams::empty_chunks_in_a_stream_are_no_end
            backend::streams::a_streamed_write_is_invisible_until_it_is_complete
            backend::streams::a_stream_that_fails_stores_nothing
            backend::streams::a_streamed_write_compares_when_it_is_complete
            backend::streams::a_record_can_be_streamed_into_another_of_the_same_store
            backend::streams::streams_that_stall_keep_nobody_waiting
            backend::streams::sixty_four_mebibytes_are_streamed_in_bounded_memory

            backend::listing::a_listing_names_every_key_once_and_no_other
            backend::listing::a_prefix_selects_the_text_keys_that_begin_with_it
            backend::listing::a_listing_of_ten_thousand_keys_waits_for_its_reader
            backend::listing::a_listing_under_change_names_what_stays_exactly_once
            backend::listing::a_listing_may_be_dropped_at_any_point

            backend::batches::a_batch_does_everything_or_is_unsupported
            backend::batches::a_batch_with_one_unmet_expectation_changes_nothing
            backend::batches::a_batch_that_makes_no_sense_is_refused_as_a_whole
            backend::batches::of_sixteen_batches_for_two_keys_one_wins_both

            backend::dropping::a_write_dropped_at_any_point_happened_or_did_not
            backend::dropping::a_removal_dropped_at_any_point_happened_or_did_not
            backend::dropping::a_batch_dropped_at_any_point_happened_or_did_not
            backend::dropping::a_read_dropped_at_any_point_leaves_the_store_usable
            backend::dropping::replies_dropped_in_a_crowd_leave_the_store_usable

            backend::closing::a_closed_store_answers_closed
            backend::closing::what_had_begun_when_the_store_closed_comes_to_an_end
            backend::closing::closing_among_writers_hangs_nobody

            backend::durable::reopening_keeps_everything
            backend::durable::versions_go_on_after_reopening
            backend::durable::sync_answers
            backend::durable::two_handles_on_one_storage_agree

            backend::damage::damage_to_any_byte_is_reported_or_harmless
            backend::damage::damage_to_many_bytes_is_reported_or_harmless
            backend::damage::a_record_that_is_cut_off_is_reported
            backend::damage::a_damaged_record_can_be_replaced_and_removed
            backend::damage::a_head_is_read_though_its_data_is_damaged

            backend::model::random_operations_answer_like_a_map

            larder::documents::what_was_never_stored_is_none
            larder::documents::a_stored_null_is_not_absence
            larder::documents::every_shape_of_value_comes_back
            larder::documents::every_key_holds_a_document_of_its_own
            larder::documents::assoc_replaces_and_dissoc_tells
            larder::documents::a_document_that_does_not_fit_the_type_is_reported

            larder::paths::get_in_follows_the_path_and_no_further
            larder::paths::assoc_in_creates_what_is_missing_and_keeps_the_rest
            larder::paths::an_index_at_the_end_of_an_array_appends
            larder::paths::a_path_that_makes_no_sense_is_refused_and_nothing_written
            larder::paths::dissoc_in_takes_out_what_the_path_names

            larder::updates::an_update_answers_with_old_and_new
            larder::updates::an_update_that_fails_writes_nothing
            larder::updates::a_counter_incremented_by_sixteen_tasks_loses_nothing
            larder::updates::a_counter_incremented_through_separate_handles_loses_nothing
            larder::updates::concurrent_pushes_keep_the_order_of_each_task
            larder::updates::concurrent_writers_of_one_document_do_not_undo_one_another
            larder::updates::get_sees_old_or_new_and_never_a_mixture

            larder::kinds::a_binary_is_no_document
            larder::kinds::a_document_is_no_binary
            larder::kinds::a_log_is_neither_document_nor_binary
            larder::kinds::any_kind_is_replaced_by_any_other

            larder::meta::the_meta_tells_what_is_stored
            larder::meta::what_the_user_adds_survives_updates
            larder::meta::the_store_s_own_entries_cannot_be_set
            larder::meta::a_meta_may_be_as_large_as_the_limit
            larder::meta::the_time_of_the_last_write_never_goes_backwards

            larder::binaries::a_binary_comes_and_goes_by_every_road
            larder::binaries::a_range_of_a_binary_tells_the_size_of_the_whole
            larder::binaries::a_source_that_fails_stores_nothing
            larder::binaries::a_binary_is_read_as_it_was_when_reading_began
            larder::binaries::a_binary_of_sixty_four_mebibytes_streams_through

            larder::entries::keys_and_entries_name_everything_once
            larder::entries::entries_that_come_and_go_are_no_errors

            larder::multi::multi_get_answers_in_order
            larder::multi::several_entries_are_written_together_or_unsupported
            larder::multi::several_entries_are_written_one_by_one_everywhere

            larder::logs::a_log_gives_back_what_was_appended_in_order
            larder::logs::appending_rewrites_nothing
            larder::logs::concurrent_appends_are_all_there
            larder::logs::a_reader_sees_a_beginning_of_the_log
            larder::logs::a_removed_log_leaves_nothing_behind

            larder::hooks::a_hook_is_told_of_every_write_once
            larder::hooks::a_hook_is_not_told_of_what_was_not_written
            larder::hooks::a_hook_that_is_removed_is_told_no_more
            larder::hooks::a_hook_that_panics_leaves_the_store_usable

            larder::limits::what_is_too_large_is_refused_everywhere
            larder::limits::a_path_may_be_as_deep_as_the_limit
            larder::limits::the_store_s_own_keys_are_refused

            larder::dropping::an_operation_dropped_at_any_point_happened_or_did_not
            larder::dropping::an_append_dropped_at_any_point_happened_or_did_not
            larder::dropping::an_update_dropped_at_any_point_lets_the_others_finish

            larder::closing::a_closed_larder_answers_closed

            larder::durable::reopening_finds_everything_as_it_was

            larder::damage::damage_is_never_delivered
            larder::damage::what_is_damaged_can_be_replaced_and_not_updated

            larder::model::random_operations_answer_like_a_map_of_trees
        }
    };
}

/// Makes one `#[test]` per property, against the stores that the expression opens: a
/// [`Harness`](crate::Harness), evaluated anew for every test.
///
/// ```
/// # use std::future::Future;
/// # struct InMemory;
/// # impl larder_conformance::Harness for InMemory {
/// #     type Backend = larder_memory::Memory;
/// #     fn block_on<T>(&self, future: impl Future<Output = T>) -> T { pollster::block_on(future) }
/// #     async fn open(&self) -> larder::Result<Self::Backend> { Ok(larder_memory::Memory::new()) }
/// # }
/// // In a module of its own, so that several can stand side by side.
/// mod in_memory {
///     use super::*;
///     larder_conformance::conformance_tests!(InMemory);
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! conformance_tests {
    ($harness:expr $(,)?) => {
        $crate::for_each_property! { [$crate::__test_each] [$harness] }
    };
}

/// The callback of [`conformance_tests!`].
#[doc(hidden)]
#[macro_export]
macro_rules! __test_each {
    ([$harness:expr] $($level:ident::$module:ident::$property:ident)*) => {$(
        #[test]
        fn $property() {
            $crate::__check(stringify!($property), &$harness, $crate::properties::$level::$module::$property);
        }
    )*};
}

/// A property, and its name.
pub type Property<H> = (&'static str, fn(&H));

macro_rules! listed {
    ([] $($level:ident::$module:ident::$property:ident)*) => {
        /// All properties, for those who run them otherwise than by
        /// [`conformance_tests!`](crate::conformance_tests). Each panics if it does not hold.
        pub fn all_properties<H: $crate::Harness>() -> Vec<Property<H>> {
            vec![$((stringify!($property), $crate::properties::$level::$module::$property::<H>)),*]
        }
    };
}
for_each_property! { [listed] [] }
