/* What the ledger says of entries: which purge has them, in whatever order purges come, and what it does at its bounds. */
#include "suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tier/ledger.h"
#include "must.h"
#include "tier/purge_log.h"

static struct cache_key key_of(const char *text)
{
	struct str s = str_of(text);
	return (struct cache_key){hash_str(s, 1), hash_str(s, 2), s};
}

static void add(struct ledger *l, uint64_t seq, enum purge_kind kind, const char *arg, bool soft)
{
	struct tier_purge op = {.kind = kind, .arg = str_of(arg), .soft = soft};
	if (kind == PURGE_URL)
		op.key = key_of(arg);
	ledger_add(l, seq, &op);
}

static const struct str tags[] = {STR("post-1"), STR("front")};

/* An entry of page "GET http://h/a/b" with the tags above. */
static enum ledger_verdict judge(struct ledger *l, uint64_t seq)
{
	struct cache_key key = key_of("GET http://h/a/b");
	return ledger_judge(l, seq, &key, tags, COUNT_OF(tags));
}

static const struct {
	const char *what;
	enum purge_kind kind;
	const char *arg;
	bool covers;
} coverings[] = {
    {"its URL", PURGE_URL, "GET http://h/a/b", true},
    {"another URL", PURGE_URL, "GET http://h/a", false},
    {"its first tag", PURGE_TAG, "post-1", true},
    {"its second tag", PURGE_TAG, "front", true},
    {"a tag that begins like its own", PURGE_TAG, "post-", false},
    {"a tag in another case", PURGE_TAG, "Front", false},
    {"no tag", PURGE_TAG, "", false},
    {"a prefix of its URL", PURGE_PREFIX, "http://h/a", true},
    {"a prefix of its path", PURGE_PREFIX, "/a/", true},
    {"the prefix of everything", PURGE_PREFIX, "", true},
    {"a prefix of another host", PURGE_PREFIX, "http://i/", false},
    {"a prefix of another path", PURGE_PREFIX, "/b", false},
    {"a glob of its URL", PURGE_GLOB, "http://*/b", true},
    {"a glob of its path", PURGE_GLOB, "/*b", true},
    {"a glob is of the whole", PURGE_GLOB, "/a", false},
    {"everything", PURGE_ALL, "", true},
};

START_TEST(it_covers_what_a_purge_covers)
{
	for (size_t i = 0; i < COUNT_OF(coverings); i++) {
		for (int soft = 0; soft < 2; soft++) {
			struct ledger *l = ledger_new();
			add(l, 7, coverings[i].kind, coverings[i].arg, soft);
			enum ledger_verdict want = soft ? LEDGER_SOFT : LEDGER_HARD;
			if (!coverings[i].covers)
				want = LEDGER_CLEAN;
			must(judge(l, 6) == want, "%s: before it", coverings[i].what);
			must(judge(l, 0) == want, "%s: long before it", coverings[i].what);
			must(judge(l, 7) == LEDGER_CLEAN, "%s: with it", coverings[i].what);
			must(judge(l, 8) == LEDGER_CLEAN, "%s: after it", coverings[i].what);
			ledger_free(&l);
		}
	}
}
END_TEST

/* Purges as "kind seq": t and T of the tag post-1, p and P of the prefix /a, u and U of the URL, a and A of all; small is soft. What an
 * entry labelled 0, 1, 2 ... is: h, s, c. */
static const struct {
	const char *what, *purges, *verdicts;
} orders[] = {
    {"nothing", "", "cccc"},
    {"the newest of one tag", "T1 T3", "hhhc"},
    {"the newest, though it came first", "T3 T1", "hhhc"},
    {"one that came twice", "T2 T2", "hhcc"},
    {"hard, then soft", "T1 t3", "hssc"},
    {"soft, then hard", "t1 T3", "hhhc"},
    {"hard, then soft, out of order", "t3 T1", "hssc"},
    {"soft, then hard, out of order", "T3 t1", "hhhc"},
    {"soft and hard of one seq", "t2 T2", "hhcc"},
    {"hard and soft of one seq", "T2 t2", "hhcc"},
    {"a soft tag and a hard prefix", "t3 P1", "hssc"},
    {"a hard tag and a soft prefix", "T1 p3", "hssc"},
    {"two prefixes", "p3 P2", "hhsc"},
    {"a soft URL and a hard tag", "u4 T2", "hhssc"},
    {"a hard URL and soft everything", "U2 a4", "hhssc"},
    {"all takes what is older", "t1 p2 A3", "hhhc"},
    {"all leaves what is newer", "A1 t3", "hssc"},
    {"all, late", "t1 t3 A2", "hhsc"},
    {"what is older than all, late", "A3 t1 p2 T2", "hhhc"},
    {"soft all leaves what is hard", "T1 P2 a3", "hhsc"},
    {"soft all takes what is soft", "t1 p2 a3", "sssc"},
    {"a hard one older than soft all, late", "a3 T2", "hhsc"},
    {"a soft one older than soft all, late", "a3 t2", "sssc"},
    {"two of all", "a2 A1", "hscc"},
    {"two of all, the older one soft", "A2 a1", "hhcc"},
};

static void add_in_short(struct ledger *l, struct str purge)
{
	static const struct {
		char name;
		enum purge_kind kind;
		const char *arg;
	} kinds[] = {{'t', PURGE_TAG, "post-1"}, {'p', PURGE_PREFIX, "/a"}, {'u', PURGE_URL, "GET http://h/a/b"},
	    {'a', PURGE_ALL, ""}};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (kinds[i].name == char_lower(purge.p[0]))
			add(l, (uint64_t)(purge.p[1] - '0'), kinds[i].kind, kinds[i].arg, purge.p[0] == kinds[i].name);
	}
}

START_TEST(the_newest_counts_in_any_order)
{
	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		struct ledger *l = ledger_new();
		struct str rest = str_of(orders[i].purges), purge;
		while (rest.n > 0 && str_cut(&rest, ' ', &purge))
			add_in_short(l, purge);
		for (uint64_t seq = 0; orders[i].verdicts[seq]; seq++)
			must("csh"[judge(l, seq)] == orders[i].verdicts[seq], "%s: labelled %u", orders[i].what,
			    (unsigned)seq);
		must(ledger_forgotten(l) == 0, "%s: something was forgotten", orders[i].what);
		ledger_free(&l);
	}
}
END_TEST

START_TEST(what_is_forgotten_counts_as_purged)
{
	struct ledger *l = ledger_new();
	add(l, 3, PURGE_TAG, "other", false);
	add(l, 9, PURGE_TAG, "front", true);
	ledger_forget(l, 5);
	ledger_forget(l, 4);
	ck_assert_uint_eq(ledger_forgotten(l), 5);
	ck_assert_int_eq(judge(l, 4), LEDGER_HARD);
	ck_assert_int_eq(judge(l, 5), LEDGER_SOFT);
	ck_assert_int_eq(judge(l, 9), LEDGER_CLEAN);
	ledger_forget(l, 20);
	ck_assert_msg(judge(l, 19) == LEDGER_HARD, "what was heard of nowhere");
	ck_assert_int_eq(judge(l, 20), LEDGER_CLEAN);
	ledger_free(&l);
	ledger_free(&l);
}
END_TEST

static enum ledger_verdict judge_tag(struct ledger *l, uint64_t seq, const char *text)
{
	struct cache_key key = key_of("GET http://h/");
	struct str tag = str_of(text);
	return ledger_judge(l, seq, &key, &tag, 1);
}

/* The n-th purge has seq n and is of the n-th page alone. */
static const struct {
	const char *what;
	enum purge_kind kind;
	unsigned max;
	bool forgets;
} bounds[] = {
    {"tags", PURGE_TAG, LEDGER_TAGS, true},
    {"prefixes", PURGE_PREFIX, LEDGER_PATTERNS, true},
    {"globs", PURGE_GLOB, LEDGER_PATTERNS, true},
    {"URLs", PURGE_URL, LEDGER_URLS, false},
};

static enum ledger_verdict judge_nth(struct ledger *l, uint64_t seq, unsigned n)
{
	char text[40], tag[20];
	snprintf(text, sizeof(text), "GET /n%u.", n);
	snprintf(tag, sizeof(tag), "/n%u.", n);
	struct cache_key key = key_of(text);
	struct str one = str_of(tag);
	return ledger_judge(l, seq, &key, &one, 1);
}

static void add_nth(struct ledger *l, uint64_t seq, enum purge_kind kind, unsigned n)
{
	char text[40];
	snprintf(text, sizeof(text), kind == PURGE_URL ? "GET /n%u." : "/n%u.", n);
	add(l, seq, kind, text, false);
}

START_TEST(the_oldest_is_forgotten_at_the_bound)
{
	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		const char *what = bounds[i].what;
		struct ledger *l = ledger_new();
		for (unsigned n = 1; n <= bounds[i].max; n++)
			add_nth(l, n, bounds[i].kind, n);
		must(ledger_forgotten(l) == 0, "%s: forgotten before the bound", what);
		for (unsigned n = 1; n <= bounds[i].max; n++)
			must(judge_nth(l, 0, n) == LEDGER_HARD && judge_nth(l, n, n) == LEDGER_CLEAN, "%s: the %uth",
			    what, n);
		/* The first becomes new, so that the second is the oldest. */
		add_nth(l, bounds[i].max + 1, bounds[i].kind, 1);
		must(ledger_forgotten(l) == 0, "%s: forgotten for one that was there", what);
		add_nth(l, bounds[i].max + 2, bounds[i].kind, bounds[i].max + 2);
		must(judge_nth(l, 2, 1) == LEDGER_HARD, "%s: the wrong one was forgotten", what);
		must(judge_nth(l, 2, 3) == LEDGER_HARD, "%s: more than one was forgotten", what);
		must(ledger_forgotten(l) == (bounds[i].forgets ? 2 : 0), "%s: what is forgotten", what);
		must(judge_nth(l, 1, 2) == (bounds[i].forgets ? LEDGER_HARD : LEDGER_CLEAN), "%s: the forgotten one",
		    what);
		must(judge_nth(l, 2, 2) == LEDGER_CLEAN, "%s: the forgotten one after it", what);
		ledger_free(&l);
	}
}
END_TEST

START_TEST(one_that_is_older_than_a_full_ledger_is_forgotten_itself)
{
	struct ledger *l = ledger_new();
	for (unsigned n = 1; n <= LEDGER_PATTERNS; n++)
		add_nth(l, 100 + n, PURGE_PREFIX, n);
	add_nth(l, 50, PURGE_PREFIX, 5000);
	ck_assert_uint_eq(ledger_forgotten(l), 50);
	ck_assert_int_eq(judge_nth(l, 49, 5000), LEDGER_HARD);
	ck_assert_int_eq(judge_nth(l, 50, 5000), LEDGER_CLEAN);
	ck_assert_int_eq(judge_nth(l, 100, 1), LEDGER_HARD);
	ledger_free(&l);
}
END_TEST

START_TEST(all_makes_room)
{
	struct ledger *l = ledger_new();
	for (unsigned n = 1; n <= LEDGER_PATTERNS; n++)
		add_nth(l, n, PURGE_GLOB, n);
	add(l, LEDGER_PATTERNS - 1, PURGE_ALL, "", false);
	for (unsigned n = 1; n < LEDGER_PATTERNS; n++)
		add_nth(l, LEDGER_PATTERNS + n, PURGE_GLOB, 5000 + n);
	ck_assert_uint_eq(ledger_forgotten(l), 0);
	ck_assert_msg(judge_nth(l, LEDGER_PATTERNS - 1, LEDGER_PATTERNS) == LEDGER_HARD,
	    "one that is newer than all was dropped");
	ledger_free(&l);
}
END_TEST

START_TEST(arguments_are_copied_and_bounded)
{
	struct ledger *l = ledger_new();
	char text[] = "front";
	static char large[PURGE_LOG_ARG_MAX + 2];
	add(l, 1, PURGE_TAG, text, false);
	memset(text, 'x', sizeof(text) - 1);
	ck_assert_int_eq(judge_tag(l, 0, "front"), LEDGER_HARD);
	memset(large, 'a', PURGE_LOG_ARG_MAX);
	add(l, 2, PURGE_TAG, large, false);
	ck_assert_int_eq(judge_tag(l, 1, "b"), LEDGER_CLEAN);
	memset(large, 'a', PURGE_LOG_ARG_MAX + 1);
	add(l, 3, PURGE_TAG, large, false);
	ck_assert_int_eq(judge_tag(l, 2, "b"), LEDGER_HARD);
	ck_assert_int_eq(judge_tag(l, 3, "b"), LEDGER_CLEAN);
	ledger_free(&l);
}
END_TEST

struct listing {
	char text[200];
	size_t n;
};

static void list(void *ctx, uint64_t seq, const struct tier_purge *op)
{
	struct listing *list = ctx;
	list->n += (size_t)snprintf(list->text + list->n, sizeof(list->text) - list->n, "%u:%d%s:%.*s ", (unsigned)seq,
	    (int)op->kind, op->soft ? "s" : "h", STR_ARG(op->arg));
}

static const struct {
	const char *what, *purges, *listed;
	uint64_t forgotten;
} listings[] = {
    {"nothing", "", "", 0},
    {"in order of seq, no URLs", "P5 T3 U1", "3:3h:post-1 5:1h:/a ", 0},
    {"both forms", "T3 t5", "3:3h:post-1 5:3s:post-1 ", 0},
    {"all, and what is newer", "T1 p3 A2 a4 T5", "2:4h: 4:4s: 5:3h:post-1 ", 0},
    {"not what is forgotten", "T1 p3 A2 a4 T5", "5:3h:post-1 ", 4},
};

START_TEST(each_is_told_in_order)
{
	for (size_t i = 0; i < COUNT_OF(listings); i++) {
		struct ledger *l = ledger_new();
		struct str rest = str_of(listings[i].purges), purge;
		struct listing got = {.n = 0};
		while (rest.n > 0 && str_cut(&rest, ' ', &purge))
			add_in_short(l, purge);
		ledger_forget(l, listings[i].forgotten);
		ledger_each(l, list, &got);
		must(strcmp(got.text, listings[i].listed) == 0, "%s: got %s", listings[i].what, got.text);
		ledger_free(&l);
	}
}
END_TEST

/* Against a list that is searched from end to end. */
enum { MODEL_PURGES = 400, MODEL_PAGES = 20 };

struct model {
	struct tier_purge ops[MODEL_PURGES];
	char texts[MODEL_PURGES][24];
	uint64_t seqs[MODEL_PURGES];
};

static void model_fill(struct model *m, struct ledger *l, uint64_t *state, bool with_all)
{
	static const enum purge_kind kinds[] = {PURGE_TAG, PURGE_TAG, PURGE_PREFIX, PURGE_GLOB, PURGE_URL, PURGE_ALL};
	for (unsigned i = 0; i < MODEL_PURGES; i++) {
		*state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
		enum purge_kind kind = kinds[*state % (with_all ? 6 : 5)];
		snprintf(m->texts[i], sizeof(m->texts[i]), kind == PURGE_URL ? "GET /n%u." : "/n%u.",
		    (unsigned)(*state >> 8) % MODEL_PAGES);
		m->ops[i] = (struct tier_purge){.kind = kind, .soft = *state >> 20 & 1, .arg = str_of(m->texts[i])};
		m->ops[i].key = key_of(m->texts[i]);
		m->seqs[i] = 1 + i + (*state >> 32) % 8; /* nearly in order, some twice */
		ledger_add(l, m->seqs[i], &m->ops[i]);
	}
}

static enum ledger_verdict model_judge(
    const struct model *m, uint64_t seq, const struct cache_key *key, const struct str *tag)
{
	enum ledger_verdict verdict = LEDGER_CLEAN;
	for (unsigned i = 0; i < MODEL_PURGES; i++) {
		if (m->seqs[i] <= seq || !purge__covers(&m->ops[i], key, tag, 1))
			continue;
		if (!m->ops[i].soft)
			return LEDGER_HARD;
		verdict = LEDGER_SOFT;
	}
	return verdict;
}

static void model_compare(const struct model *m, struct ledger *l, unsigned page)
{
	char text[24];
	snprintf(text, sizeof(text), "GET /n%u.", page);
	struct cache_key key = key_of(text);
	struct str tag = str_of(text + 4);
	for (uint64_t seq = 0; seq < MODEL_PURGES + 10; seq += 3)
		must(ledger_judge(l, seq, &key, &tag, 1) == model_judge(m, seq, &key, &tag), "page %u, seq %u", page,
		    (unsigned)seq);
}

START_TEST(it_agrees_with_a_plain_list)
{
	static struct model m;
	uint64_t state = 88172645463325252u;
	for (unsigned round = 0; round < 40; round++) {
		struct ledger *l = ledger_new();
		model_fill(&m, l, &state, round % 2 == 0);
		for (unsigned page = 0; page < MODEL_PAGES; page++)
			model_compare(&m, l, page);
		ledger_free(&l);
	}
}
END_TEST

/* One adds in order and says how far it is; others judge what they know to be purged. */
enum { RACED = 3000 };

struct race {
	struct ledger *l;
	_Atomic uint64_t added;
};

static void *racing_reader(void *ctx)
{
	struct race *race = ctx;
	for (uint64_t seen = 0; seen < RACED;) {
		seen = atomic_load(&race->added);
		unsigned n = (unsigned)seen;
		if (n > 0)
			must(judge_nth(race->l, seen - 1, n) == LEDGER_HARD, "the %uth was added, and is not seen", n);
		must(judge_nth(race->l, RACED, n) == LEDGER_CLEAN, "nothing is newer than the last");
	}
	return NULL;
}

START_TEST(readers_see_what_was_added)
{
	static const enum purge_kind kinds[] = {PURGE_TAG, PURGE_PREFIX, PURGE_URL};
	struct race race = {.l = ledger_new()};
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		must(pthread_create(&threads[i], NULL, racing_reader, &race) == 0, "no thread");
	for (unsigned n = 1; n <= RACED; n++) {
		add_nth(race.l, n, kinds[n % COUNT_OF(kinds)], n);
		atomic_store(&race.added, n);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	ledger_free(&race.l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/ledger");
	TCase *t = tcase_create("ledger");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, it_covers_what_a_purge_covers);
	tcase_add_test(t, the_newest_counts_in_any_order);
	tcase_add_test(t, what_is_forgotten_counts_as_purged);
	tcase_add_test(t, the_oldest_is_forgotten_at_the_bound);
	tcase_add_test(t, one_that_is_older_than_a_full_ledger_is_forgotten_itself);
	tcase_add_test(t, all_makes_room);
	tcase_add_test(t, arguments_are_copied_and_bounded);
	tcase_add_test(t, each_is_told_in_order);
	tcase_add_test(t, it_agrees_with_a_plain_list);
	tcase_add_test(t, readers_see_what_was_added);
	suite_add_tcase(s, t);
	return suite_run(s);
}
