/* Values in a directory, which other programs may share: they know the name of a value's file, and what is in it.
 *
 *	<path>/<hash>.json              {"value": ..., "expires": seconds since 1970 as a float, or null}
 *	       index/<space>/<hash>     {"key": ..., "tags": [...]}: what is ours, of which namespace and prefix
 *	                     count       how many records there are; who adds or removes one holds its lock
 *	       locks/00 ... ff          by the first digits of the hash
 *
 *	hash = SHA-256 of "namespace:prefix:key", space = SHA-256 of "namespace:prefix"
 *
 * A value is read without a lock: a file is replaced at once. Who writes it or its record holds the hash's lock, of which there are 256 for all;
 * nobody holds two. The record is written before the value and removed after it, so that no value of ours is without one. A value that another
 * program wrote has none; it gets one when it is read here, since from then on its key is known.
 *
 * There are never more records than max_entries, whoever adds them. Who meets the limit looks through the directory, and a sixteenth leaves, so
 * that this is seldom. Which, is CLOCK by the times of the values' files: they queue by when they were written, and are marked when they are
 * read (by a time of access that is later). The oldest without a mark leave; a mark among those before them is taken away, and its file queues
 * at the end as if it were new. So most gets write nothing, and what is read between two rounds stays. Many file systems note the
 * first read after a write by themselves, so that the reads of other programs count as well.
 *
 * Order of locks: hash -> count. */
#include "lib/lib.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/mem.h"
#include "lib/files.h"
#include "lib/json.h"
#include "lib/pages.h"

enum { FULL_KEY = LARDER_KEY_MAX + 1024, RECORD_MAX = 16 * 1024 * 1024, FRAME = 128, ROUNDS = 64 };
#define MARK_NS ((int64_t)60 * 1000000000)
/* There is no room for one more record. No status of larder.h. */
enum { FULL = 1000 };

struct file_cache {
	struct lib_backend backend;
	struct files_dir dir;
	char *path;	  /* of it, absolute */
	struct str space; /* "namespace:prefix:" */
	size_t max;
	char index[sizeof("index/") + SHA256_HEX], count[sizeof("index//count") + SHA256_HEX];
};

/* The names that belong to a key. */
struct names {
	char hash[SHA256_HEX + 1];
	char value[SHA256_HEX + sizeof(".json")];
	char record[FILES_NAME], temp[FILES_NAME], lock[FILES_NAME];
};

/* A value as it was read. */
struct loaded {
	struct text file; /* of which the others are parts */
	struct str value, expires;
	bool expired; /* nothing else is wrong with it, and nothing of it is here */
	struct files_state state;
};

static struct file_cache *file_of(struct lib_backend *b)
{
	return CONTAINER_OF(b, struct file_cache, backend);
}

static void name_hash(const struct file_cache *f, const char *hash, struct names *out)
{
	memcpy(out->hash, hash, sizeof(out->hash));
	snprintf(out->value, sizeof(out->value), "%s.json", hash);
	snprintf(out->record, sizeof(out->record), "%s/%s", f->index, hash);
	snprintf(out->temp, sizeof(out->temp), "%s/%s~", f->index, hash);
	snprintf(out->lock, sizeof(out->lock), "locks/%.2s", hash);
}

static void name_key(const struct file_cache *f, struct str key, struct names *out)
{
	char full[FULL_KEY], hash[SHA256_HEX + 1];
	char *end = str_put(str_put(full, f->space), key);
	sha256_hex(str_make(full, (size_t)(end - full)), hash);
	name_hash(f, hash, out);
}

static int make_dirs(struct file_cache *f)
{
	int status = files_make_dir(f->dir, "locks");
	if (status == LARDER_OK)
		status = files_make_dir(f->dir, "index");
	return status == LARDER_OK ? files_make_dir(f->dir, f->index) : status;
}

/* People clear a cache with rm: what is missing is made again. */
static int lock(struct file_cache *f, const char *name, int *held)
{
	int status = files_lock(f->dir, name, held);
	if (status != LARDER_MISSING)
		return status;
	status = make_dirs(f);
	if (status == LARDER_OK)
		status = files_lock(f->dir, name, held);
	return status == LARDER_MISSING ? lib_fail(LARDER_IO, "the directory of locks is gone") : status;
}

/* --- values --- */

static bool parse(struct loaded *l)
{
	struct str whole;
	if (!json_whole(str_make(l->file.p, l->file.n), &whole) || !json_member(whole, STR("value"), &l->value) ||
	    !json_member(whole, STR("expires"), &l->expires))
		return false;
	double expires;
	return str_eq(l->expires, STR("null")) || json_number(l->expires, &expires);
}

static bool expired(const struct loaded *l)
{
	double expires;
	return json_number(l->expires, &expires) && expires * 1000 <= (double)lib_now_ms();
}

/* LARDER_MISSING: not there, expired or damaged. */
static int load(struct file_cache *f, const struct names *n, struct loaded *l)
{
	*l = (struct loaded){.value = STR_NONE};
	int status = files_read(f->dir, n->value, (size_t)LARDER_VALUE_MAX + FRAME, &l->file, &l->state);
	bool good = status == LARDER_OK && parse(l), late = good && expired(l);
	if (status == LARDER_OK && (!good || late)) {
		free(l->file.p);
		*l = (struct loaded){.value = STR_NONE, .expired = late};
		status = LARDER_MISSING;
	}
	return status;
}

/* "seconds.milliseconds", or "null". */
static struct str expires_text(int64_t ttl_ms, char room[48])
{
	if (ttl_ms == 0)
		return STR("null");
	int64_t at = lib_now_ms() + ttl_ms;
	int n = snprintf(room, 48, "%lld.%03d", (long long)(at / 1000), (int)(at % 1000));
	return str_make(room, (size_t)n);
}

/* Under the lock. */
static int store(struct file_cache *f, const struct names *n, struct str value, struct str expires)
{
	const struct str parts[] = {STR("{\"value\": "), value, STR(", \"expires\": "), expires, STR("}")};
	return files_replace(f->dir, n->temp, n->value, parts, COUNT_OF(parts));
}

/* --- records --- */

static int record_text(struct str key, const struct str *tags, size_t n_tags, struct text *out)
{
	static const struct str open = STR("{\"key\": "), middle = STR(", \"tags\": ["), comma = STR(", "),
				close = STR("]}");
	struct text parts[1 + LARDER_TAGS_MAX] = {{.p = NULL}};
	size_t size = open.n + middle.n + close.n;
	*out = (struct text){.p = NULL};
	int status = lib_encode(key, &parts[0]);
	for (size_t i = 0; i < n_tags && status == LARDER_OK; i++)
		status = lib_encode(tags[i], &parts[1 + i]);
	for (size_t i = 0; i <= n_tags; i++)
		size += parts[i].n + comma.n;
	out->p = status == LARDER_OK ? alloc_try(size) : NULL;
	if (status == LARDER_OK && !out->p)
		status = lib_no_memory();
	if (status == LARDER_OK) {
		char *end = str_put(str_put(out->p, open), str_make(parts[0].p, parts[0].n));
		end = str_put(end, middle);
		for (size_t i = 1; i <= n_tags; i++)
			end = str_put(str_put(end, i > 1 ? comma : STR("")), str_make(parts[i].p, parts[i].n));
		out->n = (size_t)(str_put(end, close) - out->p);
	}
	for (size_t i = 0; i <= n_tags; i++)
		free(parts[i].p);
	return status;
}

/* Under the lock of the count: what stands there, or else what there is. */
static int count(struct file_cache *f, int held, int64_t *n)
{
	struct files_list list;
	*n = files_get_number(held);
	if (*n >= 0)
		return LARDER_OK;
	int status = files_list(f->dir, f->index, &list);
	*n = (int64_t)list.n;
	free(list.v);
	return status;
}

/* The count is higher for a moment, and stays so when the process dies: until the next round. */
static int add_record(struct file_cache *f, const struct names *n, struct str text)
{
	int64_t there;
	int held, status = lock(f, f->count, &held);
	if (status != LARDER_OK)
		return status;
	status = count(f, held, &there);
	if (status == LARDER_OK && (uint64_t)there >= f->max)
		status = FULL;
	if (status == LARDER_OK)
		status = files_set_number(f->dir, f->count, held, there + 1);
	if (status == LARDER_OK) {
		status = files_replace(f->dir, n->temp, n->record, &text, 1);
		if (status != LARDER_OK)
			(void)!files_set_number(f->dir, f->count, held, there);
	}
	files_unlock(held);
	return status;
}

static int remove_record(struct file_cache *f, const struct names *n)
{
	int held, status = lock(f, f->count, &held);
	if (status != LARDER_OK)
		return status;
	int64_t there = files_get_number(held);
	status = files_remove(f->dir, n->record);
	if (status == LARDER_OK && there > 0)
		status = files_set_number(f->dir, f->count, held, there - 1);
	files_unlock(held);
	return status;
}

/* Under the lock. One without tags is as long as another without: then nothing is to be done. `tags` NULL: those that it has stay. FULL: it would
 * be one too many. */
static int record(struct file_cache *f, const struct names *n, struct str key, const struct str *tags, size_t n_tags)
{
	struct files_state state;
	struct text text;
	int found = files_look(f->dir, n->record, &state);
	if (found != LARDER_MISSING && (found != LARDER_OK || !tags))
		return found;
	int status = record_text(key, tags, n_tags, &text);
	if (status != LARDER_OK)
		return status;
	struct str whole = str_make(text.p, text.n);
	if (found == LARDER_MISSING)
		status = add_record(f, n, whole);
	else if (n_tags > 0 || state.size != text.n)
		status = files_replace(f->dir, n->temp, n->record, &whole, 1);
	free(text.p);
	return status;
}

/* Value and record. Under the lock. LARDER_OK also when there was neither. */
static int drop(struct file_cache *f, const struct names *n)
{
	struct files_state state;
	int found = files_look(f->dir, n->record, &state);
	int status = files_remove(f->dir, n->value);
	return status == LARDER_OK && found == LARDER_OK ? remove_record(f, n) : status;
}

/* --- too many --- */

static bool is_marked(const struct files_entry *e)
{
	return e->used_ns > e->written_ns;
}

/* The first may leave first. */
static int by_worth(const void *a, const void *b)
{
	const struct files_entry *x = a, *y = b;
	if (is_marked(x) != is_marked(y))
		return is_marked(x) - is_marked(y);
	int64_t p = is_marked(x) ? x->used_ns : x->written_ns, q = is_marked(x) ? y->used_ns : y->written_ns;
	return p < q ? -1 : p > q;
}

/* Unless it has been written since it was looked at. */
static int drop_old(struct file_cache *f, const struct files_entry *e)
{
	struct names n;
	struct files_state state = {.written_ns = 0};
	name_hash(f, e->name, &n);
	int held, status = lock(f, n.lock, &held);
	if (status != LARDER_OK)
		return status;
	(void)!files_look(f->dir, n.value, &state);
	if (state.written_ns == e->written_ns)
		status = drop(f, &n);
	files_unlock(held);
	return status;
}

static int evict(struct file_cache *f, struct files_list *list)
{
	size_t leave = list->n - (f->max - 1 - f->max / 16);
	int64_t hand_ns = 0, now_ns = lib_now_ms() * 1000000;
	struct names n;
	int status = LARDER_OK;
	for (size_t i = 0; i < list->n; i++) {
		struct files_state state = {.written_ns = 0}; /* gone: the oldest */
		name_hash(f, list->v[i].name, &n);
		(void)!files_look(f->dir, n.value, &state);
		list->v[i].written_ns = state.written_ns;
		list->v[i].used_ns = state.used_ns;
	}
	qsort(list->v, list->n, sizeof(*list->v), by_worth);
	for (size_t i = 0; i < leave && status == LARDER_OK; i++) {
		if (list->v[i].written_ns > hand_ns)
			hand_ns = list->v[i].written_ns;
		status = drop_old(f, &list->v[i]);
	}
	for (size_t i = leave; i < list->n; i++) {
		name_hash(f, list->v[i].name, &n);
		if (is_marked(&list->v[i]) && list->v[i].written_ns < hand_ns)
			files_stamp(f->dir, n.value, now_ns, now_ns);
	}
	return status;
}

/* Without a lock held. */
static int make_room(struct file_cache *f)
{
	struct files_list list;
	int held, status = lock(f, f->count, &held);
	if (status != LARDER_OK)
		return status;
	status = files_list(f->dir, f->index, &list);
	if (status == LARDER_OK)
		status = files_set_number(f->dir, f->count, held, (int64_t)list.n);
	files_unlock(held);
	if (status == LARDER_OK && list.n >= f->max)
		status = evict(f, &list);
	free(list.v);
	return status;
}

/* Does something under the key's lock that may need one more record. Others may take the room that was made. */
static int with_room(struct file_cache *f, const struct names *n,
    int (*change)(struct file_cache *f, const struct names *n, void *ctx), void *ctx)
{
	int held, status = FULL;
	for (int i = 0; i < ROUNDS && status == FULL; i++) {
		status = i > 0 ? make_room(f) : LARDER_OK;
		if (status == LARDER_OK)
			status = lock(f, n->lock, &held);
		if (status != LARDER_OK)
			return status;
		status = change(f, n, ctx);
		files_unlock(held);
	}
	return status == FULL ? lib_fail(LARDER_TIMEOUT, "others fill the cache faster than it can be emptied")
			      : status;
}

/* --- operations --- */

static int learn_locked(struct file_cache *f, const struct names *n, void *ctx)
{
	const struct str *key = ctx;
	struct files_state state;
	int found = files_look(f->dir, n->value, &state);
	return found == LARDER_OK ? record(f, n, *key, NULL, 0) : found;
}

/* A value that was read: if another program wrote it, its key is known from now on. Fails without harm. */
static void learn(struct file_cache *f, const struct names *n, struct str key)
{
	struct files_state state;
	if (files_look(f->dir, n->record, &state) == LARDER_MISSING)
		(void)!with_room(f, n, learn_locked, &key);
}

/* Marks it as read, where the file system has not done so, and once a minute again: where all are marked, the time decides. */
static void use(struct file_cache *f, const struct names *n, const struct files_state *state)
{
	int64_t now_ns = lib_now_ms() * 1000000;
	if (state->used_ns <= state->written_ns || now_ns - state->used_ns > MARK_NS)
		files_stamp(f->dir, n->value, 0, now_ns > state->written_ns ? now_ns : state->written_ns + 1);
}

/* What is expired leaves, unless somebody was quicker. Fails without harm. What is damaged stays: it may be in the making, by a program that
 * writes in place. */
static void clean(struct file_cache *f, const struct names *n)
{
	struct loaded l;
	int held;
	if (lock(f, n->lock, &held) != LARDER_OK)
		return;
	if (load(f, n, &l) == LARDER_MISSING && l.expired)
		(void)drop(f, n);
	free(l.file.p);
	files_unlock(held);
}

static int file_get(struct lib_backend *b, struct str key, struct text *out)
{
	struct file_cache *f = file_of(b);
	struct names n;
	struct loaded l;
	name_key(f, key, &n);
	int status = load(f, &n, &l);
	if (l.expired)
		clean(f, &n);
	if (status != LARDER_OK)
		return status;
	memmove(l.file.p, l.value.p, l.value.n);
	*out = (struct text){.p = l.file.p, .n = l.value.n};
	out->p[out->n] = '\0';
	use(f, &n, &l.state);
	learn(f, &n, key);
	return LARDER_OK;
}

static int file_has(struct lib_backend *b, struct str key)
{
	struct names n;
	struct loaded l;
	name_key(file_of(b), key, &n);
	int status = load(file_of(b), &n, &l);
	free(l.file.p);
	return status;
}

struct setting {
	struct str key;
	const struct lib_value *v;
};

static int set_locked(struct file_cache *f, const struct names *n, void *ctx)
{
	static const struct str no_tags[1];
	const struct setting *s = ctx;
	const struct lib_value *v = s->v;
	char room[48];
	int status = record(f, n, s->key, v->n_tags > 0 ? v->tags : no_tags, v->n_tags);
	return status == LARDER_OK ? store(f, n, v->json, expires_text(v->ttl_ms, room)) : status;
}

static int file_set(struct lib_backend *b, struct str key, const struct lib_value *v)
{
	struct file_cache *f = file_of(b);
	struct setting s = {key, v};
	struct names n;
	name_key(f, key, &n);
	return with_room(f, &n, set_locked, &s);
}

static int file_forget(struct lib_backend *b, struct str key)
{
	struct file_cache *f = file_of(b);
	struct names n;
	struct loaded l;
	name_key(f, key, &n);
	int held, status = lock(f, n.lock, &held);
	if (status != LARDER_OK)
		return status;
	int found = load(f, &n, &l);
	status = drop(f, &n);
	free(l.file.p);
	files_unlock(held);
	return status == LARDER_OK ? found : status;
}

struct counting {
	struct str key;
	int64_t amount, ttl_ms, *result;
};

static int incr_loaded(struct file_cache *f, const struct names *n, const struct counting *c, struct loaded *l)
{
	static const struct str no_tags[1];
	char digits[24], room[48];
	int found = load(f, n, l);
	if (found != LARDER_OK && found != LARDER_MISSING)
		return found;
	int status = lib_sum(l->value, c->amount, c->result);
	/* A new value has no tags, whatever an expired one had. */
	if (status == LARDER_OK)
		status = record(f, n, c->key, found == LARDER_OK ? NULL : no_tags, 0);
	if (status != LARDER_OK)
		return status;
	struct str expires = found == LARDER_OK ? l->expires : expires_text(c->ttl_ms, room);
	return store(f, n, lib_int_text(*c->result, digits), expires);
}

static int incr_locked(struct file_cache *f, const struct names *n, void *ctx)
{
	struct loaded l;
	int status = incr_loaded(f, n, ctx, &l);
	free(l.file.p);
	return status;
}

static int file_incr(struct lib_backend *b, struct str key, int64_t amount, int64_t ttl_ms, int64_t *result)
{
	struct file_cache *f = file_of(b);
	struct counting c = {key, amount, ttl_ms, result};
	struct names n;
	name_key(f, key, &n);
	return with_room(f, &n, incr_locked, &c);
}

/* Whether a record names the tag; `encoded` as it stands there, with other ways of writing it out of the question: records are ours. */
static int carries(struct file_cache *f, const struct names *n, struct str encoded, bool *yes)
{
	struct text text;
	struct str whole, tags, tag;
	*yes = false;
	int status = files_read(f->dir, n->record, RECORD_MAX, &text, NULL);
	if (status != LARDER_OK)
		return status == LARDER_MISSING ? LARDER_OK : status;
	if (json_whole(str_make(text.p, text.n), &whole) && json_member(whole, STR("tags"), &tags) && *tags.p == '[') {
		for (struct str rest = json_inside(tags); !*yes && json_next(&rest, &tag);)
			*yes = str_eq(tag, encoded);
	}
	free(text.p);
	return LARDER_OK;
}

/* `encoded` NULL: whatever its tags. Looked at before the lock is taken, and again under it. */
static int drop_if(struct file_cache *f, const struct names *n, const struct str *encoded)
{
	bool yes = true;
	int held, status = encoded ? carries(f, n, *encoded, &yes) : LARDER_OK;
	if (status != LARDER_OK || !yes)
		return status;
	status = lock(f, n->lock, &held);
	if (status != LARDER_OK)
		return status;
	if (encoded)
		status = carries(f, n, *encoded, &yes);
	if (status == LARDER_OK && yes)
		status = drop(f, n);
	files_unlock(held);
	return status;
}

static int drop_all(struct file_cache *f, const struct str *encoded)
{
	struct files_list list;
	struct names n;
	int status = files_list(f->dir, f->index, &list);
	for (size_t i = 0; i < list.n && status == LARDER_OK; i++) {
		name_hash(f, list.v[i].name, &n);
		status = drop_if(f, &n, encoded);
	}
	free(list.v);
	return status;
}

static int file_flush(struct lib_backend *b)
{
	return drop_all(file_of(b), NULL);
}

static int file_forget_tag(struct lib_backend *b, struct str tag)
{
	struct file_cache *f = file_of(b);
	struct text encoded;
	int status = lib_encode(tag, &encoded);
	if (status != LARDER_OK)
		return status;
	struct str text = str_make(encoded.p, encoded.n);
	status = drop_all(f, &text);
	free(encoded.p);
	return status == LARDER_OK ? pages_purge_directory(f->path, tag) : status;
}

static void file_close(struct lib_backend *b)
{
	struct file_cache *f = file_of(b);
	close(f->dir.fd);
	free(f->path);
	free((char *)(uintptr_t)f->space.p);
	free(f);
}

/* For the journal of pages, which is opened by its path: the program may go to another directory. */
static int keep_path(struct file_cache *f, struct str path)
{
	char absolute[PATH_MAX];
	if (!realpath(path.p, absolute))
		return lib_fail_errno("cannot find the directory", path);
	f->dir.path = f->path = alloc_try_copy(str_of(absolute));
	return f->path ? LARDER_OK : lib_no_memory();
}

/* Each call opens its own lock and lets go of it for its children as well, and the directory may be shared: nothing is to be done about forks. */
static const struct lib_ops file_ops = {
    .get = file_get,
    .set = file_set,
    .has = file_has,
    .forget = file_forget,
    .flush = file_flush,
    .incr = file_incr,
    .forget_tag = file_forget_tag,
    .close = file_close,
};

struct lib_backend *file_backend_open(const struct lib_settings *s, int *status)
{
	char hash[SHA256_HEX + 1];
	struct file_cache *f = alloc_try_zero(sizeof(*f));
	char *space = alloc_try(s->name_space.n + s->prefix.n + 2);
	if (!f || !space) {
		*status = lib_no_memory();
		goto failed;
	}
	f->backend.ops = &file_ops;
	f->max = s->max_entries;
	char *end = str_put(str_put(str_put(space, s->name_space), STR(":")), s->prefix);
	*end++ = ':';
	f->space = str_make(space, (size_t)(end - space));
	sha256_hex(str_take(f->space, f->space.n - 1), hash);
	snprintf(f->index, sizeof(f->index), "index/%s", hash);
	snprintf(f->count, sizeof(f->count), "index/%s/count", hash);
	*status = files_open(s->path, &f->dir);
	if (*status != LARDER_OK)
		goto failed;
	*status = keep_path(f, s->path);
	if (*status == LARDER_OK)
		*status = make_dirs(f);
	if (*status == LARDER_OK)
		return &f->backend;
	close(f->dir.fd);
	free(f->path);
failed:
	free(space);
	free(f);
	return NULL;
}
