/* GET /entry: what is stored for a URL, to answer "why is this page old?" without guessing. */
#include "admin/page.h"

#include "base/clock.h"
#include "base/mem.h"
#include "http/date.h"

struct listing {
	struct buf *out;
	int64_t now_ms;
	unsigned n;
	struct tier *tier; /* that has them */
};

bool admin__is_secret(struct str name)
{
	static const char *const parts[] = {"cookie", "authorization", "token", "secret", "api-key", "session"};
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (str_find_nocase(name, str_of(parts[i])) < name.n)
			return true;
	return false;
}

static void add_date(struct buf *out, const char *name, int64_t s)
{
	char date[HTTP_DATE_SIZE];
	admin__add_text(out, name, http_date_write(s, date));
}

static void add_times(struct buf *out, const struct entry *e, int64_t now_ms)
{
	const struct stored *s = ENTRY_STORED(e);
	int64_t age_ms = s->initial_age_ms + (now_ms > s->response_ms ? now_ms - s->response_ms : 0);
	int64_t ttl_ms = s->lifetime_ms - age_ms;
	bool purged = atomic_load_explicit(&e->purged, memory_order_acquire);
	admin__add_number(out, "age", clock_floor_s(age_ms));
	admin__add_number(out, "ttl", clock_floor_s(ttl_ms));
	admin__add_bool(out, "fresh", ttl_ms > 0 && !purged && !s->no_cache);
	admin__add_bool(out, "purged", purged);
	admin__add_number(out, "lifetime", clock_floor_s(s->lifetime_ms));
	admin__add_text(out, "lifetime_source", str_of(s->lifetime_source));
	admin__add_number(out, "stale_while_revalidate", clock_floor_s(s->swr_ms));
	admin__add_number(out, "stale_if_error", clock_floor_s(s->sie_ms));
	admin__add_number(out, "stale_if_unreachable", clock_floor_s(s->unreachable_ms));
	admin__add_bool(out, "must_revalidate", s->must_revalidate);
	admin__add_bool(out, "no_cache", s->no_cache);
	add_date(out, "stored_at", s->response_ms / 1000);
}

static void add_vary(struct buf *out, const struct headers *vary)
{
	admin__add_name(out, "vary");
	buf_addc(out, '[');
	for (uint32_t i = 0; i < vary->n; i++) {
		const struct header *h = &vary->v[i];
		buf_add(out, i ? STR(",{") : STR("{"));
		admin__add_text(out, "name", h->name);
		admin__add_text(out, "value", h->value.p && admin__is_secret(h->name) ? STR("(hidden)") : h->value);
		buf_addc(out, '}');
	}
	buf_addc(out, ']');
}

/* How many places of it are filled in for each visitor. */
static void add_holes(struct buf *out, const struct stored *s)
{
	admin__add_number(out, "holes", s->holes ? s->holes->n_body + s->holes->n_fields : 0);
}

static void add_headers(struct buf *out, const struct headers *headers)
{
	admin__add_name(out, "headers");
	buf_addc(out, '[');
	struct arena a;
	arena_init(&a, 0);
	for (uint32_t i = 0; i < headers->n; i++) {
		const struct header *h = &headers->v[i];
		struct str value = admin__is_secret(h->name) ? STR("(hidden)") : h->value;
		admin__add_element(out, arena_printf(&a, "%.*s: %.*s", STR_ARG(h->name), STR_ARG(value)));
	}
	arena_free(&a);
	buf_addc(out, ']');
}

static void add_tags(struct buf *out, const struct entry *e)
{
	admin__add_name(out, "tags");
	buf_addc(out, '[');
	for (unsigned i = 0; i < entry_n_tags(e); i++)
		admin__add_element(out, entry_tags(e)[i]);
	buf_addc(out, ']');
}

static void add_variant(void *ctx, struct entry *e)
{
	struct listing *l = ctx;
	buf_add(l->out, l->n++ ? STR(",\n {") : STR("\n {"));
	/* A handle is in memory; what it holds is not. */
	admin__add_text(l->out, "tier", body_has_file(e->body) ? STR("file") : str_of(l->tier->ops->name));
	admin__add_number(l->out, "status", e->status);
	add_times(l->out, e, l->now_ms);
	admin__add_text(l->out, "etag", ENTRY_STORED(e)->etag.n ? ENTRY_STORED(e)->etag : STR_NONE);
	if (ENTRY_STORED(e)->last_modified_s >= 0)
		add_date(l->out, "last_modified", ENTRY_STORED(e)->last_modified_s);
	admin__add_number(l->out, "size", (int64_t)body_size(e->body));
	add_holes(l->out, ENTRY_STORED(e));
	add_tags(l->out, e);
	add_vary(l->out, entry_vary(e));
	struct arena a;
	arena_init(&a, 0);
	add_headers(l->out, entry_headers(e, &a));
	arena_free(&a);
	buf_addc(l->out, '}');
}

void admin__entry(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct conf *conf = env->conf(env->ctx);
	struct arena a;
	arena_init(&a, 0);
	struct admin_target target;
	bool known = admin__target_read(env, conf, request, &a, &target, answer) == ERR_OK;
	if (known && target.path.p) {
		admin__error(answer, 400, "url=%.*s: is a path: give host= too", STR_ARG(str_take(target.path, 200)));
	} else if (known) {
		struct buf *out = admin__json(answer);
		buf_addc(out, '{');
		admin__add_text(out, "key", target.key.text);
		admin__add_text(out, "route", target.route->name);
		admin__add_bool(out, "cache", target.route->cache);
		admin__add_name(out, "variants");
		buf_addc(out, '[');
		struct listing l = {.out = out, .now_ms = request->now_ms};
		for (unsigned i = 0; (l.tier = tier_part(env->tier, i)); i++)
			tier_variants(l.tier, &target.key, add_variant, &l);
		buf_add(out, STR("]}\n"));
		answer->status = l.n ? 200 : 404; /* the key and the route explain why, so the form is the same */
	}
	arena_free(&a);
	conf_release(&conf);
}
