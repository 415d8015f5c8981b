/* /cache: values for programs in other languages, by liblarder (values.h). docs/tiers.md tells their side.
 *
 *   GET ?lease=  found -> 200
 *                missing, nobody computes -> 404 with Larder-Lease: the client is to compute, and to PUT with it
 *                missing, somebody does -> the stale value, if there is one; else the request waits (answer->waits) and is handled again
 *                from its beginning when there is something new, or its time is over: then 404 without a lease
 *
 * What a lease's holder stores must not hide what was set or dropped meanwhile. So whoever changes a value without the lease first makes it
 * void, and the holder looks whether it still has it before it stores and behind that: if it lost it between the two, it drops the value.
 * A miss is cheap, a wrong value is not. */
#include "admin/page.h"

#include <stdlib.h>

#include "admin/values.h"
#include "base/clock.h"
#include "base/mem.h"
#include "lib/remember.h"

enum { KEY_MAX = 512, TAG_MAX = 512, WAIT_DEFAULT_MS = 5000, WAIT_MAX_MS = 60 * 1000 };
enum { LEASE_MIN_MS = 100, LEASE_MAX_MS = 10 * 60 * 1000 };
#define TTL_MAX_MS   ((int64_t)LARDER_TTL_MAX * 1000)
#define STALE_MAX_MS ((int64_t)7 * 24 * 3600 * 1000)

static int64_t now_ms(void)
{
	return clock_mono_us() / 1000;
}

/* --- what is asked for --- */

#define PREFIX STR("/cache/")
#define INCR   STR("/incr")

/* The key in the path, decoded, in `a` and with a NUL. 0, or ERR_INVALID with the answer made. */
static int read_key(struct str raw, struct arena *a, struct str *key, struct admin_answer *answer)
{
	if (admin__decode(raw, false, a, key) != ERR_OK) {
		admin__error(answer, 400, "the key is not well encoded: %% is followed by two hex digits, not 00");
		return ERR_INVALID;
	}
	*key = arena_str(a, *key);
	if (key->n > 0 && key->n <= KEY_MAX && str_index(*key, '\0') == key->n)
		return ERR_OK;
	admin__error(answer, 400, "the key has %zu bytes: 1 to %d are allowed", key->n, KEY_MAX);
	return ERR_INVALID;
}

/* "60", "1.5": seconds; with a unit "500ms", "10m". */
static bool parse_ms(struct str text, int64_t max_ms, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
	int64_t unit = 1000;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		if (str_ends(text, str_of(units[i].unit))) {
			unit = units[i].ms;
			text = str_take(text, text.n - strlen(units[i].unit));
			break;
		}
	}
	struct str rest = text, whole, fraction = STR("");
	uint64_t ms, part = 0;
	if (!str_cut(&rest, '.', &whole) || str_to_u64(whole, (uint64_t)(max_ms / unit), &ms) != ERR_OK)
		return false;
	if (rest.p)
		fraction = str_take(rest, 3);
	if (rest.p && (rest.n == 0 || rest.n > 9 || str_to_u64(rest, UINT64_MAX, &part) != ERR_OK ||
			  str_to_u64(fraction, 999, &part) != ERR_OK))
		return false;
	for (size_t i = fraction.n; i < 3; i++)
		part *= 10;
	*out = (int64_t)ms * unit + (int64_t)part * unit / 1000;
	return *out <= max_ms;
}

/* A time; *ms stays as it is when the parameter is not there. 0, or ERR_INVALID with the answer made. */
static int read_ms(const struct admin_request *r, const char *name, int64_t min_ms, int64_t max_ms, int64_t *ms,
    struct admin_answer *answer)
{
	struct str value = admin__param(r, str_of(name));
	if (!value.p || (parse_ms(value, max_ms, ms) && *ms >= min_ms))
		return ERR_OK;
	admin__error(answer, 400,
	    "%s=%.*s: a time is seconds (60, 1.5) or has a unit (500ms, 10m, 1d), and here between %g and %.0f seconds",
	    name, STR_ARG(str_take(value, 64)), (double)min_ms / 1000, (double)max_ms / 1000);
	return ERR_INVALID;
}

/* A number that may have a sign. */
static bool parse_amount(struct str text, int64_t *out)
{
	bool minus = str_starts(text, STR("-"));
	uint64_t v;
	if (str_to_u64(str_skip(text, minus), INT64_MAX, &v) != ERR_OK)
		return false;
	*out = minus ? -(int64_t)v : (int64_t)v;
	return true;
}

/* All parameters `tag`, as C strings in `a`. 0, or ERR_INVALID with the answer made. */
static int read_tags(const struct admin_request *r, struct arena *a, const char *tags[ADMIN_PARAMS_MAX], size_t *n,
    struct admin_answer *answer)
{
	*n = 0;
	for (unsigned i = 0; i < r->n_params; i++) {
		struct str value = r->params[i].value;
		if (!str_eq(r->params[i].name, STR("tag")))
			continue;
		if (value.n == 0 || value.n > TAG_MAX) {
			admin__error(answer, 400, "a tag has %zu bytes: 1 to %d are allowed", value.n, TAG_MAX);
			return ERR_INVALID;
		}
		tags[(*n)++] = arena_str(a, value).p;
	}
	return ERR_OK;
}

/* --- what is answered --- */

static void refuse(int status, struct admin_answer *answer)
{
	static const struct {
		int status, http;
	} rows[] = {{LARDER_MISSING, 404}, {LARDER_INVALID, 400}, {LARDER_TOO_LARGE, 413}, {LARDER_NOT_INTEGER, 409}};
	int http = 503;
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		http = rows[i].status == status ? rows[i].http : http;
	admin__error(answer, http, "%s", larder_last_error());
}

static void done(int status, struct admin_answer *answer)
{
	if (status != LARDER_OK) {
		refuse(status, answer);
		return;
	}
	buf_reset(&answer->body);
	answer->status = 204;
	answer->content_type = "text/plain";
}

static bool wants_json(const struct admin_request *r)
{
	struct str rest = r->accept, one;
	while (rest.p && str_cut(&rest, ',', &one))
		if (str_eq_nocase(str_trim(str_take(one, str_index(one, ';'))), STR("application/json")))
			return true;
	return false;
}

/* The value of JSON text, in the form that its kind and the client want: 200. */
static void give(struct text *t, const struct admin_request *r, struct admin_answer *answer)
{
	size_t n = t->n;
	bool is_text = n > 0 && t->p[0] == '"';
	answer->status = 200;
	answer->content_type = "application/json";
	if (!wants_json(r)) {
		lib_decode(t);
		if (is_text)
			answer->content_type = "text/plain; charset=utf-8";
		else if (t->n != n) /* base64 is always longer */
			answer->content_type = "application/octet-stream";
	}
	buf_reset(&answer->body);
	(void)buf_add(&answer->body, str_make(t->p, t->n)); /* admin_handle looks at the overflow */
}

/* A status of larder.h; with LARDER_OK the answer is the value. */
static int answer_value(
    larder_cache *cache, const char *key, const struct admin_request *r, struct admin_answer *answer)
{
	struct text t;
	int status = larder_get_json(cache, key, &t.p, &t.n);
	if (status == LARDER_OK)
		give(&t, r, answer);
	larder_free(t.p);
	return status;
}

/* --- leases --- */

static void answer_missing(struct admin_answer *answer, const char *token, const char *sentence)
{
	admin__error(answer, 404, "%s", sentence);
	memcpy(answer->lease, token, strlen(token) + 1);
}

/* A value that may be given after its time. */
static bool answer_stale(
    const struct admin_env *env, const struct admin_request *r, struct str key, struct admin_answer *answer)
{
	struct buf json;
	int64_t over_ms;
	buf_init(&json, LARDER_VALUE_MAX);
	bool found = stales_get(env->values->stales, key, now_ms(), &json, &over_ms);
	if (found && buf_addc(&json, '\0') == ERR_OK) {
		struct text t = {.p = json.p, .n = json.n - 1};
		give(&t, r, answer);
		answer->stale_s = over_ms / 1000;
		answer->is_stale = true;
	}
	buf_free(&json);
	return answer->is_stale;
}

static void ask_lease(const struct admin_env *env, larder_cache *cache, const struct admin_request *r, struct str key,
    int64_t lease_ms, struct admin_answer *answer)
{
	char token[LEASE_TOKEN] = "";
	bool stale = answer_stale(env, r, key, answer);
	int err = leases_ask(env->values->leases, key, lease_ms, stale ? NULL : r->waiter, now_ms(), token);
	switch (err) {
	case ERR_AGAIN:
		answer->waits = true;
		return;
	case ERR_OK:
		answer->is_stale = false;
		/* The last one may have stored it between our look and our question. */
		if (answer_value(cache, key.p, r, answer) == LARDER_OK)
			(void)leases_end(env->values->leases, key, str_of(token), now_ms());
		else
			answer_missing(
			    answer, token, "There is no such value: compute it, and PUT it with this Larder-Lease.");
		return;
	case ERR_CANCELLED:
		answer->is_stale = false;
		admin__error(answer, 503, "Larder ends.");
		return;
	case ERR_TIMEOUT:
		if (!stale)
			answer_missing(answer, "", "There is no such value yet: another client computes it.");
		return;
	default:
		if (!stale)
			answer_missing(
			    answer, "", "There is no such value, and no lease to be had: compute it without.");
	}
}

/* The header Larder-Lease of a PUT or DELETE; 409 when it is not the key's any more. */
static bool lease_is_good(
    const struct admin_env *env, const struct admin_request *r, struct str key, struct admin_answer *answer)
{
	if (!r->lease.p || leases_holds(env->values->leases, key, r->lease, now_ms()))
		return true;
	admin__error(answer, 409, "The lease is over, or the value was set or dropped meanwhile: nothing was stored.");
	return false;
}

/* --- one value --- */

static void get_value(const struct admin_env *env, larder_cache *cache, const struct admin_request *r, struct str key,
    struct admin_answer *answer)
{
	int64_t lease_ms = 0, wait_ms = WAIT_DEFAULT_MS;
	if (read_ms(r, "lease", LEASE_MIN_MS, LEASE_MAX_MS, &lease_ms, answer) != ERR_OK ||
	    read_ms(r, "wait", 0, WAIT_MAX_MS, &wait_ms, answer) != ERR_OK)
		return;
	if (r->waiter && r->waiter->until_ms == 0) /* else it has waited already */
		r->waiter->until_ms = now_ms() + wait_ms;
	int status = answer_value(cache, key.p, r, answer);
	if (status == LARDER_MISSING && lease_ms > 0 && str_eq(r->method, STR("GET")))
		ask_lease(env, cache, r, key, lease_ms, answer);
	else if (status != LARDER_OK)
		refuse(status, answer);
}

static bool is_json(const struct admin_request *r)
{
	struct str type = str_trim(str_take(r->content_type, str_index(r->content_type, ';')));
	return str_eq_nocase(type, STR("application/json")) ||
	       (str_starts_nocase(type, STR("application/")) && str_ends(type, STR("+json")));
}

struct put {
	int64_t ttl_ms, stale_ms;
	const char *tags[ADMIN_PARAMS_MAX];
	size_t n_tags;
	bool is_json;
};

static int read_put(const struct admin_request *r, struct arena *a, struct put *p, struct admin_answer *answer)
{
	*p = (struct put){.is_json = is_json(r)};
	if (read_ms(r, "ttl", 0, TTL_MAX_MS, &p->ttl_ms, answer) != ERR_OK ||
	    read_ms(r, "stale", 0, STALE_MAX_MS, &p->stale_ms, answer) != ERR_OK)
		return ERR_INVALID;
	if (p->stale_ms == 0 || p->ttl_ms > 0)
		return read_tags(r, a, p->tags, &p->n_tags, answer);
	admin__error(answer, 400, "stale goes with a ttl: a value without one never is");
	return ERR_INVALID;
}

static int store(larder_cache *cache, const char *key, struct str body, const struct put *p)
{
	double ttl = (double)p->ttl_ms / 1000;
	return p->is_json ? larder_set_json_tagged(cache, key, body.p ? body.p : "", body.n, ttl, p->tags, p->n_tags)
			  : larder_set_tagged(cache, key, body.p, body.n, ttl, p->tags, p->n_tags);
}

static void keep_stale(const struct admin_env *env, struct str key, struct str body, const struct put *p)
{
	int64_t ends_ms = now_ms() + p->ttl_ms;
	struct text coded = {.p = NULL};
	struct str json;
	if (p->stale_ms == 0 || (p->is_json ? lib_check_json(body, &json) : lib_encode(body, &coded)) != LARDER_OK) {
		stales_drop(env->values->stales, key);
		return;
	}
	if (!p->is_json)
		json = str_make(coded.p, coded.n);
	stales_keep(env->values->stales, key, json, ends_ms, ends_ms + p->stale_ms);
	larder_free(coded.p);
}

static void put_value(const struct admin_env *env, larder_cache *cache, const struct admin_request *r, struct str key,
    struct arena *a, struct admin_answer *answer)
{
	struct put p;
	if (read_put(r, a, &p, answer) != ERR_OK || !lease_is_good(env, r, key, answer))
		return;
	struct leases *leases = env->values->leases;
	if (!r->lease.p)
		leases_void(leases, key);
	int status = store(cache, key.p, r->body, &p);
	if (status == LARDER_OK)
		keep_stale(env, key, r->body, &p);
	done(status, answer);
	if (!r->lease.p) {
		leases_wake(leases, key);
	} else if (status == LARDER_OK && !leases_end(leases, key, r->lease, now_ms())) {
		stales_drop(env->values->stales, key);
		(void)larder_forget(cache, key.p);
		(void)lease_is_good(env, r, key, answer);
	}
}

static void delete_value(const struct admin_env *env, larder_cache *cache, const struct admin_request *r,
    struct str key, struct admin_answer *answer)
{
	if (r->lease.p) { /* gives the lease up; there is no value */
		if (lease_is_good(env, r, key, answer)) {
			(void)leases_end(env->values->leases, key, r->lease, now_ms());
			done(LARDER_OK, answer);
		}
		return;
	}
	leases_void(env->values->leases, key);
	stales_drop(env->values->stales, key);
	done(larder_forget(cache, key.p), answer);
	leases_wake(env->values->leases, key);
}

/* NULL with the answer made. */
static larder_cache *cache_of(const struct admin_env *env, struct admin_answer *answer)
{
	const char *why = "there are no values here";
	larder_cache *cache = env->values ? values_cache(env->values, &why) : NULL;
	if (!cache)
		admin__error(answer, 503, "%s", why);
	return cache;
}

void admin__value(const struct admin_env *env, const struct admin_request *r, struct admin_answer *answer)
{
	struct arena a;
	struct str key;
	arena_init(&a, 0);
	larder_cache *cache = NULL;
	if (read_key(str_skip(r->path, PREFIX.n), &a, &key, answer) == ERR_OK)
		cache = cache_of(env, answer);
	if (!cache)
		goto out;
	if (str_eq(r->method, STR("PUT")))
		put_value(env, cache, r, key, &a, answer);
	else if (str_eq(r->method, STR("DELETE")))
		delete_value(env, cache, r, key, answer);
	else
		get_value(env, cache, r, key, answer);
out:
	arena_free(&a);
}

/* --- counting --- */

static void add(const struct admin_env *env, larder_cache *cache, const struct admin_request *r, struct str key,
    struct admin_answer *answer)
{
	struct str by = admin__param(r, STR("by"));
	int64_t amount = 1, ttl_ms = 0, sum;
	if (by.p && !parse_amount(by, &amount)) {
		admin__error(answer, 400, "by=%.*s: an integer is wanted", STR_ARG(str_take(by, 64)));
		return;
	}
	if (read_ms(r, "ttl", 0, TTL_MAX_MS, &ttl_ms, answer) != ERR_OK)
		return;
	leases_void(env->values->leases, key);
	stales_drop(env->values->stales, key);
	int status = larder_incr(cache, key.p, amount, (double)ttl_ms / 1000, &sum);
	if (status == LARDER_OK)
		buf_addf(admin__json(answer), "{\"value\":%lld}\n", (long long)sum);
	else
		refuse(status, answer);
	leases_wake(env->values->leases, key);
}

void admin__incr(const struct admin_env *env, const struct admin_request *r, struct admin_answer *answer)
{
	struct arena a;
	struct str key, raw = str_skip(r->path, PREFIX.n);
	arena_init(&a, 0);
	larder_cache *cache = NULL;
	if (read_key(str_take(raw, raw.n - INCR.n), &a, &key, answer) == ERR_OK)
		cache = cache_of(env, answer);
	if (cache)
		add(env, cache, r, key, answer);
	arena_free(&a);
}

/* --- many --- */

static int forget_tag(const struct admin_env *env, larder_cache *cache, struct str tag, struct arena *a)
{
	int status = larder_forget_tag(cache, arena_str(a, tag).p);
	/* In files and in Redis liblarder tells the proxies, this one included. */
	struct tier_purge op = {.kind = PURGE_TAG, .arg = tag};
	if (status == LARDER_OK && env->values->is_memory && admin__purge_run(env->tier, &op) != ERR_OK)
		return LARDER_IO;
	return status;
}

void admin__values(const struct admin_env *env, const struct admin_request *r, struct admin_answer *answer)
{
	struct str tag = admin__param(r, STR("tag"));
	enum admin_flag all = admin__flag(r, STR("all"), answer);
	if (all == FLAG_BAD)
		return;
	if ((all == FLAG_ON) == (tag.p != NULL) || (tag.p && (tag.n == 0 || tag.n > TAG_MAX))) {
		admin__error(answer, 400, "what is to be dropped? Give tag= (1 to %d bytes) or all=1", TAG_MAX);
		return;
	}
	larder_cache *cache = cache_of(env, answer);
	if (!cache)
		return;
	struct arena a;
	arena_init(&a, 0);
	/* What the holders of leases compute, and what is kept for later, may carry the tag: nobody knows. */
	leases_void(env->values->leases, STR_NONE);
	stales_drop(env->values->stales, STR_NONE);
	done(tag.p ? forget_tag(env, cache, tag, &a) : larder_flush(cache), answer);
	leases_wake(env->values->leases, STR_NONE);
	arena_free(&a);
}
