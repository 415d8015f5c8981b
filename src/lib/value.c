/* How values lie in the cache: as JSON text, and what of it is bytes; and the clock by which they end. */
#include "lib/lib.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "lib/json.h"

static _Atomic(int64_t (*)(void)) clock_of_tests;

static const struct str base64_open = STR("{\"base64\": \""), base64_close = STR("\"}"), base64_name = STR("base64");

int64_t lib_now_ms(void)
{
	int64_t (*clock)(void) = atomic_load_explicit(&clock_of_tests, memory_order_relaxed);
	return clock ? clock() : clock_wall_ms();
}

void lib_set_clock(int64_t (*now_ms)(void))
{
	atomic_store(&clock_of_tests, now_ms);
}

int lib_encode(struct str bytes, struct text *out)
{
	if (bytes.n > LARDER_VALUE_MAX)
		return lib_fail(
		    LARDER_TOO_LARGE, "a value of %zu bytes: at most %d are stored", bytes.n, LARDER_VALUE_MAX);
	size_t n = json_encoded(bytes);
	bool is_text = n > 0;
	if (!is_text)
		n = base64_open.n + base64_encoded(bytes.n) + base64_close.n;
	if (n > LARDER_VALUE_MAX)
		return lib_fail(
		    LARDER_TOO_LARGE, "a value of %zu bytes as JSON: at most %d are stored", n, LARDER_VALUE_MAX);
	out->p = alloc_try(n + 1);
	if (!out->p)
		return lib_no_memory();
	out->n = n;
	char *end = is_text ? json_encode(bytes, out->p)
			    : str_put(base64_encode(bytes, str_put(out->p, base64_open)), base64_close);
	*end = '\0';
	return LARDER_OK;
}

static bool is_base64(struct str json, struct str *inside)
{
	struct str inner;
	if (json.n == 0 || *json.p != '{' || json_members(json) != 1 || !json_member(json, base64_name, &inner) ||
	    *inner.p != '"')
		return false;
	*inside = json_inside(inner);
	return base64_decoded(*inside) != BASE64_INVALID;
}

/* Each step of decoding writes no more than it has read. */
void lib_decode(struct text *t)
{
	struct str json = str_make(t->p, t->n), inside;
	char *end = t->p + t->n;
	if (json.n > 0 && *json.p == '"')
		end = json_decode(json, t->p);
	else if (is_base64(json, &inside))
		end = base64_decode(inside, t->p);
	t->n = (size_t)(end - t->p);
	*end = '\0';
}
