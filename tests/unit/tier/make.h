/* Entries for the tests of tiers, and tier operations that wait for tiers which answer later. */
#ifndef LARDER_TESTS_TIER_MAKE_H
#define LARDER_TESTS_TIER_MAKE_H

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "must.h"
#include "tier/tier.h"

/* What tiers that hash keys themselves are to be made with. */
enum { KEY_SEED = 1 };

static inline struct cache_key key_of(const char *text)
{
	return key_of_text(str_of(text), KEY_SEED);
}

/* What differs between the entries of the tests; the rest is zero or empty. */
struct recipe {
	const char *key;       /* "GET http://host/path" */
	struct header vary[3]; /* to the first without a name */
	const char *tags;      /* with commas */
	struct str body;
	struct body *shared_body; /* instead: a reference is taken */
	int64_t response_ms, lifetime_ms, initial_age_ms, swr_ms, sie_ms, unreachable_ms;
	struct str etag;
	int64_t last_modified_s; /* 0: none */
	int64_t date_s;
	uint64_t epoch;
	const struct headers *headers;
	const struct range *runs; /* a partial entry: to the first of length 0 */
};

static inline int make_entry(struct tier *t, const struct recipe *r, struct entry **out)
{
	struct stored stored = {
	    .status = 200,
	    .response_ms = r->response_ms,
	    .lifetime_ms = r->lifetime_ms,
	    .initial_age_ms = r->initial_age_ms,
	    .swr_ms = r->swr_ms,
	    .sie_ms = r->sie_ms,
	    .unreachable_ms = r->unreachable_ms,
	    .etag = r->etag,
	    .last_modified_s = r->last_modified_s ? r->last_modified_s : -1,
	    .date_s = r->date_s,
	    .lifetime_source = "ttl",
	};
	while (r->runs && r->runs[stored.n_runs].last > 0)
		stored.n_runs++;
	if (stored.n_runs > 0) {
		stored.status = 206;
		stored.runs = r->runs;
		stored.complete = 100;
	}
	struct header vary[COUNT_OF(r->vary)];
	for (size_t i = 0; i < COUNT_OF(vary) && r->vary[i].name.p; i++)
		vary[stored.vary.n++] = r->vary[i];
	stored.vary.v = vary;
	struct headers none = {0};
	struct str tags[16], rest = str_of(r->tags), tag;
	struct entry_spec spec = {.key = key_of(r->key),
	    .stored = &stored,
	    .headers = r->headers ? r->headers : &none,
	    .tags = tags,
	    .epoch = r->epoch};
	while (r->tags && str_cut(&rest, ',', &tag))
		tags[spec.n_tags++] = tag;
	struct body *body = r->shared_body ? body_ref(r->shared_body) : body_of(r->body, t->budget);
	*out = NULL;
	if (!body)
		return ERR_FULL;
	int err = entry_new(&spec, &body, t->budget, out);
	body_release(&body);
	return err;
}

struct made_wait {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	int err;
};

static inline int made_await(struct made_wait *w)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		must(pthread_cond_timedwait(&w->cond, &w->lock, &until) == 0, "an operation did not come back");
	pthread_mutex_unlock(&w->lock);
	return w->err;
}

static inline void made_done(struct made_wait *w, int err)
{
	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->err = err;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

#define MADE_OP(verb)                                                                                                  \
	struct made_##verb {                                                                                           \
		struct tier_##verb op;                                                                                 \
		struct made_wait wait;                                                                                 \
	};                                                                                                             \
	static inline void made_##verb##_done(struct tier_##verb *op, int err)                                         \
	{                                                                                                              \
		made_done(&CONTAINER_OF(op, struct made_##verb, op)->wait, err);                                       \
	}                                                                                                              \
	static inline int make_##verb(struct tier *t, struct tier_##verb *op)                                          \
	{                                                                                                              \
		struct made_##verb m = {*op, {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0}};         \
		m.op.done = made_##verb##_done;                                                                        \
		int err = tier_##verb(t, &m.op);                                                                       \
		if (err == ERR_AGAIN)                                                                                  \
			err = made_await(&m.wait);                                                                     \
		*op = m.op;                                                                                            \
		return err;                                                                                            \
	}
MADE_OP(get)
MADE_OP(put)
MADE_OP(purge)
MADE_OP(invalidate)
#undef MADE_OP

/* Makes, stores and lets go: the tier holds it alone. */
static inline int store(struct tier *t, const struct recipe *r)
{
	struct entry *e;
	int err = make_entry(t, r, &e);
	if (err)
		return err;
	struct tier_put op = {.entry = e};
	err = make_put(t, &op);
	entry_release(&e);
	return err;
}

static inline struct entry *find(struct tier *t, const char *key)
{
	struct tier_get op = {.key = key_of(key)};
	int err = make_get(t, &op);
	must(err == (op.entry ? ERR_OK : ERR_MISSING), "%s: %s", key, err_name(err));
	return op.entry;
}

static inline bool has(struct tier *t, const char *key)
{
	struct entry *e = find(t, key);
	bool found = e != NULL;
	entry_release(&e);
	return found;
}

static inline struct tier_purge purge(struct tier *t, enum purge_kind kind, const char *arg, bool soft)
{
	struct tier_purge op = {.kind = kind, .arg = str_of(arg), .soft = soft};
	if (kind == PURGE_URL)
		op.key = key_of(arg);
	must(make_purge(t, &op) == ERR_OK, "purge failed");
	return op;
}

static inline struct tier_invalidate invalidate(struct tier *t, const char *key)
{
	struct tier_invalidate op = {.key = key_of(key), .count = 99, .epoch = 99};
	must(make_invalidate(t, &op) == ERR_OK, "an invalidation failed");
	return op;
}

static inline bool file_is(int fd, uint64_t size, struct str want)
{
	char piece[4096];
	bool same = size == want.n;
	while (same && want.n > 0) {
		size_t n = want.n < sizeof(piece) ? want.n : sizeof(piece);
		same = pread(fd, piece, n, (off_t)(size - want.n)) == (ssize_t)n && memcmp(piece, want.p, n) == 0;
		want = str_skip(want, n);
	}
	return same;
}

static inline bool body_is(struct entry *e, struct str want)
{
	if (body_file(e->body) >= 0)
		return file_is(body_file(e->body), body_size(e->body), want);
	struct str seg[64];
	unsigned n = body_segments(e->body, seg, COUNT_OF(seg));
	for (unsigned i = 0; i < n && i < COUNT_OF(seg); i++) {
		if (!str_eq(seg[i], str_take(want, seg[i].n)))
			return false;
		want = str_skip(want, seg[i].n);
	}
	return n <= COUNT_OF(seg) && want.n == 0;
}

#endif
