/* The functions of larder.h: they check what the program gave, turn bytes into JSON and back, and call the backend. remember.c has the one that
 * computes. */
#include "lib/cache.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/mem.h"
#include "lib/json.h"
#include "lib/remember.h"

enum { NAME_MAX_BYTES = 255, PATH_MAX_BYTES = 4000, URL_MAX_BYTES = 4000 };
enum { DEFAULT_ENTRIES = 10000, DEFAULT_TIMEOUT_MS = 5000, TIMEOUT_MAX_S = 3600 };
#define ENTRIES_MAX ((size_t)1 << 30)

void larder_options_init_size(larder_options *options, size_t size)
{
	const larder_options defaults = {.size = size, .backend = "memory"};
	if (options)
		memcpy(options, &defaults, size < sizeof(defaults) ? size : sizeof(defaults));
}

int lib_key(const char *key, struct str *out)
{
	*out = str_of(key);
	if (out->n == 0)
		return lib_fail(LARDER_INVALID, "an empty key");
	if (out->n > LARDER_KEY_MAX)
		return lib_fail(LARDER_INVALID, "a key of %zu bytes: at most %d are allowed", out->n, LARDER_KEY_MAX);
	return LARDER_OK;
}

int lib_ttl(double seconds, int64_t *ms)
{
	if (!(seconds >= 0 && seconds <= LARDER_TTL_MAX))
		return lib_fail(
		    LARDER_INVALID, "a ttl of %g: 0 (for ever) to %.0f seconds are allowed", seconds, LARDER_TTL_MAX);
	*ms = (int64_t)(seconds * 1000 + 0.5);
	if (*ms == 0 && seconds > 0)
		*ms = 1;
	return LARDER_OK;
}

/* --- open and close --- */

static int read_text(const char *name, const char *given, const char *otherwise, size_t max, struct str *out)
{
	*out = str_of(given ? given : otherwise);
	if (out->n > max)
		return lib_fail(LARDER_INVALID, "options.%s has %zu bytes: at most %zu are allowed", name, out->n, max);
	return LARDER_OK;
}

static int read_settings(const larder_options *o, struct lib_settings *s)
{
	int status = LARDER_OK;
	const struct {
		const char *name, *given, *otherwise;
		size_t max;
		struct str *out;
	} texts[] = {
	    {"path", o->path, "", PATH_MAX_BYTES, &s->path},
	    {"url", o->url, "", URL_MAX_BYTES, &s->url},
	    {"name_space", o->name_space, "larder", NAME_MAX_BYTES, &s->name_space},
	    {"prefix", o->prefix, "cache", NAME_MAX_BYTES, &s->prefix},
	    {"pages_prefix", o->pages_prefix, "larder", NAME_MAX_BYTES, &s->pages_prefix},
	};
	for (size_t i = 0; i < COUNT_OF(texts) && status == LARDER_OK; i++)
		status = read_text(texts[i].name, texts[i].given, texts[i].otherwise, texts[i].max, texts[i].out);
	if (status != LARDER_OK)
		return status;
	s->tls = (struct redis_tls){.ca = str_of(o->tls_ca),
	    .cert = str_of(o->tls_cert),
	    .key = str_of(o->tls_key),
	    .any_server = o->tls_accept_any_server != 0};
	if (o->max_entries > ENTRIES_MAX)
		return lib_fail(
		    LARDER_INVALID, "options.max_entries is %zu: at most %zu are allowed", o->max_entries, ENTRIES_MAX);
	if (!(o->timeout >= 0 && o->timeout <= TIMEOUT_MAX_S))
		return lib_fail(LARDER_INVALID, "options.timeout is %g: 0 (the default) to %d seconds are allowed",
		    o->timeout, TIMEOUT_MAX_S);
	s->max_entries = o->max_entries > 0 ? o->max_entries : DEFAULT_ENTRIES;
	s->timeout_ms = (int64_t)(o->timeout * 1000);
	if (s->timeout_ms == 0)
		s->timeout_ms = DEFAULT_TIMEOUT_MS;
	return LARDER_OK;
}

static int open_backend(struct str name, const struct lib_settings *s, struct lib_backend **out)
{
	int status = LARDER_INVALID;
	*out = NULL;
	if (str_index(name, ',') < name.n)
		return lib_fail(
		    LARDER_UNSUPPORTED, "options.backend is a list: one of memory, file, redis is opened at a time");
	if (str_eq(name, STR("memory"))) {
		*out = memory_backend_open(s, &status);
	} else if (str_eq(name, STR("file"))) {
		if (s->path.n == 0)
			return lib_fail(
			    LARDER_INVALID, "options.path is missing: the directory of the backend \"file\"");
		*out = file_backend_open(s, &status);
	} else if (str_eq(name, STR("redis"))) {
		if (s->url.n == 0)
			return lib_fail(
			    LARDER_INVALID, "options.url is missing: redis://host of the backend \"redis\"");
		*out = redis_backend_open(s, &status);
	} else {
		return lib_fail(
		    LARDER_INVALID, "options.backend is \"%.40s\": memory, file or redis are allowed", name.p);
	}
	return status;
}

static void cache_prepare(void *ctx)
{
	larder_cache *c = ctx;
	pthread_mutex_lock(&c->lock);
	if (c->backend->ops->fork_prepare)
		c->backend->ops->fork_prepare(c->backend);
}

static void cache_forked(void *ctx, bool child)
{
	larder_cache *c = ctx;
	if (c->backend->ops->fork_done)
		c->backend->ops->fork_done(c->backend, child);
	/* Those who compute are other threads: they are not in the child. */
	if (child)
		c->computing = NULL;
	pthread_mutex_unlock(&c->lock);
}

static int open_cache(const larder_options *o, larder_cache *c)
{
	struct lib_settings settings;
	int status = read_settings(o, &settings);
	if (status == LARDER_OK)
		status = open_backend(str_of(o->backend ? o->backend : "memory"), &settings, &c->backend);
	if (status != LARDER_OK)
		return status;
	status = pthread_mutex_init(&c->lock, NULL) == 0 ? LARDER_OK : lib_no_memory();
	if (status == LARDER_OK) {
		c->forker = (struct lib_forker){.prepare = cache_prepare, .done = cache_forked, .ctx = c};
		status = lib_fork_watch(&c->forker);
		if (status != LARDER_OK)
			pthread_mutex_destroy(&c->lock);
	}
	if (status != LARDER_OK)
		c->backend->ops->close(c->backend);
	return status;
}

int larder_open(const larder_options *options, larder_cache **cache)
{
	larder_options o;
	if (!cache)
		return lib_fail(LARDER_INVALID, "no place for the cache");
	*cache = NULL;
	larder_options_init_size(&o, sizeof(o));
	/* A program that was built with an older header has a shorter struct. */
	if (options && (options->size < sizeof(options->size) || options->size > 4096))
		return lib_fail(LARDER_INVALID, "options.size is wrong: call larder_options_init first");
	if (options)
		memcpy(&o, options, options->size < sizeof(o) ? options->size : sizeof(o));
	larder_cache *c = alloc_try_zero(sizeof(*c));
	if (!c)
		return lib_no_memory();
	int status = open_cache(&o, c);
	if (status == LARDER_OK)
		*cache = c;
	else
		free(c);
	return lib_told("open", status);
}

void larder_close(larder_cache *c)
{
	if (!c)
		return;
	lib_fork_unwatch(&c->forker);
	c->backend->ops->close(c->backend);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- values --- */

static int read_tags(const char *const *tags, size_t n_tags, struct str out[LARDER_TAGS_MAX])
{
	if (n_tags > LARDER_TAGS_MAX || (n_tags > 0 && !tags))
		return lib_fail(LARDER_INVALID, "%zu tags: at most %d are allowed", n_tags, LARDER_TAGS_MAX);
	for (size_t i = 0; i < n_tags; i++) {
		if (lib_key(tags[i], &out[i]) != LARDER_OK)
			return lib_fail(
			    LARDER_INVALID, "tag %zu has %zu bytes: 1 to %d are allowed", i, out[i].n, LARDER_KEY_MAX);
	}
	return LARDER_OK;
}

/* `json` is valid. */
static int set(larder_cache *c, const char *key, struct str json, double ttl, const char *const *tags, size_t n_tags)
{
	struct str k, list[LARDER_TAGS_MAX];
	struct lib_value v = {.json = json, .tags = list, .n_tags = n_tags};
	if (!c)
		return lib_fail(LARDER_INVALID, "there is no cache");
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = lib_ttl(ttl, &v.ttl_ms);
	if (status == LARDER_OK)
		status = read_tags(tags, n_tags, list);
	if (status == LARDER_OK)
		status = c->backend->ops->set(c->backend, k, &v);
	return lib_told("set", status);
}

int larder_set_tagged(
    larder_cache *c, const char *key, const void *value, size_t n, double ttl, const char *const *tags, size_t n_tags)
{
	struct text t;
	if (!value && n > 0)
		return lib_fail(LARDER_INVALID, "there is no value, though it is said to have %zu bytes", n);
	int status = lib_encode(str_make(value, n), &t);
	if (status != LARDER_OK)
		return status;
	status = set(c, key, str_make(t.p, t.n), ttl, tags, n_tags);
	free(t.p);
	return status;
}

int larder_set_json_tagged(
    larder_cache *c, const char *key, const char *json, size_t n, double ttl, const char *const *tags, size_t n_tags)
{
	struct str whole;
	int status = lib_check_json(str_make(json, n), &whole);
	return status == LARDER_OK ? set(c, key, whole, ttl, tags, n_tags) : status;
}

int larder_set(larder_cache *c, const char *key, const void *value, size_t n, double ttl)
{
	return larder_set_tagged(c, key, value, n, ttl, NULL, 0);
}

int larder_set_json(larder_cache *c, const char *key, const char *json, size_t n, double ttl)
{
	return larder_set_json_tagged(c, key, json, n, ttl, NULL, 0);
}

static int get(larder_cache *c, const char *key, struct text *out)
{
	struct str k;
	*out = (struct text){.p = NULL};
	if (!c)
		return lib_fail(LARDER_INVALID, "there is no cache");
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = c->backend->ops->get(c->backend, k, out);
	if (status == LARDER_MISSING)
		return lib_fail(status, "%s", larder_strerror(status));
	return lib_told("get", status);
}

int larder_get_json(larder_cache *c, const char *key, char **json, size_t *n)
{
	struct text t;
	if (!json)
		return lib_fail(LARDER_INVALID, "there is no place for the value");
	int status = get(c, key, &t);
	*json = t.p;
	if (n)
		*n = t.n;
	return status;
}

int larder_get(larder_cache *c, const char *key, void **value, size_t *n)
{
	struct text t;
	if (!value)
		return lib_fail(LARDER_INVALID, "there is no place for the value");
	int status = get(c, key, &t);
	if (status == LARDER_OK)
		lib_decode(&t);
	*value = t.p;
	if (n)
		*n = t.n;
	return status;
}

int larder_get_or(larder_cache *c, const char *key, const void *otherwise, size_t n_otherwise, void **value, size_t *n)
{
	int status = larder_get(c, key, value, n);
	if (status != LARDER_MISSING)
		return status;
	*value = alloc_try_copy(str_make(otherwise, n_otherwise));
	if (!*value)
		return lib_no_memory();
	if (n)
		*n = n_otherwise;
	return LARDER_OK;
}

void larder_free(void *value)
{
	free(value);
}

int larder_has(larder_cache *c, const char *key)
{
	struct str k;
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = c->backend->ops->has(c->backend, k);
	return status == LARDER_OK ? 1 : status == LARDER_MISSING ? 0 : lib_told("has", status);
}

int larder_forget(larder_cache *c, const char *key)
{
	struct str k;
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = c->backend->ops->forget(c->backend, k);
	return status == LARDER_MISSING ? lib_fail(status, "%s", larder_strerror(status)) : lib_told("forget", status);
}

int larder_flush(larder_cache *c)
{
	return lib_told("flush", c->backend->ops->flush(c->backend));
}

int larder_incr(larder_cache *c, const char *key, int64_t amount, double ttl, int64_t *result)
{
	struct str k;
	int64_t ttl_ms = 0, sum = 0;
	int status = lib_key(key, &k);
	if (status == LARDER_OK)
		status = lib_ttl(ttl, &ttl_ms);
	if (status == LARDER_OK)
		status = c->backend->ops->incr(c->backend, k, amount, ttl_ms, &sum);
	if (status == LARDER_OK && result)
		*result = sum;
	return lib_told("incr", status);
}

int larder_forget_tag(larder_cache *c, const char *tag)
{
	struct str t;
	int status = lib_key(tag, &t);
	if (status == LARDER_OK)
		status = c->backend->ops->forget_tag(c->backend, t);
	return lib_told("forget_tag", status);
}
