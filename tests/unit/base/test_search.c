/* Many strings in one pass: each text is searched whole and at every border between what came and what comes, and compared
 * with a search that tries every pattern at every place. */
#include "base/search.h"

#include "base/mem.h"

#include "suite.h"

#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))
#define PATTERNS_MAX 64
#define HITS_MAX     4096

struct hits {
	struct search_hit v[HITS_MAX];
	unsigned n;
};

static struct hits found, expected;

/* ---- the reference ---- */

static bool longest_at(const struct str *patterns, unsigned n, struct str text, size_t at, struct search_hit *hit)
{
	size_t longest = 0;
	for (unsigned i = 0; i < n; i++) {
		if (patterns[i].n > longest && str_starts(str_skip(text, at), patterns[i])) {
			*hit = (struct search_hit){i, at};
			longest = patterns[i].n;
		}
	}
	return longest > 0;
}

static void search_naively(const struct str *patterns, unsigned n, struct str text, struct hits *out)
{
	out->n = 0;
	for (size_t at = 0; at < text.n && out->n < HITS_MAX;) {
		struct search_hit hit;
		if (longest_at(patterns, n, text, at, &hit)) {
			out->v[out->n++] = hit;
			at += patterns[hit.pattern].n;
		} else {
			at++;
		}
	}
}

/* The first place from which on something may still begin that the next bytes complete. */
static size_t begun_at(const struct str *patterns, unsigned n, struct str text, size_t from)
{
	for (size_t at = from; at < text.n; at++) {
		for (unsigned i = 0; i < n; i++) {
			if (patterns[i].n > text.n - at &&
			    str_eq(str_skip(text, at), str_take(patterns[i], text.n - at)))
				return at;
		}
	}
	return text.n;
}

/* ---- the search ---- */

/* All hits from *at on, each behind the end of the one before. *at: where the next search begins. False: out of bounds. */
static bool search_all(
    const struct search *s, const struct str *patterns, struct str text, bool last, size_t *at, struct hits *out)
{
	struct search_hit hit;
	size_t safe = SIZE_MAX;
	while (search_next(s, text, *at, last, &hit, &safe)) {
		if (out->n == HITS_MAX || hit.at < *at || hit.at + patterns[hit.pattern].n > text.n)
			return false;
		out->v[out->n++] = hit;
		*at = hit.at + patterns[hit.pattern].n;
	}
	bool bounded = safe >= *at && safe <= text.n;
	*at = safe;
	return bounded;
}

static bool is_as_expected(void)
{
	for (unsigned i = 0; i < found.n && i < expected.n; i++) {
		if (found.v[i].at != expected.v[i].at || found.v[i].pattern != expected.v[i].pattern)
			return false;
	}
	return found.n == expected.n;
}

/* Blocks of their own, so that a sanitizer sees a look beyond what came. */
static struct str copy_of(struct str s)
{
	return str_make(mem_dup(s.p, s.n), s.n);
}

/* The text comes in two parts, cut at `border`. */
static void check_at_border(
    const struct search *s, const struct str *patterns, unsigned n, struct str text, size_t border, const char *says)
{
	size_t at = 0;
	found.n = 0;
	struct str first = copy_of(str_take(text, border));
	bool right = search_all(s, patterns, first, false, &at, &found) && at == begun_at(patterns, n, first, at);
	right = right && search_all(s, patterns, text, true, &at, &found) && at == text.n && is_as_expected();
	/* Not for each that is right: the library writes a file for it. */
	if (!right)
		ck_abort_msg("%s: cut at %zu, %u hits of %u, safe to %zu", says, border, found.n, expected.n, at);
	free((char *)first.p);
}

static void check(const struct str *patterns, unsigned n, struct str text, const char *says)
{
	struct search *s = search_new(patterns, n);
	search_naively(patterns, n, text, &expected);
	for (size_t border = 0; border <= text.n; border++)
		check_at_border(s, patterns, n, text, border, says);
	search_free(&s);
	ck_assert_ptr_null(s);
}

/* ---- tables ---- */

static const struct {
	const char *says, *patterns[6], *text;
	unsigned n; /* hits */
	struct search_hit hits[4];
} rows[] = {
    {"nothing in nothing", {"ab"}, "", 0, {{0, 0}}},
    {"no patterns", {NULL}, "abc", 0, {{0, 0}}},
    {"the whole text", {"abc"}, "abc", 1, {{0, 0}}},
    {"a text that is too short", {"abc"}, "ab", 0, {{0, 0}}},
    {"at both ends", {"abc"}, "abc-abc", 2, {{0, 0}, {0, 4}}},
    {"one behind the other", {"ab"}, "ababab", 3, {{0, 0}, {0, 2}, {0, 4}}},
    {"not over each other", {"aa"}, "aaaaa", 2, {{0, 0}, {0, 2}}},
    {"the longest of one place", {"abc", "abcdef", "abcd"}, "-abcdef-", 1, {{1, 1}}},
    {"the shorter where the longer breaks off", {"abc", "abcdef"}, "abcdeabc", 2, {{0, 0}, {0, 5}}},
    {"the leftmost, not the longest of all", {"abc", "bcdefgh"}, "abcdefgh", 1, {{0, 0}}},
    {"the one within another that breaks off", {"abcdefgh", "cde"}, "abcdefg", 1, {{1, 2}}},
    {"the first of several within", {"abcdefgh", "cd", "ef"}, "abcdefg", 2, {{1, 2}, {2, 4}}},
    {"a beginning that is an end too", {"ababac"}, "abababac", 1, {{0, 2}}},
    {"the first of equal ones", {"xyz", "abc", "abc"}, "abc", 1, {{1, 0}}},
    {"an end that is a pattern", {"xabcz", "abc"}, "xabcy", 1, {{1, 1}}},
    {"bytes above 127", {"\xc3\xa4\xff\xfe"}, "\xff\xc3\xa4\xff\xfe", 1, {{0, 1}}},
    {"lengths that differ much", {"ab", "0123456789012345678901234567890123456789"},
	"-0123456789012345678901234567890123456789ab", 2, {{1, 1}, {0, 41}}},
    {"a long one alone", {"0123456789abcdef0123456789abcdef"},
	"0123456789abcdef0123456789abcde-0123456789abcdef0123456789abcdef0", 1, {{0, 32}}},
    {"windows of eight", {"01234567", "abcdefgh"}, "012345670123456abcdefgh.......01234567", 3,
	{{0, 0}, {1, 15}, {0, 30}}},
};

START_TEST(finds_them)
{
	struct str patterns[COUNT(rows[0].patterns)];
	unsigned n = 0;
	for (; n < COUNT(patterns) && rows[_i].patterns[n]; n++)
		patterns[n] = str_of(rows[_i].patterns[n]);
	check(patterns, n, str_of(rows[_i].text), rows[_i].says);
	/* The reference is checked too. */
	ck_assert_msg(expected.n == rows[_i].n, "%s: %u hits expected", rows[_i].says, expected.n);
	for (unsigned i = 0; i < expected.n; i++)
		ck_assert_msg(
		    expected.v[i].at == rows[_i].hits[i].at && expected.v[i].pattern == rows[_i].hits[i].pattern,
		    "%s: hit %u expected", rows[_i].says, i);
}
END_TEST

START_TEST(undecided_while_more_may_come)
{
	const struct str patterns[] = {STR("abc"), STR("abcdef"), STR("xxabcz")};
	struct search *s = search_new(patterns, COUNT(patterns));
	struct search_hit hit;
	size_t safe = 99;
	ck_assert_uint_eq(search_longest(s), 6);
	ck_assert_msg(!search_next(s, STR("--abcde"), 0, false, &hit, &safe) && safe == 2, "a longer one may come");
	ck_assert_msg(
	    !search_next(s, STR("-xxabc"), 0, false, &hit, &safe) && safe == 1, "one that began before may come");
	ck_assert_msg(search_next(s, STR("-xxabc-"), 0, false, &hit, &safe) && hit.pattern == 0 && hit.at == 3,
	    "decided by the next byte");
	ck_assert_msg(search_next(s, STR("--abcde"), 0, true, &hit, &safe) && hit.pattern == 0, "decided by the end");
	ck_assert_msg(!search_next(s, STR("--abcde"), 3, true, &hit, &safe) && safe == 7, "searched from behind it");
	ck_assert_msg(!search_next(s, STR("ab"), 2, false, &hit, &safe) && safe == 2, "searched from the end");
	search_free(&s);
	search_free(&s);
}
END_TEST

/* ---- at random ---- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 16;
}

static const struct {
	const char *says;
	unsigned letters, patterns, shortest, longest;
} mixes[] = {
    {"two letters, short", 2, 4, 2, 6},
    {"two letters, long", 2, 24, 8, 40},
    {"three letters, many", 3, 64, 3, 9},
    {"one letter", 1, 6, 2, 30},
    {"hexadecimal", 16, 20, 4, 64},
    {"any byte", 256, 64, 2, 3},
};

/* Texts of the patterns' own letters and of pieces of them: so that much is begun and some is found. */
START_TEST(as_the_reference_does)
{
	static char letters[PATTERNS_MAX][64], text[400];
	struct str patterns[PATTERNS_MAX];
	for (uint32_t seed = 1, round = 0; round < 12; round++) {
		for (unsigned i = 0; i < mixes[_i].patterns; i++) {
			size_t n =
			    mixes[_i].shortest + next_random(&seed) % (mixes[_i].longest - mixes[_i].shortest + 1);
			for (size_t k = 0; k < n; k++)
				letters[i][k] = (char)(next_random(&seed) % mixes[_i].letters);
			patterns[i] = str_make(letters[i], n);
		}
		size_t n = 0;
		while (n < sizeof(text)) {
			struct str piece = patterns[next_random(&seed) % mixes[_i].patterns];
			piece =
			    str_take(piece, next_random(&seed) % 4 > 0 ? next_random(&seed) % (piece.n + 1) : piece.n);
			piece = str_take(piece, sizeof(text) - n);
			memcpy(text + n, piece.p, piece.n);
			n += piece.n;
			if (n < sizeof(text) && next_random(&seed) % 2)
				text[n++] = (char)(next_random(&seed) % mixes[_i].letters);
		}
		check(patterns, mixes[_i].patterns, str_make(text, n), mixes[_i].says);
	}
}
END_TEST

/* ---- hostile ---- */

/* Texts and patterns that make a search by comparing read each byte thousands of times: a minute and more for this one. */
START_TEST(is_not_slowed_by_what_stands_there)
{
	enum { PATTERNS = 256, LENGTH = 4000, TEXT = 1 << 20 };
	struct str patterns[PATTERNS];
	char *text = mem_alloc(TEXT);
	memset(text, 'a', TEXT);
	for (unsigned i = 0; i < PATTERNS; i++) {
		char *p = mem_alloc(LENGTH);
		memset(p, 'a', LENGTH);
		size_t n = LENGTH - i;
		p[n - 1] = 'b';
		patterns[i] = str_make(p, n);
	}
	struct search *s = search_new(patterns, PATTERNS);
	size_t at = 0;
	found.n = 0;
	ck_assert(search_all(s, patterns, str_make(text, TEXT), false, &at, &found));
	ck_assert_uint_eq(found.n, 0);
	ck_assert_uint_eq(at, TEXT - LENGTH + 1);
	text[TEXT - 1] = 'b';
	at = 0;
	ck_assert(search_all(s, patterns, str_make(text, TEXT), true, &at, &found));
	ck_assert_uint_eq(found.n, 1);
	ck_assert_uint_eq(found.v[0].at, TEXT - LENGTH);
	search_free(&s);
	for (unsigned i = 0; i < PATTERNS; i++)
		free((char *)patterns[i].p);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("base/search");
	TCase *t = tcase_create("search");
	tcase_add_loop_test(t, finds_them, 0, COUNT(rows));
	tcase_add_test(t, undecided_while_more_may_come);
	tcase_add_loop_test(t, as_the_reference_does, 0, COUNT(mixes));
	tcase_add_test(t, is_not_slowed_by_what_stands_there);
	suite_add_tcase(s, t);
	return suite_run(s);
}
