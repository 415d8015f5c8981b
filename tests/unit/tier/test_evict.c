/* Who leaves the memory tier: by worth, written as strings; what is remembered; all shards as one; bounded steps; the clock's end. */
#include "suite.h"

#include <string.h>

#include "base/mem.h"
#include "tier/evict.h"

enum { GHOSTS = 64, STEPS = 200 };

struct page {
	struct evict_node node;
	bool pinned;
};

static unsigned looked_at;

static bool is_free(struct evict_node *node)
{
	looked_at++;
	return !CONTAINER_OF(node, struct page, node)->pinned;
}

static uint64_t hash_of(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15u;
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

struct bench {
	struct evict_pool pool;
	struct evict e;
	uint16_t ghosts[GHOSTS];
	struct page pages[26];
	struct evict_search search;
	char out[32];
	size_t n;
};

static void start(struct bench *b)
{
	*b = (struct bench){.search = {.may = is_free, .until = UINT64_MAX}};
	evict__pool_init(&b->pool);
	evict__init(&b->e, &b->pool, 0);
	evict__set_ghosts(&b->e, b->ghosts, GHOSTS);
}

static void take_victim(struct bench *b, unsigned steps)
{
	b->search.steps = steps;
	struct evict_node *node = evict__victim(&b->e, &b->search);
	struct page *page = node ? CONTAINER_OF(node, struct page, node) : NULL;
	b->out[b->n++] = page ? (char)('a' + (page - b->pages)) : '_';
	if (!page)
		return;
	evict__remember(&b->e, node, hash_of((size_t)(page - b->pages)));
	evict__remove(&b->e, node);
}

/* A script: a letter adds that page of 1 KB, with a digit behind it so many times doubled; a capital hits it; '-' and the letter removes it;
 * '!' and the letter pins it. A dot asks for a victim and puts its letter, or '_' for none, into the outcome. '*': any may go
 * from now on. '#': what left is forgotten. */
static void play(struct bench *b, const char *script, unsigned steps)
{
	for (const char *c = script; *c; c++) {
		if (*c == '-') {
			evict__remove(&b->e, &b->pages[*++c - 'a'].node);
		} else if (*c == '!') {
			b->pages[*++c - 'a'].pinned = true;
		} else if (*c == '*') {
			b->search.any = true;
		} else if (*c == '#') {
			memset(b->ghosts, 0, sizeof(b->ghosts));
		} else if (*c >= 'A' && *c <= 'Z') {
			evict__hit(&b->pages[*c - 'A'].node);
		} else if (*c >= 'a') {
			size_t i = (size_t)(*c - 'a');
			unsigned doubled = c[1] >= '0' && c[1] <= '9' ? (unsigned)(*++c - '0') : 0;
			evict__add(&b->e, &b->pages[i].node, (size_t)1024 << doubled, hash_of(i));
		} else {
			take_victim(b, steps);
		}
	}
}

static const struct {
	const char *what, *script, *victims;
	unsigned steps;
} rows[] = {
    {"nothing to take", ".", "_", STEPS},
    {"the oldest first, of equal ones", "abc...", "abc", STEPS},
    {"a hit is spared once", "abcA....", "bca_", STEPS},
    {"the large one before the small one", "ab3c1...", "bca", STEPS},
    {"a small one that came long before stays", "ab9.c9.d9.e9..", "bcdea", STEPS},
    {"a large one that comes later leaves later", "ab1.c1.d1..", "bcad", STEPS},
    {"asked for twice is worth eight times once", "a3Ab...", "ba_", STEPS},
    {"but not sixteen times", "a4Ab...", "ab_", STEPS},
    {"a scan leaves before what is hit", "abABxyz.....", "xyzab", STEPS},
    {"what comes back is known", "a.ab..", "aba", STEPS},
    {"when it is forgotten it is not", "a.#ab..", "aab", STEPS},
    {"known also when it was not evicted but hit before", "aA*.*ab..", "aba", STEPS},
    {"the pinned one stays", "abc!a...", "bc_", STEPS},
    {"and those are found that are worth more", "a9b9c9d!a!b!c..", "d_", STEPS},
    {"all pinned: none", "ab!a!b..", "__", STEPS},
    {"any takes what was hit", "abAB*..", "ab", STEPS},
    {"removing one in the middle", "abc-b...", "ac_", STEPS},
    {"removing the first", "abc-a...", "bc_", STEPS},
    {"removing all", "ab-a-b.", "_", STEPS},
    {"steps bound the search", "abcABC.....", "_abc_", 2},
};

START_TEST(who_leaves)
{
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		start(&b);
		play(&b, rows[i].script, rows[i].steps);
		ck_assert_msg(strcmp(b.out, rows[i].victims) == 0, "%s: %s", rows[i].what, b.out);
	}
}
END_TEST

START_TEST(a_hit_is_one_byte_that_is_written_three_times)
{
	ck_assert_uint_le(sizeof(struct evict_node), 24);
	struct bench b;
	start(&b);
	evict__add(&b.e, &b.pages[0].node, 1000, hash_of(0));
	struct evict_node before = b.pages[0].node;
	ck_assert(evict__is_wonder(&before));
	for (unsigned i = 0; i < 10; i++)
		evict__hit(&b.pages[0].node);
	ck_assert_uint_eq(b.pages[0].node.hits, EVICT_HITS_MAX);
	ck_assert(!evict__is_wonder(&b.pages[0].node));
	b.pages[0].node.hits = 0;
	ck_assert(memcmp(&before, &b.pages[0].node, sizeof(before)) == 0);
}
END_TEST

START_TEST(a_replacement_inherits_the_favour)
{
	struct bench b;
	start(&b);
	play(&b, "aAAb", STEPS);
	evict__add(&b.e, &b.pages[2].node, 1024, hash_of(2));
	evict__inherit(&b.e, &b.pages[2].node, &b.pages[0].node);
	evict__remove(&b.e, &b.pages[0].node);
	ck_assert_uint_eq(b.pages[2].node.asked, 3);
	play(&b, "d...", STEPS);
	ck_assert_msg(strcmp(b.out, "bdc") == 0, "%s", b.out);
}
END_TEST

/* Popular once, and then forgotten by the people: it stays as long as sixteen fillings of the others. */
START_TEST(nothing_stays_for_what_it_was)
{
	struct bench b;
	start(&b);
	play(&b, "aAAA", STEPS);
	struct page stream[64];
	unsigned i = 0;
	bool left = false;
	for (; i < 64 * 64 && !left; i++) {
		struct page *page = &stream[i % COUNT_OF(stream)];
		if (i >= COUNT_OF(stream)) {
			b.search.steps = STEPS;
			struct evict_node *node = evict__victim(&b.e, &b.search);
			ck_assert_ptr_nonnull(node);
			left = node == &b.pages[0].node;
			evict__remove(&b.e, node);
			page = CONTAINER_OF(node, struct page, node);
		}
		page->pinned = false;
		if (!left)
			evict__add(&b.e, &page->node, 1024, hash_of(1000 + i));
	}
	ck_assert_msg(left && i > 64 * 16, "it left after %u", i);
	ck_assert_msg(i < 64 * 64, "it left after %u", i);
}
END_TEST

/* Each shard has a few pages; together they leave in the order that one shard would let them. */
START_TEST(shards_are_one)
{
	enum { N = 2000 };
	static struct evict_pool pool, alone_pool;
	static struct evict shards[EVICT_SHARDS], alone;
	static struct page pages[N], others[N];
	evict__pool_init(&pool);
	evict__pool_init(&alone_pool);
	evict__init(&alone, &alone_pool, 7);
	unsigned at;
	uint64_t until;
	ck_assert(!evict__pool_pick(&pool, &at, &until));
	for (unsigned i = 0; i < EVICT_SHARDS; i++)
		evict__init(&shards[i], &pool, i);
	uint32_t random = 77;
	for (unsigned i = 0; i < N; i++) {
		size_t size = (size_t)300 << next_random(&random) % 12;
		evict__add(&shards[next_random(&random) % EVICT_SHARDS], &pages[i].node, size, 0);
		evict__add(&alone, &others[i].node, size, 0);
		for (unsigned hits = next_random(&random) % 3; hits > 0; hits--) {
			evict__hit(&pages[i].node);
			evict__hit(&others[i].node);
		}
	}
	for (unsigned victims = 0, looks = 0; victims < N; looks++) {
		ck_assert_uint_lt(looks, 10 * N);
		ck_assert(evict__pool_pick(&pool, &at, &until));
		struct evict_search search = {.may = is_free, .until = until, .steps = 1000};
		struct evict_node *node = evict__victim(&shards[at], &search);
		if (!node)
			continue;
		struct evict_search search_alone = {.may = is_free, .until = UINT64_MAX, .steps = 1000};
		struct evict_node *other = evict__victim(&alone, &search_alone);
		ck_assert_uint_eq(node->due, other->due);
		evict__remove(&shards[at], node);
		evict__remove(&alone, other);
		victims++;
	}
	ck_assert(!evict__pool_pick(&pool, &at, &until));
}
END_TEST

/* Random steps, far around the end of the half of the clock that nodes have: the victim is always the first that is due, those that
 * were hit are looked at once more for it and no others, and nobody gets lost. */
START_TEST(the_first_due_leaves_and_looks_are_bounded)
{
	enum { N = 500, ROUNDS = 20000 };
	static struct page pages[N];
	static bool in[N];
	struct bench b;
	start(&b);
	atomic_store(&b.pool.clock, UINT32_MAX - 10000);
	uint32_t random = 5;
	unsigned n = 0, hits = 0, victims = 0;
	looked_at = 0;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned i = next_random(&random) % N;
		if (!in[i]) {
			evict__add(&b.e, &pages[i].node, 200 + next_random(&random) % (1 << next_random(&random) % 20),
			    hash_of(i));
			in[i] = true;
			n++;
		} else if (next_random(&random) % 8 > 0) {
			hits += pages[i].node.hits == 0;
			evict__hit(&pages[i].node);
		} else {
			evict__remove(&b.e, &pages[i].node);
			in[i] = false;
			n--;
		}
		if (n < N / 2)
			continue;
		b.search.steps = 2 * N;
		struct evict_node *node = evict__victim(&b.e, &b.search);
		ck_assert_ptr_nonnull(node);
		for (unsigned k = 0; k < N; k++)
			ck_assert_msg(!in[k] || (int32_t)(pages[k].node.due - node->due) >= 0, "%u was due before", k);
		evict__remember(&b.e, node, hash_of((size_t)(CONTAINER_OF(node, struct page, node) - pages)));
		evict__remove(&b.e, node);
		in[CONTAINER_OF(node, struct page, node) - pages] = false;
		n--;
		victims++;
	}
	ck_assert_msg(victims > 3000 && hits > 1000, "%u victims, %u hits", victims, hits);
	ck_assert_msg(looked_at <= victims + hits, "%u looks for %u victims and %u hits", looked_at, victims, hits);
	ck_assert_msg(atomic_load(&b.pool.clock) > UINT32_MAX, "the clock did not come so far");
	for (; n > 0; n--) {
		b.search.steps = 2 * N;
		evict__remove(&b.e, evict__victim(&b.e, &b.search));
	}
	ck_assert_uint_eq(b.e.filled, 0);
}
END_TEST

START_TEST(ghosts_keep_the_last_of_a_bucket)
{
	struct bench b;
	start(&b);
	evict__set_ghosts(&b.e, b.ghosts, 4);
	struct page *a = &b.pages[0];
	for (unsigned others = 0; others < 5; others++) {
		evict__add(&b.e, &a->node, 1024, 1);
		a->node.asked = 9;
		evict__remember(&b.e, &a->node, 1);
		evict__remove(&b.e, &a->node);
		for (unsigned i = 0; i < others; i++) {
			evict__add(&b.e, &a->node, 1024, 100 + i);
			evict__remember(&b.e, &a->node, 100 + i);
			evict__remove(&b.e, &a->node);
		}
		evict__add(&b.e, &a->node, 1024, 1);
		ck_assert_msg(a->node.asked == (others < 4 ? 10 : 1), "after %u others: %u", others, a->node.asked);
		evict__remove(&b.e, &a->node);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tier/evict");
	TCase *t = tcase_create("worth");
	tcase_add_test(t, who_leaves);
	tcase_add_test(t, a_hit_is_one_byte_that_is_written_three_times);
	tcase_add_test(t, a_replacement_inherits_the_favour);
	tcase_add_test(t, nothing_stays_for_what_it_was);
	tcase_add_test(t, shards_are_one);
	tcase_add_test(t, the_first_due_leaves_and_looks_are_bounded);
	tcase_add_test(t, ghosts_keep_the_last_of_a_bucket);
	suite_add_tcase(s, t);
	return suite_run(s);
}
