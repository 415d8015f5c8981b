/* GET /stats and GET /metrics: the same figures, for people's tools and for Prometheus. */
#include "admin/page.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/mem.h"

enum { FIGURES_MAX = 1024 };

static const struct {
	size_t offset;
	const char *name, *help;
	bool counter;
} cache_rows[] = {
    {offsetof(struct tier_stats, entries), "larder_cache_entries", "Entries stored.", false},
    {offsetof(struct tier_stats, bytes), "larder_cache_bytes", "Bytes that the entries take.", false},
    {offsetof(struct tier_stats, limit), "larder_cache_limit_bytes", "Bytes that they may take.", false},
    {offsetof(struct tier_stats, max_entries), "larder_cache_limit_entries",
	"Entries that there may be; 0: any number.", false},
    {offsetof(struct tier_stats, stores), "larder_cache_stores_total", "Entries stored so far.", true},
    {offsetof(struct tier_stats, replaced), "larder_cache_replaced_total", "Entries replaced by a newer one.", true},
    {offsetof(struct tier_stats, evicted), "larder_cache_evicted_total", "Entries dropped to make room.", true},
    {offsetof(struct tier_stats, evicted_wonders), "larder_cache_evicted_wonders_total",
	"Of those: asked for once only.", true},
    {offsetof(struct tier_stats, expired), "larder_cache_expired_total",
	"Entries dropped because they were of no use any more.", true},
    {offsetof(struct tier_stats, purged), "larder_cache_purged_total", "Entries dropped or made stale by purges.",
	true},
    {offsetof(struct tier_stats, invalidated), "larder_cache_invalidated_total",
	"Entries dropped because a POST, PUT, DELETE or the like changed their page.", true},
    {offsetof(struct tier_stats, refused_full), "larder_cache_refused_full_total",
	"Entries not stored for want of room.", true},
    {offsetof(struct tier_stats, refused_stale), "larder_cache_refused_stale_total",
	"Entries not stored because a purge or an invalidation overtook them.", true},
};

static unsigned gather(const struct admin_env *env, int64_t now_ms, struct metrics_extra *out)
{
	struct tier_stats stats = {0};
	tier_stats(env->tier, &stats);
	unsigned n = 0;
	for (size_t i = 0; i < COUNT_OF(cache_rows); i++) {
		uint64_t value;
		memcpy(&value, (const char *)&stats + cache_rows[i].offset, sizeof(value));
		out[n++] = (struct metrics_extra){.prom_name = str_of(cache_rows[i].name),
		    .help = str_of(cache_rows[i].help),
		    .counter = cache_rows[i].counter,
		    .value = (double)value};
	}
	out[n++] = (struct metrics_extra){.prom_name = STR("larder_uptime_seconds"),
	    .help = STR("Seconds since the start."),
	    .value = (double)(now_ms - env->started_ms) / 1000};
	out[n++] = (struct metrics_extra){.prom_name = STR("larder_build_info"),
	    .help = STR("Always 1; the version is in the label."),
	    .label_name = STR("version"),
	    .label_value = STR(LARDER_VERSION),
	    .value = 1};
	if (env->figures)
		n += env->figures(env->ctx, out + n, FIGURES_MAX - n);
	return n;
}

void admin__stats(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct metrics_extra *figures = mem_alloc(FIGURES_MAX * sizeof(*figures));
	unsigned n = gather(env, request->now_ms, figures);
	struct buf *out = admin__json(answer);
	metrics_write_json(env->metrics, figures, n, out);
	buf_addc(out, '\n');
	free(figures);
}

void admin__metrics(const struct admin_env *env, const struct admin_request *request, struct admin_answer *answer)
{
	struct metrics_extra *figures = mem_alloc(FIGURES_MAX * sizeof(*figures));
	unsigned n = gather(env, request->now_ms, figures);
	metrics_write_prometheus(env->metrics, figures, n, admin__json(answer));
	answer->content_type = "text/plain; version=0.0.4; charset=utf-8";
	free(figures);
}
