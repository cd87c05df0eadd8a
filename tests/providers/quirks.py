"""What providers of these families really do, and the tests that hold what we do about it: 35 quirks, 28 contradictions.

A proof is a test's node id; without parameters it stands for all of them.
Source: provider notes, sections 7 and 9; the numbers are theirs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Quirk:
    number: int
    says: str
    proofs: tuple[str, ...]


P = "tests/providers/test_"
COMMON, HTTP, APERTIS, VIDEOS, OPENAI, AIID, MINIMAX, A4F, SSE, SPECS = (
    f"{P}{name}.py::test_"
    for name in (
        "common",
        "http",
        "apertis",
        "apertis_videos",
        "openai_videos",
        "aiid",
        "minimax",
        "a4f",
        "sse",
        "specs",
    )
)
ENDS, HARD, ALL, ONLY_AIID, PROMISES = (
    f"tests/lifecycle/test_{name}.py::test_" for name in ("endings", "hard_cases", "providers", "aiid", "promises")
)
SUBMIT, POLL, RESULTS, KEYS = (f"tests/faults/test_{name}.py::test_" for name in ("submit", "poll", "results", "keys"))
BOUNDS, A4F_ENDS = (f"tests/synchronous/test_{name}.py::test_" for name in ("bounds", "a4f_endings"))
LIMITS, LISTING = "tests/breaker/test_limits.py::test_", "tests/reconcile/test_listing_host.py::test_"
CONTRACT, FORMS, CAST = (f"tests/test_{name}.py::test_" for name in ("contract", "forms", "cast"))
SANDBOX = "tests/sandbox/test_"
TOLD = "every_ending_is_told_truthfully_and_paid_once"
STATUS = "every_status_means_one_thing"
ANSWERS = "every_answer_to_the_paid_request_has_its_class"


def ends(*names: str) -> tuple[str, ...]:
    return tuple(f"{ENDS}{TOLD}[{name}]" for name in names)


def everywhere(*names: str, providers: str = "aiid minimax openai") -> tuple[str, ...]:
    return tuple(f"{ALL}{TOLD}[{provider} {name}]" for provider in providers.split() for name in names)


QUIRKS = (
    Quirk(1, "an id has signs that mean something in an address: it is opaque, at most 512, quoted in path and query",
          (f"{APERTIS}ids_are_opaque_and_always_quoted", f"{OPENAI}ids_are_opaque_and_always_quoted",
           f"{AIID}ids_are_always_quoted", f"{SUBMIT}an_id_is_taken_as_it_is_and_asked_for_as_it_is",
           f"{SANDBOX}validation.py::test_a_query_takes_raw_and_encoded_ids")),
    Quirk(2, "a query answers with another id: the first one is kept",
          (f"{ENDS}the_first_id_is_kept_when_later_answers_name_another", *ends("id-drift"), *everywhere("id-drift"))),
    Quirk(3, "the id stands under four names: the first that holds one counts",
          (f"{COMMON}the_id_is_found_wherever_hosts_name_it", *everywhere("no-id", providers="aiid"),
           *everywhere("id-at=data.task_id"))),
    Quirk(4, "a length is a text, a number or missing: what the document prints is sent, anything is read",
          (f"{OPENAI}every_setting_is_sent_as_text_and_an_image_by_its_address",
           f"{VIDEOS}sora_through_create_is_the_documents_own",
           f"{OPENAI}a_length_of_any_type_or_none_is_read",
           *everywhere("seconds-as=int", "seconds-as=none", providers="aiid openai"))),
    Quirk(5, "times in seconds, milliseconds, microseconds or ISO, mixed in one answer",
          (f"{OPENAI}times_are_seconds_whatever_the_host_sends",
           "tests/reconcile/test_odd_hosts.py::test_times_in_milliseconds_are_understood", *ends("ms"),
           *everywhere("ms", providers="aiid openai"))),
    Quirk(6, "dozens of status words: a table, and an unknown one means still running, said once, until the deadline",
          (f"{COMMON}status_words_are_read_in_any_case", f"{POLL}a_strange_word_is_logged_once", *everywhere("unknown-status"),
           f"{POLL}a_job_that_never_ends_is_a_doubt_at_its_deadline_and_asked_about_ever_more_slowly")),
    Quirk(7, "`video_generation_completed` comes before the upscaling: it is waited for",
          (f"{ENDS}a_render_that_is_still_being_upscaled_is_not_taken", f"{APERTIS}{STATUS}",
           f"{SANDBOX}validation.py::test_upsampling_adds_its_own_status_words")),
    Quirk(8, "an address before the end, or an end without an address: the status decides, ten questions, then it is said",
          (*ends("early-url", "late-url"), *everywhere("early-url", providers="aiid"), *everywhere("late-url"),
           f"{POLL}finished_without_a_usable_address_is_asked_ten_times_and_then_said")),
    Quirk(9, "the address is in ten places, wrapped, relative, or is a sentence",
          (f"{COMMON}the_file_is_found_wherever_hosts_name_it", f"{AIID}the_address_is_found_in_each_of_its_places",
           f"{AIID}what_is_no_address_is_left_for_the_content_route",
           *everywhere("url-relative", "url-wrapped", "url-words", "url-data", providers="aiid"))),
    Quirk(10, "/content is bytes, JSON that names the address, a redirect, or not ready yet",
          (f"{CONTRACT}a_finished_shot_without_an_address_is_fetched_from_content",
           *everywhere("url-at=content", "url-at=content]] [[content=json", "url-at=content]] [[content=redirect",
                       providers="aiid"),
           *everywhere("content=json", "content=redirect", "late-file", providers="openai"),
           f"{HTTP}an_answer_that_names_the_address_is_followed_and_the_key_stays_at_home",
           f"{HTTP}a_redirect_to_a_forbidden_place_is_refused_for_good",
           f"{HTTP}a_file_that_is_not_ready_is_asked_for_again_and_one_that_is_gone_elsewhere")),
    Quirk(11, "words or a broken file under the name of a video: only what decodes is kept",
          (f"{RESULTS}what_is_no_video_is_never_served", *ends("html-video", "truncated-silent", "wrong-type"),
           *everywhere("html-video"), "tests/media/test_verify.py::test_what_is_no_video_is_named")),
    Quirk(12, "some files need the key: it goes to its own origin and nowhere else",
          (f"{RESULTS}the_key_goes_with_the_request_for_a_file_to_its_own_origin_only",
           f"{HTTP}a_key_is_sent_only_where_the_caller_says",
           f"{OPENAI}the_file_is_at_the_origin_that_the_key_belongs_to")),
    Quirk(13, "a store lags behind: 403 or 404 just after the end is tried again, then a fresh address is asked for",
          (*everywhere("late-file", providers="aiid openai"),
           f"{RESULTS}a_file_that_is_gone_is_looked_for_under_a_fresh_address")),
    Quirk(14, "addresses end after minutes or days: fetched at once, trusted for an hour, asked for again",
          (f"{ALL}a_render_is_fetched_at_once_and_its_address_is_trusted_for_an_hour", *ends("expired-url"),
           *everywhere("expired-url"))),
    Quirk(15, "Range is kept, ignored or shifted: what was begun goes on only where it is certainly the same",
          (f"{HTTP}a_download_goes_on_where_it_stopped", f"{HTTP}a_host_that_ignores_ranges_starts_again",
           f"{HTTP}a_shifted_range_is_refused", *ends("truncated", "no-range", "etag-change"))),
    Quirk(16, "a limit is a 429 with seconds, a date, a reset time or nothing, or a 200 with a code; questions wait too",
          (f"{COMMON}retry_after_in_all_its_forms", f"{COMMON}the_end_of_a_limit_counts_where_retry_after_is_missing",
           f"{ONLY_AIID}an_empty_429_keeps_the_shot_waiting_and_costs_nothing",
           f"{ALL}a_busy_provider_is_asked_again_later_and_paid_once",
           f"{LIMITS}a_question_that_is_answered_wait_holds_back_all_questions_but_no_request", *everywhere("poll-429"))),
    Quirk(17, "an error in an answer of 200: only an id without an error is an acceptance",
          (f"{MINIMAX}an_answer_of_200_with_a_code_is_never_taken_for_an_acceptance",
           f"{AIID}every_refusal_says_truthfully_what_it_means_for_money", f"{APERTIS}{ANSWERS}",
           *everywhere("error-200"), f"{A4F}every_other_answer_has_its_class",
           f"{SSE}a_stream_that_ended_means_one_thing")),
    Quirk(18, "the words of an error are in many places: one reader, without the key, at most 2,000 characters",
          (f"{COMMON}the_providers_own_words_are_found_wherever_they_are", f"{COMMON}words_are_capped",
           f"{SUBMIT}a_key_that_the_provider_repeats_is_stored_and_shown_nowhere",
           *everywhere("fail=No film.]] [[error-at=fail_reason", "fail=No film.]] [[error-at=text", providers="aiid openai"))),
    Quirk(19, "moderation before or after the render, by many names: called so, never sent again",
          (*ends("moderated", "moderated-late"), *everywhere("moderated", "moderated-late"),
           f"{AIID}a_packed_moderation_is_called_so", f"{MINIMAX}moderation_is_called_so_before_and_after_the_render",
           f"{OPENAI}a_refusal_by_the_moderation_is_called_so")),
    Quirk(20, "nobody knows a request again: after the first byte there is no second one without a person",
          (f"{HTTP}every_doubt_after_sending_is_unknown_and_sent_once",
           f"{HTTP}nothing_listening_means_not_sent_and_the_wire_was_never_marked", *everywhere("lose-answer"),
           f"{PROMISES}time_never_decides_an_unknown_outcome", f"{AIID}every_value_goes_where_its_vendor_reads_it")),
    Quirk(21, "a page of a gateway instead of an answer: the task may exist",
          (*everywhere("502", "502-billed"), f"{SUBMIT}every_status_means_one_thing_for_the_job_and_its_money")),
    Quirk(22, "progress as a text, made up, falling, 100 for a failure: the highest is shown and decides nothing",
          (f"{ENDS}progress_never_goes_backwards", f"{POLL}no_progress_of_any_kind_moves_the_state",
           f"{POLL}a_hundred_percent_is_no_success_when_it_failed")),
    Quirk(23, "`completed_at` while it runs: the status alone ends a task", (f"{AIID}only_the_status_ends_a_task",)),
    Quirk(24, "a task that never ends: a deadline of its model, then a doubt that can be asked about again",
          (f"{POLL}a_job_that_never_ends_is_a_doubt_at_its_deadline_and_asked_about_ever_more_slowly",
           f"{PROMISES}a_job_that_never_ends_becomes_a_doubt_and_still_ends_well",
           f"{ONLY_AIID}a_slow_service_is_believed_in_for_two_days")),
    Quirk(25, "an id that is not known (400, 404, or a failure in a 200), also of a task just made: waited for",
          (f"{APERTIS}hosts_of_the_family_say_in_a_400_that_a_task_is_not_there",
           f"{AIID}a_poll_that_went_wrong_never_looks_like_a_failed_render",
           f"{MINIMAX}a_poll_that_went_wrong_never_looks_like_a_failed_render", *everywhere("lost-task"),
           f"{POLL}a_task_missing_for_good_is_a_doubt_and_no_failure")),
    Quirk(26, "JSON or a form, by the model: each is sent what it takes, and a refusal is not answered with the other",
          (f"{AIID}only_sora_is_asked_with_a_form", f"{AIID}the_documents_own_pair_goes_as_a_form",
           f"{SANDBOX}aiid.py::test_vendors_that_want_json_refuse_a_form", *everywhere("400"))),
    Quirk(27, "one `images` part breaks the gateway's reader: lists go as JSON, a file as `input_reference`, once",
          (f"{AIID}only_sora_is_asked_with_a_form", f"{AIID}soras_image_is_a_file_of_the_form",
           f"{OPENAI}a_form_carries_the_image_as_a_file_where_the_host_wants_one",
           f"{SANDBOX}aiid.py::test_one_images_part_of_a_form_breaks_the_gateways_reader")),
    Quirk(28, "images are fetched from the internet: inside the request where it can be, never by a private address",
          (f"{FORMS}an_upload_is_refused_when_the_provider_cannot_reach_the_studio",
           f"{FORMS}an_address_that_a_provider_cannot_or_must_not_fetch_is_refused",
           f"{ONLY_AIID}an_upload_goes_inside_the_request_where_the_vendor_wants_it",
           f"{PROMISES}a_request_never_leaves_without_its_image[nobody can reach us]")),
    Quirk(29, "a size is a name, a ratio or pixels, by the protocol: chosen from its own list, never typed",
          (f"{SPECS}sizes_and_lengths_are_chosen_and_never_typed",
           f"{FORMS}every_choice_of_the_spec_is_accepted_and_nothing_else")),
    Quirk(30, "a gateway asks twice by itself: the second render is followed as an extra charge",
          (f"{LISTING}a_request_that_the_host_made_twice_is_followed_once_and_the_other_is_an_extra_charge",)),
    Quirk(31, "`id` and `task_id` differ: `id` is asked about", (f"{AIID}the_id_is_ours_and_not_the_vendors",
           f"{COMMON}the_id_is_found_wherever_hosts_name_it")),
    Quirk(32, "a proxy gives up after 100 s (524): our own deadline is shorter, and the outcome unknown",
          (f"{SUBMIT}a_paid_request_is_waited_for_as_long_as_the_proxies_before_the_hosts_wait", f"{APERTIS}{ANSWERS}",
           f"{AIID}every_refusal_says_truthfully_what_it_means_for_money")),
    Quirk(33, "minutes of silence, then tens of megabytes: to the disk in pieces, a lost one is a doubt",
          (f"{BOUNDS}sixty_megabytes_are_received_and_unpacked_in_pieces", f"{BOUNDS}more_than_the_cap_is_cut_off",
           f"{A4F_ENDS}every_ending_is_told_truthfully_and_paid_once",
           f"{A4F_ENDS}no_part_of_the_video_reaches_the_database_or_the_log")),
    Quirk(34, "webhooks write states differently: any case is read, and nobody is asked to call",
          (f"{MINIMAX}states_are_known_in_any_case", f"{SPECS}nobody_is_asked_to_call_us_back")),
    Quirk(35, "a key that is refused while a shot runs: the key rests, the shot does not fail",
          (f"{KEYS}a_key_that_is_refused_while_a_shot_is_rendered_rests_and_the_shot_comes_home",
           f"{ALL}a_key_that_is_refused_while_a_shot_runs_rests_and_loses_nothing")),
)  # fmt: skip

CONTRADICTIONS = (
    Quirk(1, "one page in two versions: a host without the second half says so in words",
          (f"{VIDEOS}a_404_on_create_says_that_this_host_does_not_offer_the_endpoint",)),
    Quirk(2, "Sora's images are required and optional: optional, sent as an empty list",
          (f"{VIDEOS}sora_without_images_sends_an_empty_list",)),
    Quirk(3, "`input_reference` is required for Veo and optional for Sora on one path: by the model",
          (f"{SPECS}an_image_is_needed_where_the_document_needs_one_and_not_on_the_whole_path",)),
    Quirk(4, "three lists of lengths for Sora: the safe ones, the others marked",
          (f"{SPECS}sora_takes_what_the_document_says_on_each_of_its_protocols",
           f"{CAST}a_wider_value_is_offered_with_a_warning")),
    Quirk(5, "`duration` is a number, `seconds` a text, the answer a number",
          (f"{VIDEOS}sora_through_create_is_the_documents_own", f"{VIDEOS}the_form_and_its_answers_are_the_documents_own")),
    Quirk(6, "`size` means three things: three lists", (f"{SPECS}sora_takes_what_the_document_says_on_each_of_its_protocols",
           f"{SPECS}sizes_and_lengths_are_chosen_and_never_typed")),
    Quirk(7, "two square sizes that only Apertis names: offered there alone",
          (f"{SPECS}sora_takes_what_the_document_says_on_each_of_its_protocols",
           f"{OPENAI}the_two_models_take_what_the_reference_says")),
    Quirk(8, "pending or queued: both wait", (f"{COMMON}status_words_are_read_in_any_case",)),
    Quirk(9, "three kinds of ids, printed unquoted: always quoted", (f"{APERTIS}ids_are_opaque_and_always_quoted",)),
    Quirk(10, "/content is the file in words and JSON in the example: both",
          (f"{CONTRACT}a_finished_shot_without_an_address_is_fetched_from_content",)),
    Quirk(11, "a character is 1 to 3 seconds, from 0 on", (f"{CAST}a_bad_order_is_refused_in_words",
           f"{CAST}what_the_document_forbids_is_refused_before_anything_is_sent")),
    Quirk(12, "`aspect_ratio` is for some models only", (f"{SPECS}the_fifteen_models_of_the_document_are_there",
           f"{SANDBOX}validation.py::test_aspect_ratio_is_for_veo3_only")),
    Quirk(13, "the example waits for ever on a failure: a failure ends, and so does the deadline",
          (f"{APERTIS}{STATUS}", f"{POLL}a_job_that_never_ends_is_a_doubt_at_its_deadline_and_asked_about_ever_more_slowly")),
    Quirk(14, "watermark has two defaults and two meanings: always said",
          (f"{FORMS}the_shortest_valid_form_gives_every_parameter_a_value",
           f"{VIDEOS}the_form_and_its_answers_are_the_documents_own")),
    Quirk(15, "404 is a missing task or a missing endpoint: by the question and the words",
          (f"{VIDEOS}a_404_on_create_says_that_this_host_does_not_offer_the_endpoint",
           f"{VIDEOS}a_model_that_is_not_there_is_no_missing_endpoint",
           f"{APERTIS}a_poll_that_went_wrong_never_looks_like_a_failed_render")),
    Quirk(16, "the rewritten prompt comes now, later or never", (f"{APERTIS}the_answers_are_the_documents_own",
           f"{APERTIS}{STATUS}")),
    Quirk(17, "milliseconds in the example, seconds in the gateway", (f"{OPENAI}times_are_seconds_whatever_the_host_sends",
           *everywhere("ms", providers="aiid"))),
    Quirk(18, "the list of states has names of fields in it: still running",
          (f"{AIID}words_that_slipped_into_the_pages_list_of_states_mean_still_running",)),
    Quirk(19, "images are strings, files or objects: by the vendor",
          (f"{AIID}soras_image_is_a_file_of_the_form", f"{AIID}every_value_goes_where_its_vendor_reads_it")),
    Quirk(20, "the prompt is required for most models: for all", (f"{FORMS}a_prompt_is_required_and_its_limit_is_named",)),
    Quirk(21, "fields for every model that no vendor reads: not offered",
          (f"{AIID}fields_that_no_vendor_reads_are_not_offered",)),
    Quirk(22, "two names for the length, and which one wins: one is sent", (f"{AIID}the_length_is_said_once",)),
    Quirk(23, "errors as HTTP statuses and as codes in a 200: both",
          (f"{MINIMAX}a_relay_may_use_http_statuses_instead",
           f"{MINIMAX}an_answer_of_200_with_a_code_is_never_taken_for_an_acceptance")),
    Quirk(24, "an image as base64 or as a data URL, and a model without its field: as the vendor has them",
          (f"{MINIMAX}the_requests_are_the_documented_ones",)),
    Quirk(25, "fifteen movements here, other fifteen there: the document's",
          (f"{MINIMAX}the_six_models_and_the_fifteen_movements_of_the_page_are_there",)),
    Quirk(26, "limits for all that no model keeps: those of the model",
          (f"{A4F}the_seven_models_of_the_document_are_there_with_their_limits",
           f"{A4F}every_error_of_the_document_has_its_class")),
    Quirk(27, "upright unless said: always said", (f"{A4F}the_shape_is_always_said",)),
    Quirk(28, "an address that is always null, or was not once: taken where there is one",
          (f"{A4F}an_address_is_taken_where_there_is_no_video",)),
)  # fmt: skip
