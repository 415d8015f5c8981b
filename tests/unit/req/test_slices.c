/* Slices: runs of a stored body in its segments, and texts between them. */
#include "suite.h"

#include "base/err.h"
#include "base/mem.h"
#include "req/slices.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

/* A complete body in several segments: its bytes are i % 251. */
static struct body *body_of_bytes(size_t n)
{
	struct body *b = body_new(-1, NULL, NULL, NULL);
	for (size_t i = 0; i < n;) {
		char *p;
		size_t room;
		ck_assert_int_eq(body_space(b, &p, &room), ERR_OK);
		room = room < n - i ? room : n - i;
		for (size_t k = 0; k < room; k++)
			p[k] = (char)((i + k) % 251);
		body_filled(b, room);
		i += room;
	}
	body_end(b, ERR_OK);
	return b;
}

static void check_run(struct slices *s, const char *what, uint64_t offset, uint64_t length)
{
	unsigned first = s->n;
	uint64_t before = s->bytes, at = offset;
	slices_add_run(s, offset, length);
	ck_assert_msg(s->bytes == before + length, "%s: another length", what);
	for (unsigned i = first; i < s->n; i++) {
		ck_assert_msg(s->v[i].n > 0, "%s: an empty slice", what);
		for (size_t k = 0; k < s->v[i].n; k++, at++)
			ck_assert_msg(s->v[i].p[k] == (char)(at % 251), "%s: another byte at %zu", what, (size_t)at);
	}
	ck_assert_msg(at == offset + length, "%s: %zu bytes", what, (size_t)(at - offset));
}

START_TEST(runs_in_any_order)
{
	enum { SIZE = 100000 };
	static const struct {
		const char *what;
		uint64_t offset, length;
	} rows[] = {
	    {"a byte at the start", 0, 1},
	    {"a run within a segment", 10, 100},
	    {"a run over the border of segments", 4000, 5000},
	    {"the run behind it", 9000, 1},
	    {"back to the start", 0, 4096},
	    {"exactly to the next border", 4096, 1},
	    {"nothing", 50, 0},
	    {"nothing behind the end", SIZE, 0},
	    {"the last byte", SIZE - 1, 1},
	    {"all", 0, SIZE},
	};
	struct body *b = body_of_bytes(SIZE);
	ck_assert_uint_gt(body_segments(b, NULL, 0), 3);
	struct slices s;
	slices_init(&s, &arena, b, 0, COUNT_OF(rows) * 10);
	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		check_run(&s, rows[i].what, rows[i].offset, rows[i].length);
	body_release(&b);
}
END_TEST

/* The most slices there can be, each border of segments met once: there is just room for them. */
START_TEST(runs_and_texts_side_by_side)
{
	enum { SIZE = 30000, STEP = 7 };
	struct body *b = body_of_bytes(SIZE);
	struct slices s;
	unsigned runs = 0;
	slices_init(&s, &arena, b, SIZE / STEP, SIZE / STEP + 1);
	for (size_t at = 0; at < SIZE; at += STEP, runs++) {
		size_t n = at + STEP <= SIZE ? STEP : SIZE - at;
		check_run(&s, "one behind the other", at, n);
		if (n == STEP)
			slices_add_text(&s, STR("text"));
	}
	slices_add_text(&s, STR(""));
	ck_assert_uint_eq(s.bytes, SIZE + (uint64_t)(SIZE / STEP) * 4);
	ck_assert_uint_le(s.n, s.max);
	body_release(&b);
}
END_TEST

START_TEST(an_empty_body_takes_texts)
{
	struct body *b = body_of_bytes(0);
	struct slices s;
	slices_init(&s, &arena, b, 1, 1);
	slices_add_run(&s, 0, 0);
	slices_add_text(&s, STR("text"));
	ck_assert_uint_eq(s.n, 1);
	ck_assert(str_eq(s.v[0], STR("text")));
	body_release(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/slices");
	TCase *t = tcase_create("slices");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, runs_in_any_order);
	tcase_add_test(t, runs_and_texts_side_by_side);
	tcase_add_test(t, an_empty_body_takes_texts);
	suite_add_tcase(s, t);
	return suite_run(s);
}
