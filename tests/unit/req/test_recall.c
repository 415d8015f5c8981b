/* The memory of verdicts: what is kept, what takes whose place, that it never grows; from several threads at once. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "policy/key.h"
#include "req/recall.h"
#include "must.h"

static struct cache_key key_number(unsigned i)
{
	static _Thread_local char text[32];
	int n = snprintf(text, sizeof(text), "GET http://h/%u", i);
	return key_of_text(str_make(text, (size_t)n), 7);
}

START_TEST(a_note_is_read_as_it_was_written)
{
	struct recall *r = recall_new(0);
	struct cache_key key = key_number(1), other = key_number(2);
	struct recall_note note = {.at_ms = 1000,
	    .pass_until_ms = 5000,
	    .epoch = 3,
	    .reason = REASON_NOT_SET_COOKIE,
	    .status = 200,
	    .cause = "Set-Cookie: session"};
	struct recall_note read;
	ck_assert(!recall_read(r, &key, &read));
	recall_write(r, &key, &note);
	ck_assert(recall_read(r, &key, &read));
	ck_assert(!recall_read(r, &other, &read));
	ck_assert_int_eq(read.at_ms, 1000);
	ck_assert_int_eq(read.pass_until_ms, 5000);
	ck_assert_uint_eq(read.epoch, 3);
	ck_assert_int_eq(read.reason, REASON_NOT_SET_COOKIE);
	ck_assert_int_eq(read.status, 200);
	ck_assert_str_eq(read.cause, "Set-Cookie: session");
	ck_assert(recall_passes(r, &key, 4999) && !recall_passes(r, &key, 5000) && !recall_passes(r, &other, 1));
	recall_forget_pass(r, &key);
	ck_assert(!recall_passes(r, &key, 1001) && recall_read(r, &key, &read));
	recall_free(&r);
}
END_TEST

START_TEST(a_cause_always_ends)
{
	struct recall *r = recall_new(0);
	struct cache_key key = key_number(1);
	struct recall_note note = {.at_ms = 1}, read;
	memset(note.cause, 'x', sizeof(note.cause));
	recall_write(r, &key, &note);
	ck_assert(recall_read(r, &key, &read));
	ck_assert_uint_eq(strlen(read.cause), RECALL_CAUSE_MAX - 1);
	recall_free(&r);
}
END_TEST

START_TEST(which_note_stays)
{
	static const struct {
		const char *sentence;
		struct recall_note first, second;
		enum reason stays;
		bool passes;
	} rows[] = {
	    {"a later refusal takes the place of an earlier one", {.reason = REASON_NOT_PRIVATE, .pass_until_ms = 5000},
		{.reason = REASON_NOT_NO_STORE, .pass_until_ms = 5000}, REASON_NOT_NO_STORE, true},
	    {"what one client's request forbids does not hide why the page passes",
		{.reason = REASON_NOT_PRIVATE, .pass_until_ms = 5000}, {.reason = REASON_NOT_REQUEST_NO_STORE},
		REASON_NOT_PRIVATE, true},
	    {"a stored page passes no more", {.reason = REASON_NOT_PRIVATE, .pass_until_ms = 5000},
		{.reason = REASON_STORED}, REASON_STORED, false},
	    {"when the pass is over, everything is news", {.reason = REASON_NOT_PRIVATE, .pass_until_ms = 1500},
		{.reason = REASON_ERROR_CONNECT}, REASON_ERROR_CONNECT, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct recall *r = recall_new(0);
		struct cache_key key = key_number(1);
		struct recall_note first = rows[i].first, second = rows[i].second, read;
		first.at_ms = 1000;
		second.at_ms = 2000;
		recall_write(r, &key, &first);
		recall_write(r, &key, &second);
		ck_assert(recall_read(r, &key, &read));
		ck_assert_msg(read.reason == rows[i].stays, "%s", rows[i].sentence);
		ck_assert_msg(recall_passes(r, &key, 2000) == rows[i].passes, "%s", rows[i].sentence);
		recall_free(&r);
	}
}
END_TEST

/* Far more keys than it has places for: the size is given when it is made, so what is to be seen is who is still there. */
static void fill(size_t bytes, unsigned places, const char *sentence)
{
	unsigned many = 8 * places, kept = 0, kept_passes = 0;
	struct recall *r = recall_new(bytes);
	struct recall_note read;
	for (unsigned i = 0; i < many; i++) {
		struct cache_key key = key_number(i);
		/* a sixteenth of them pass for long: about half of what it can hold */
		struct recall_note note = {
		    .at_ms = 1 + i, .reason = REASON_NOT_PRIVATE, .pass_until_ms = i % 16 == 0 ? 2 * (int64_t)many : 0};
		recall_write(r, &key, &note);
	}
	for (unsigned i = 0; i < many; i++) {
		struct cache_key key = key_number(i);
		bool known = recall_read(r, &key, &read);
		kept += known;
		kept_passes += known && i % 16 == 0;
	}
	ck_assert_msg(kept <= places && kept >= places / 10 * 9, "%s: %u kept", sentence, kept);
	ck_assert_msg(kept_passes >= many / 16 / 10 * 9, "%s: %u passes kept", sentence, kept_passes);
	struct cache_key last = key_number(many - 1);
	ck_assert_msg(recall_read(r, &last, &read), "%s: the last is kept", sentence);
	recall_free(&r);
}

START_TEST(it_forgets_the_oldest_and_passes_last)
{
	static const struct {
		const char *sentence;
		size_t bytes;
		unsigned places;
	} rows[] = {
	    {"no less than the least size", 0, RECALL_MIN / RECALL_NOTE},
	    {"as large as it was made", 512 << 10, 4096},
	    {"what is no power of two is used as well", 3 * RECALL_MIN + 1, 3 * RECALL_MIN / RECALL_NOTE},
	    {"no more than the largest size", SIZE_MAX, RECALL_MAX / RECALL_NOTE},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		fill(rows[i].bytes, rows[i].places, rows[i].sentence);
}
END_TEST

static void *write_and_read(void *arg)
{
	struct recall *r = arg;
	for (unsigned i = 0; i < 20000; i++) {
		struct cache_key key = key_number(i % 100);
		struct recall_note note = {
		    .at_ms = 1 + i, .reason = REASON_NOT_PRIVATE, .cause = "Cache-Control: private"};
		struct recall_note read;
		recall_write(r, &key, &note);
		if (recall_read(r, &key, &read))
			must(strcmp(read.cause, "Cache-Control: private") == 0, "another cause");
		recall_forget_pass(r, &key);
	}
	return NULL;
}

START_TEST(threads_write_and_read_at_once)
{
	pthread_t threads[4];
	struct recall *r = recall_new(0);
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_and_read, r), 0);
	for (unsigned i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	recall_free(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/recall");
	TCase *t = tcase_create("recall");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_note_is_read_as_it_was_written);
	tcase_add_test(t, a_cause_always_ends);
	tcase_add_test(t, which_note_stays);
	tcase_add_test(t, it_forgets_the_oldest_and_passes_last);
	tcase_add_test(t, threads_write_and_read_at_once);
	suite_add_tcase(s, t);
	return suite_run(s);
}
