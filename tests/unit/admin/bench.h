/* A bench for the admin pages: settings from a few flags, a tier that notes what it is asked and answers from a script, and a
 * request in one line. */
#ifndef LARDER_TESTS_ADMIN_BENCH_H
#define LARDER_TESTS_ADMIN_BENCH_H

#include <cjson/cJSON.h>
#include <pthread.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/mem.h"
#include "policy/key.h"
#include "suite.h"
#include "tier/purge_log.h"

struct bench {
	struct tier tier;
	struct admin_env env;
	struct conf *conf;
	struct metrics *metrics;
	bool ready;
	/* what the tier was asked */
	unsigned purges;
	struct tier_purge purge;
	char arg[512];
	/* what it says */
	int purge_err;
	struct entry *entries[4];
	unsigned n_entries;
	/* what a reload says */
	int reload_err;
	const char *reload_text;
	/* the last answer */
	struct admin_answer answer;
	cJSON *json;
};

/* A tier that works behind. */
static inline void *bench_purge_later(void *arg)
{
	struct tier_purge *op = arg;
	op->count = 5;
	op->done(op, ERR_OK);
	return NULL;
}

static inline int bench_purge(struct tier *t, struct tier_purge *op)
{
	struct bench *b = CONTAINER_OF(t, struct bench, tier);
	b->purges++;
	op->count = 3;
	b->purge = *op;
	ck_assert_uint_lt(op->arg.n, sizeof(b->arg));
	if (op->arg.n)
		memcpy(b->arg, op->arg.p, op->arg.n);
	b->arg[op->arg.n] = '\0';
	if (b->purge_err != ERR_AGAIN)
		return b->purge_err;
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, bench_purge_later, op), 0);
	pthread_detach(thread);
	return ERR_AGAIN;
}

static inline void bench_variants(
    struct tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	struct bench *b = CONTAINER_OF(t, struct bench, tier);
	for (unsigned i = 0; i < b->n_entries; i++)
		if (str_eq(entry_key(b->entries[i]).text, key->text))
			fn(ctx, b->entries[i]);
}

static inline void bench_stats(struct tier *t, struct tier_stats *out)
{
	*out = (struct tier_stats){.entries = 5, .bytes = 1000, .limit = 2000, .evicted = 7, .evicted_wonders = 3};
}

static inline struct conf *bench_conf(void *ctx)
{
	return conf_ref(((struct bench *)ctx)->conf);
}

static inline int bench_reload(void *ctx, struct buf *text)
{
	struct bench *b = ctx;
	buf_add(text, str_of(b->reload_text));
	return b->reload_err;
}

static inline bool bench_ready(void *ctx)
{
	return ((struct bench *)ctx)->ready;
}

static inline const char *bench_reason(unsigned reason)
{
	return "none";
}

static inline void bench_open(struct bench *b)
{
	static const struct tier_ops ops = {
	    .name = "bench", .purge = bench_purge, .variants = bench_variants, .stats = bench_stats};
	static const char settings[] = "[upstream]\nurl = http://127.0.0.1:8000\n"
				       "[admin]\ntoken = very-secret-token-of-the-bench\n"
				       "[route /plain/*]\nquery = none\n";
	static char *no_environ[] = {NULL};
	*b = (struct bench){.tier = {.ops = &ops, .purges = purge_log__new()}, .ready = true};
	char path[] = "/tmp/larder-bench-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, settings, sizeof(settings) - 1), sizeof(settings) - 1);
	close(fd);
	struct conf_source source = {.path = path, .environ = no_environ};
	struct buf errors;
	buf_init(&errors, 65536);
	int err = conf_load(&source, &b->conf, &errors);
	unlink(path);
	ck_assert_msg(err == ERR_OK, "%.*s", STR_ARG(buf_str(&errors)));
	buf_free(&errors);
	b->metrics = metrics_new(1, 1, bench_reason);
	b->env = (struct admin_env){.tier = &b->tier,
	    .metrics = b->metrics,
	    .key_seed = 99,
	    .started_ms = 1000,
	    .conf = bench_conf,
	    .reload = bench_reload,
	    .ready = bench_ready,
	    .ctx = b};
	buf_init(&b->answer.body, ADMIN_BODY_MAX);
}

static inline void bench_close(struct bench *b)
{
	cJSON_Delete(b->json);
	buf_free(&b->answer.body);
	conf_release(&b->conf);
	metrics_free(&b->metrics);
	purge_log__free(b->tier.purges);
}

/* "POST /purge url=..." : the answer's status. JSON answers are parsed. */
static inline int bench_ask(struct bench *b, const char *line)
{
	struct str rest = str_of(line), method, path;
	ck_assert(str_cut(&rest, ' ', &method) && str_cut(&rest, ' ', &path));
	struct arena a;
	arena_init(&a, 0);
	struct admin_param params[ADMIN_PARAMS_MAX];
	struct admin_request r = {.method = method, .path = path, .params = params, .now_ms = 61000};
	if (rest.p)
		ck_assert_int_eq(admin_params_read(rest, &a, params, ADMIN_PARAMS_MAX, &r.n_params), ERR_OK);
	struct buf body = b->answer.body;
	buf_reset(&body);
	b->answer = (struct admin_answer){.body = body};
	admin_handle(&b->env, &r, &b->answer);
	arena_free(&a);
	cJSON_Delete(b->json);
	b->json = NULL;
	if (strcmp(b->answer.content_type, "application/json") == 0) {
		b->json = cJSON_ParseWithLength(b->answer.body.p, b->answer.body.n);
		ck_assert_msg(b->json != NULL, "%s: not JSON: %.*s", line, STR_ARG(buf_str(&b->answer.body)));
	}
	return b->answer.status;
}

static inline const char *bench_text(const struct bench *b, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(b->json, name);
	return cJSON_IsString(v) ? v->valuestring : "";
}

static inline double bench_number(const struct bench *b, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(b->json, name);
	return cJSON_IsNumber(v) ? v->valuedouble : -1e9;
}

static inline bool bench_has(const struct bench *b, const char *text)
{
	return str_find(buf_str(&b->answer.body), str_of(text)) < b->answer.body.n;
}

#endif
