/* Three sets of records under a lock that lookups share: tags, patterns, URLs. A record is one distinct purge with the seq of its
 * newest hard and its newest soft form; two numbers more stand for purges of everything.
 *
 *   set:  table   argument -> record                  (tags and URLs are looked up)
 *         heap    records, that of the lowest newest seq first   (who must go; patterns are walked in its array)
 *
 * A lookup with a label that is as new as all that was added reads one number and takes no lock. Else it passes by the sets in
 * which nothing is newer.
 *
 * What a newer purge of everything covers says nothing any more: a hard one those before it, a soft one the soft ones before it. They
 * are dropped with it, or refused when they come late. What was forgotten is as if everything had been purged up to there. A
 * full set gives up the record whose newest seq is the lowest; of tags and patterns that moves what is forgotten, of URLs nothing.
 *
 * A URL is kept as the 128 bits of its key: two that share them may cost a stored page. */
#include "tier/ledger.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/random.h"
#include "tier/private.h"
#include "tier/purge_log.h"
#include "tier/table.h"

struct record {
	struct table_node node;
	size_t at;	     /* in the heap */
	uint64_t hard, soft; /* seq; 0: none */
	enum purge_kind kind;
	uint32_t n;
	char text[];
};

struct set {
	struct table table;
	struct record **heap;
	size_t n, cap, max;
	uint64_t newest; /* no record has a higher seq */
};

struct ledger {
	pthread_rwlock_t lock;
	_Atomic uint64_t newest; /* nothing has a higher seq; written under the lock */
	uint64_t seed;
	uint64_t forgotten, all_hard, all_soft;
	struct set tags, patterns, urls;
};

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t newest_of(const struct record *r)
{
	return higher(r->hard, r->soft);
}

/* What is labelled before is gone, whatever it is. */
static uint64_t gone_before(const struct ledger *l)
{
	return higher(l->forgotten, l->all_hard);
}

/* --- the heap --- */

static void place(struct set *s, size_t at, struct record *r)
{
	s->heap[at] = r;
	r->at = at;
}

static void sift_up(struct set *s, struct record *r)
{
	size_t at = r->at;
	while (at > 0 && newest_of(s->heap[(at - 1) / 2]) > newest_of(r)) {
		place(s, at, s->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	place(s, at, r);
}

static void sift_down(struct set *s, struct record *r)
{
	size_t at = r->at;
	for (;;) {
		size_t child = 2 * at + 1;
		if (child >= s->n)
			break;
		if (child + 1 < s->n && newest_of(s->heap[child + 1]) < newest_of(s->heap[child]))
			child++;
		if (newest_of(s->heap[child]) >= newest_of(r))
			break;
		place(s, at, s->heap[child]);
		at = child;
	}
	place(s, at, r);
}

/* --- sets --- */

static void set_free(struct set *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->heap[i]);
	free(s->heap);
	table__free(&s->table);
}

static struct record *find(const struct set *s, uint64_t hash, enum purge_kind kind, struct str text)
{
	for (struct table_node *node = table__chain(&s->table, hash); node; node = node->next) {
		struct record *r = CONTAINER_OF(node, struct record, node);
		if (node->hash == hash && r->kind == kind && str_eq(str_make(r->text, r->n), text))
			return r;
	}
	return NULL;
}

static void make_room(struct set *s)
{
	size_t wants = table__wants(&s->table);
	if (wants > 0) {
		struct table_spare spare = {.buckets = mem_zalloc(wants * sizeof(*spare.buckets)), .n_buckets = wants};
		table__grow(&s->table, &spare);
		free(spare.buckets);
	}
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 16;
		s->heap = mem_realloc(s->heap, s->cap * sizeof(struct record *));
	}
}

static struct record *record_new(struct set *s, uint64_t hash, enum purge_kind kind, struct str text)
{
	struct record *r = mem_alloc(sizeof(*r) + text.n);
	*r = (struct record){.node.hash = hash, .kind = kind, .n = (uint32_t)text.n};
	str_put(r->text, text);
	make_room(s);
	table__add(&s->table, &r->node);
	place(s, s->n++, r);
	return r;
}

/* Returns the newest seq of what is forgotten by it. */
static uint64_t drop_oldest(struct set *s)
{
	struct record *oldest = s->heap[0], *last = s->heap[--s->n];
	uint64_t seq = newest_of(oldest);
	if (s->n > 0) {
		place(s, 0, last);
		sift_down(s, last);
	}
	table__remove(&s->table, &oldest->node);
	free(oldest);
	return seq;
}

/* Drops what a purge of everything made superfluous. */
static void prune(struct set *s, uint64_t hard, uint64_t soft)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct record *r = s->heap[i];
		r->hard = r->hard > hard ? r->hard : 0;
		r->soft = r->soft > soft ? r->soft : 0;
		if (newest_of(r) > 0) {
			place(s, kept++, r);
			continue;
		}
		table__remove(&s->table, &r->node);
		free(r);
	}
	s->n = kept;
	for (size_t i = kept / 2; i-- > 0;)
		sift_down(s, s->heap[i]);
	table__shrink(&s->table);
}

static void prune_all(struct ledger *l)
{
	uint64_t hard = gone_before(l), soft = higher(hard, l->all_soft);
	prune(&l->tags, hard, soft);
	prune(&l->patterns, hard, soft);
	prune(&l->urls, hard, soft);
}

/* --- the ledger --- */

struct ledger *ledger_new(void)
{
	struct ledger *l = mem_zalloc(sizeof(*l));
	tier__lock_init(&l->lock);
	if (random_u64(&l->seed))
		l->seed = (uint64_t)clock_mono_us(); /* better than one that everybody knows */
	table__init(&l->tags.table);
	table__init(&l->patterns.table);
	table__init(&l->urls.table);
	l->tags.max = LEDGER_TAGS;
	l->patterns.max = LEDGER_PATTERNS;
	l->urls.max = LEDGER_URLS;
	return l;
}

void ledger_free(struct ledger **l)
{
	if (!*l)
		return;
	set_free(&(*l)->tags);
	set_free(&(*l)->patterns);
	set_free(&(*l)->urls);
	pthread_rwlock_destroy(&(*l)->lock);
	free(*l);
	*l = NULL;
}

static struct str text_of(const struct cache_key *key, uint64_t text[2])
{
	text[0] = key->hi;
	text[1] = key->lo;
	return str_make((const char *)text, 2 * sizeof(*text));
}

static void add_all(struct ledger *l, uint64_t seq, bool soft)
{
	uint64_t *all = soft ? &l->all_soft : &l->all_hard;
	if (seq <= *all)
		return;
	*all = seq;
	prune_all(l);
}

static void add_record(struct ledger *l, struct set *s, uint64_t seq, const struct tier_purge *op, struct str text)
{
	uint64_t hash = hash_str(text, l->seed + op->kind);
	struct record *r = find(s, hash, op->kind, text);
	if (!r)
		r = record_new(s, hash, op->kind, text);
	uint64_t *at = op->soft ? &r->soft : &r->hard;
	*at = higher(*at, seq);
	if (r->soft <= r->hard)
		r->soft = 0;
	/* One that was there has become newer, a new one lies at the end: one of both does nothing. */
	sift_down(s, r);
	sift_up(s, r);
	s->newest = higher(s->newest, seq);
	if (s->n <= s->max)
		return;
	uint64_t lost = drop_oldest(s);
	if (s != &l->urls)
		l->forgotten = higher(l->forgotten, lost);
}

static void add(struct ledger *l, uint64_t seq, const struct tier_purge *op)
{
	uint64_t words[2], covered = higher(gone_before(l), op->soft ? l->all_soft : 0);
	if (seq <= covered)
		return;
	if (op->kind == PURGE_URL)
		add_record(l, &l->urls, seq, op, text_of(&op->key, words));
	else if (op->kind == PURGE_ALL || op->arg.n > PURGE_LOG_ARG_MAX)
		add_all(l, seq, op->soft);
	else
		add_record(l, op->kind == PURGE_TAG ? &l->tags : &l->patterns, seq, op, op->arg);
}

static void raise_newest(struct ledger *l, uint64_t seq)
{
	atomic_store(&l->newest, higher(atomic_load(&l->newest), seq));
}

void ledger_add(struct ledger *l, uint64_t seq, const struct tier_purge *op)
{
	pthread_rwlock_wrlock(&l->lock);
	add(l, seq, op);
	raise_newest(l, seq);
	pthread_rwlock_unlock(&l->lock);
}

void ledger_forget(struct ledger *l, uint64_t seq)
{
	pthread_rwlock_wrlock(&l->lock);
	if (seq > l->forgotten) {
		l->forgotten = seq;
		prune_all(l);
	}
	raise_newest(l, seq);
	pthread_rwlock_unlock(&l->lock);
}

uint64_t ledger_forgotten(struct ledger *l)
{
	pthread_rwlock_rdlock(&l->lock);
	uint64_t seq = l->forgotten;
	pthread_rwlock_unlock(&l->lock);
	return seq;
}

static enum ledger_verdict verdict_of(const struct record *r, uint64_t seq)
{
	if (r && r->hard > seq)
		return LEDGER_HARD;
	return r && r->soft > seq ? LEDGER_SOFT : LEDGER_CLEAN;
}

static enum ledger_verdict worse(enum ledger_verdict a, enum ledger_verdict b)
{
	return a > b ? a : b;
}

static enum ledger_verdict judge_url(const struct ledger *l, uint64_t seq, const struct cache_key *key)
{
	uint64_t words[2];
	if (l->urls.newest <= seq)
		return LEDGER_CLEAN;
	struct str text = text_of(key, words);
	return verdict_of(find(&l->urls, hash_str(text, l->seed + PURGE_URL), PURGE_URL, text), seq);
}

static enum ledger_verdict judge_tags(const struct ledger *l, uint64_t seq, const struct str *tags, unsigned n_tags)
{
	enum ledger_verdict verdict = LEDGER_CLEAN;
	if (l->tags.newest <= seq)
		return verdict;
	for (unsigned i = 0; i < n_tags && verdict != LEDGER_HARD; i++) {
		uint64_t hash = hash_str(tags[i], l->seed + PURGE_TAG);
		verdict = worse(verdict, verdict_of(find(&l->tags, hash, PURGE_TAG, tags[i]), seq));
	}
	return verdict;
}

static enum ledger_verdict judge_patterns(const struct ledger *l, uint64_t seq, const struct cache_key *key)
{
	enum ledger_verdict verdict = LEDGER_CLEAN;
	if (l->patterns.newest <= seq)
		return verdict;
	for (size_t i = 0; i < l->patterns.n && verdict != LEDGER_HARD; i++) {
		const struct record *r = l->patterns.heap[i];
		const struct tier_purge op = {.kind = r->kind, .arg = str_make(r->text, r->n)};
		/* Compared only where it would make things worse. */
		enum ledger_verdict would = verdict_of(r, seq);
		if (would > verdict && purge__covers(&op, key, NULL, 0))
			verdict = would;
	}
	return verdict;
}

static enum ledger_verdict judge(
    const struct ledger *l, uint64_t seq, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	if (seq < gone_before(l))
		return LEDGER_HARD;
	enum ledger_verdict verdict = worse(judge_url(l, seq, key), judge_tags(l, seq, tags, n_tags));
	if (verdict != LEDGER_HARD)
		verdict = worse(verdict, judge_patterns(l, seq, key));
	return worse(verdict, seq < l->all_soft ? LEDGER_SOFT : LEDGER_CLEAN);
}

enum ledger_verdict ledger_judge(
    struct ledger *l, uint64_t seq, const struct cache_key *key, const struct str *tags, unsigned n_tags)
{
	if (seq >= atomic_load_explicit(&l->newest, memory_order_acquire))
		return LEDGER_CLEAN;
	pthread_rwlock_rdlock(&l->lock);
	enum ledger_verdict verdict = judge(l, seq, key, tags, n_tags);
	pthread_rwlock_unlock(&l->lock);
	return verdict;
}

/* --- all of them, in order --- */

struct listed {
	uint64_t seq;
	struct tier_purge purge;
};

struct listing {
	struct listed *v;
	size_t n;
};

static int by_seq(const void *a, const void *b)
{
	uint64_t x = ((const struct listed *)a)->seq, y = ((const struct listed *)b)->seq;
	return (x > y) - (x < y);
}

static void list_one(struct listing *list, uint64_t seq, enum purge_kind kind, struct str arg, bool soft)
{
	list->v[list->n++] = (struct listed){.seq = seq, .purge = {.kind = kind, .arg = arg, .soft = soft}};
}

static void list_set(struct listing *list, const struct ledger *l, const struct set *s)
{
	uint64_t hard = gone_before(l), soft = higher(hard, l->all_soft);
	for (size_t i = 0; i < s->n; i++) {
		const struct record *r = s->heap[i];
		struct str arg = str_make(r->text, r->n);
		if (r->hard > hard)
			list_one(list, r->hard, r->kind, arg, false);
		if (r->soft > soft)
			list_one(list, r->soft, r->kind, arg, true);
	}
}

void ledger_each(struct ledger *l, void (*fn)(void *ctx, uint64_t seq, const struct tier_purge *op), void *ctx)
{
	pthread_rwlock_rdlock(&l->lock);
	struct listing list = {.v = mem_alloc((2 * (l->tags.n + l->patterns.n) + 2) * sizeof(*list.v))};
	if (l->all_hard > l->forgotten)
		list_one(&list, l->all_hard, PURGE_ALL, STR(""), false);
	if (l->all_soft > gone_before(l))
		list_one(&list, l->all_soft, PURGE_ALL, STR(""), true);
	list_set(&list, l, &l->tags);
	list_set(&list, l, &l->patterns);
	qsort(list.v, list.n, sizeof(*list.v), by_seq);
	for (size_t i = 0; i < list.n; i++)
		fn(ctx, list.v[i].seq, &list.v[i].purge);
	pthread_rwlock_unlock(&l->lock);
	free(list.v);
}
