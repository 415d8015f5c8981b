/* Requests for values: a line each, as METHOD PATH QUERY, in one cache in memory. Every one is answered, by a status that the page may have; and a
 * value that was put is there. */
#include "fuzz.h"

#include "admin/admin.h"
#include "base/mem.h"
#include "tier/memory.h"

#include <assert.h>

static void answer(const struct admin_env *env, struct str line, struct arena *a)
{
	struct admin_param params[ADMIN_PARAMS_MAX];
	struct admin_request r = {.params = params, .body = STR("7"), .lease = STR_NONE};
	if (!str_cut(&line, ' ', &r.method) || !str_cut(&line, ' ', &r.path) || r.path.n == 0 || r.path.p[0] != '/')
		return;
	if (line.n > 0 && admin_params_read(line, a, params, ADMIN_PARAMS_MAX, &r.n_params) != ERR_OK)
		return;
	if (admin_lane_of(r.method, r.path) != ADMIN_VALUES)
		return;
	struct admin_answer out = {.status = 0};
	buf_init(&out.body, ADMIN_BODY_MAX);
	admin_handle(env, &r, &out);
	static const int allowed[] = {200, 204, 400, 404, 409};
	bool is = false;
	for (size_t i = 0; i < COUNT_OF(allowed); i++)
		is |= out.status == allowed[i];
	assert(is && out.content_type && !out.waits);
	if (out.status == 204 && str_eq(r.method, STR("PUT"))) {
		struct admin_request get = {.method = STR("HEAD"), .path = r.path};
		admin_handle(env, &get, &out);
		assert(out.status == 200 || r.n_params > 0); /* a ttl may be over already */
	}
	buf_free(&out.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct memory_options memory = {.memory_size = 1 << 20, .max_variants = 4};
	struct values_options o = {.backend = "memory", .name_space = STR("n"), .prefix = STR("p"), .max_entries = 32};
	struct values *values = values_new(&o);
	struct admin_env env = {.tier = memory_tier_new(&memory), .values = values};
	struct str rest = str_make((const char *)data, size), line;
	struct arena a;
	arena_init(&a, 0);
	for (unsigned i = 0; i < 64 && str_cut(&rest, '\n', &line); i++)
		answer(&env, line, &a);
	arena_free(&a);
	values_free(&values);
	tier_close(&env.tier);
	return 0;
}
