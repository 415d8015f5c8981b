/* POST /purge: drops entries, or makes them stale, by URL, prefix, glob, tag, or all of them. */
#include "admin/page.h"

#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "tier/purge_log.h"

enum { WAIT_MS = 5000 }; /* for those who share the tiers */

static const char *const kinds[] = PURGE_KIND_NAMES;

/* The one that is asked for; false with the answer made. */
static bool find_kind(const struct admin_request *request, enum purge_kind *out, struct admin_answer *answer)
{
	const char *found = NULL;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (!admin__param(request, str_of(kinds[i])).p)
			continue;
		if (found) {
			admin__error(answer, 400, "%s and %s are given: a purge takes one of them", found, kinds[i]);
			return false;
		}
		found = kinds[i];
		*out = (enum purge_kind)i;
	}
	if (!found)
		admin__error(answer, 400, "what is to be purged? Give one of url=, prefix=, glob=, tag= or all");
	return found;
}

/* A tag as a tag field can carry it: commas and blanks part tags there. */
static int read_tag(struct str tag, struct admin_answer *answer)
{
	bool good = tag.n > 0;
	for (size_t i = 0; i < tag.n && good; i++)
		good = (unsigned char)tag.p[i] > 0x20 && tag.p[i] != 0x7f && tag.p[i] != ',';
	if (good)
		return ERR_OK;
	admin__error(
	    answer, 400, "tag=%.*s: a tag is not empty and has neither blank nor comma", STR_ARG(str_take(tag, 200)));
	return ERR_INVALID;
}

static int read_all(const struct admin_request *request, struct admin_answer *answer)
{
	enum admin_flag all = admin__flag(request, STR("all"), answer);
	if (all == FLAG_OFF) /* a purge of everything is nothing to guess */
		admin__error(
		    answer, 400, "all is off: what is to be purged? Give one of url=, prefix=, glob=, tag= or all=1");
	return all == FLAG_ON ? ERR_OK : ERR_INVALID;
}

/* Fills in what is purged; strings lie in `a`. 0, or ERR_INVALID with the answer made. */
static int read_what(const struct admin_env *env, enum purge_kind kind, const struct admin_request *request,
    struct arena *a, struct tier_purge *op, struct admin_answer *answer)
{
	struct str value = admin__param(request, str_of(kinds[kind]));
	struct str host = admin__param(request, STR("host")), scheme = admin__param(request, STR("scheme"));
	if ((kind == PURGE_TAG || kind == PURGE_ALL) && (host.p || scheme.p)) {
		admin__error(answer, 400, "%s goes with url, prefix and glob only", host.p ? "host" : "scheme");
		return ERR_INVALID;
	}
	op->kind = kind;
	op->arg = value;
	switch (kind) {
	case PURGE_TAG:
		return read_tag(value, answer);
	case PURGE_ALL:
		return read_all(request, answer);
	case PURGE_PREFIX:
	case PURGE_GLOB:
		return admin__pattern_read(request, str_of(kinds[kind]), value, a, &op->arg, answer);
	case PURGE_URL:
		break;
	}
	struct conf *conf = env->conf(env->ctx);
	struct admin_target target;
	int err = admin__target_read(env, conf, request, a, &target, answer);
	conf_release(&conf);
	if (err)
		return err;
	op->key = target.key;
	op->arg = op->key.text;
	if (!target.path.p)
		return ERR_OK;
	/* This path of any host: a glob without a star. */
	op->kind = PURGE_GLOB;
	op->arg = target.path;
	if (str_index(op->arg, '*') == op->arg.n)
		return ERR_OK;
	admin__error(
	    answer, 400, "url=%.*s: a path with a * needs host= too, or is it a glob=?", STR_ARG(str_take(value, 200)));
	return ERR_INVALID;
}

/* A purge that a tier carries out behind, waited for: the tier bounds it (tier.h). */
struct waited {
	struct tier_purge op;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done;
	int err;
};

static void on_done(struct tier_purge *op, int err)
{
	struct waited *w = CONTAINER_OF(op, struct waited, op);
	pthread_mutex_lock(&w->lock);
	w->done = true;
	w->err = err;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
}

int admin__purge_run(struct tier *tier, struct tier_purge *purge)
{
	struct waited w = {.op = *purge, .lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};
	w.op.done = on_done;
	int err = tier_purge(tier, &w.op);
	if (err == ERR_AGAIN) {
		pthread_mutex_lock(&w.lock);
		while (!w.done)
			pthread_cond_wait(&w.ended, &w.lock);
		err = w.err;
		pthread_mutex_unlock(&w.lock);
	}
	pthread_cond_destroy(&w.ended);
	pthread_mutex_destroy(&w.lock);
	*purge = w.op;
	return err;
}

struct receipts {
	struct buf *out;
	unsigned n;
};

static void add_receipt(void *ctx, const struct tier_receipt *r)
{
	struct receipts *list = ctx;
	buf_add(list->out, list->n++ ? STR(",{") : STR("{"));
	admin__add_text(list->out, "instance", r->instance);
	if (r->ms >= 0)
		admin__add_number(list->out, "ms", r->ms);
	else
		admin__add_text(list->out, "ms", STR_NONE);
	buf_addc(list->out, '}');
}

/* "receipts": who has carried it out, and after how many ms; null: who has not, though it lives. */
static void add_receipts(struct tier *tier, uint64_t seq, struct buf *out)
{
	struct receipts list = {.out = out};
	admin__add_name(out, "receipts");
	buf_addc(out, '[');
	int err = seq > 0 ? tier_await(tier, seq, WAIT_MS, add_receipt, &list) : ERR_OK;
	buf_addc(out, ']');
	admin__add_bool(out, "complete", err == ERR_OK);
	if (err && err != ERR_TIMEOUT)
		admin__add_text(out, "why", str_of(err_text(err)));
}

void admin__purge(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	enum purge_kind kind = PURGE_ALL;
	bool found = find_kind(request, &kind, answer);
	enum admin_flag soft = found ? admin__flag(request, STR("soft"), answer) : FLAG_BAD;
	enum admin_flag wait = soft != FLAG_BAD ? admin__flag(request, STR("wait"), answer) : FLAG_BAD;
	if (wait == FLAG_BAD)
		return;
	struct arena a;
	arena_init(&a, 0);
	struct tier_purge op = {.soft = soft == FLAG_ON};
	if (read_what(env, kind, request, &a, &op, answer) != ERR_OK)
		goto out;
	if (op.kind != PURGE_URL &&
	    op.arg.n > PURGE_LOG_ARG_MAX) { /* tiers that are shared would take it for everything */
		admin__error(
		    answer, 400, "%s has %zu bytes: at most %d are allowed", kinds[kind], op.arg.n, PURGE_LOG_ARG_MAX);
		goto out;
	}
	int err = admin__purge_run(env->tier, &op);
	if (err) {
		char sentence[TIER_SENTENCE];
		tier_purge_failed(&op, err, sentence);
		admin__error(answer, 503, "%s", sentence);
		goto out;
	}
	struct buf *out = admin__json(answer);
	buf_addc(out, '{');
	admin__add_number(out, "purged", (int64_t)op.count);
	admin__add_number(out, "id", (int64_t)op.epoch);
	admin__add_text(out, "kind", str_of(kinds[kind]));
	if (kind != PURGE_ALL)
		admin__add_text(out, op.kind == PURGE_URL ? "key" : kinds[kind], op.arg);
	admin__add_bool(out, "soft", op.soft);
	if (wait == FLAG_ON)
		add_receipts(env->tier, op.seq, out);
	buf_addc(out, '}');
	log_info("admin", "purge %.*s", STR_ARG(buf_str(out))); /* the JSON is clean, whatever was asked for */
	buf_addc(out, '\n');
out:
	arena_free(&a);
}
