/* A cookie jar without the parts that need a browser. What a server cannot know (the public suffixes, whether the client is a browser at
 * all) is taken as if the cookie were kept: who guesses wrong asks once more. */
#include "http/jar.h"

#include <stdlib.h>

#include "base/mem.h"
#include "http/cookie.h"

/* Google Analytics, Matomo, Hotjar, Meta, Microsoft, HubSpot, Plausible's like: written by scripts, for scripts. */
static const struct str of_scripts[] = {
    STR("_ga"),
    STR("_gid"),
    STR("_gat"),
    STR("_gcl_"),
    STR("__utm"),
    STR("_pk_"),
    STR("_hj"),
    STR("_fbp"),
    STR("_fbc"),
    STR("_clck"),
    STR("_clsk"),
    STR("_uet"),
    STR("__hs"),
};

static bool is_of_script(struct str name)
{
	for (unsigned i = 0; i < COUNT_OF(of_scripts); i++)
		if (str_starts(name, of_scripts[i]))
			return true;
	return false;
}

static struct header *find(struct jar *j, struct str name)
{
	for (unsigned i = 0; i < j->n; i++)
		if (str_eq(j->v[i].name, name))
			return &j->v[i];
	return NULL;
}

static bool add(struct jar *j, struct str name, struct str value)
{
	if (j->n == JAR_MAX)
		return false;
	j->v[j->n++] = (struct header){name, value};
	return true;
}

/* False: no room, or the name stands there with another value, of which nobody knows the one that counts. */
static bool add_given(struct jar *j, struct str name, struct str value)
{
	const struct header *same = find(j, name);
	return same ? str_eq(same->value, value) : add(j, name, value);
}

bool jar_read(const struct headers *request, struct jar *out)
{
	uint32_t field = 0;
	struct str rest = STR_NONE, name, value;
	out->n = 0;
	while (cookie_next(request, &field, &rest, &name, &value)) {
		if (is_of_script(name) || add_given(out, name, value))
			continue;
		out->n = 0;
		return false;
	}
	return true;
}

/* RFC 6265 5.1.4. Without a Path it is that of the page (5.2.4, 5.1.4). */
static bool is_for_path(const struct set_cookie *c, struct str path)
{
	struct str at;
	if (!set_cookie_attribute(c, STR("Path"), &at) || at.n == 0 || at.p[0] != '/')
		return true;
	return str_starts(path, at) && (path.n == at.n || at.p[at.n - 1] == '/' || path.p[at.n] == '/');
}

/* True: it was there, and was long. */
static bool replace(struct jar *j, const struct set_cookie *c, bool is_removed)
{
	struct header *old = find(j, c->name);
	bool was_long = old && old->value.n >= JAR_LONG;
	if (old && is_removed)
		*old = j->v[--j->n];
	else if (old)
		old->value = c->value;
	else if (!is_removed && !add(j, c->name, c->value))
		j->n = 0;
	return was_long;
}

enum jar_change jar_apply(struct jar *j, const struct headers *answer, struct str path, int64_t now_s, bool *is_long)
{
	enum jar_change change = JAR_SAME;
	struct set_cookie c;
	*is_long = false;
	for (uint32_t i = 0; i < answer->n; i++) {
		if (!str_eq_nocase(answer->v[i].name, STR("Set-Cookie")))
			continue;
		if (change == JAR_SAME)
			change = JAR_RENEWED;
		if (!set_cookie_read(answer->v[i].value, &c) || !is_for_path(&c, path)) {
			change = JAR_CHANGED;
			continue;
		}
		int64_t life_s;
		bool is_removed = set_cookie_life(&c, now_s, &life_s) && life_s <= 0;
		if (!replace(j, &c, is_removed) || is_removed)
			change = JAR_CHANGED;
		*is_long = *is_long || (!is_removed && c.value.n >= JAR_LONG);
	}
	return change;
}

bool jar_tells(const struct jar *j)
{
	for (unsigned i = 0; i < j->n; i++)
		if (j->v[i].value.n >= JAR_LONG)
			return true;
	return false;
}

static int by_name(const void *a, const void *b)
{
	return str_compare(((const struct header *)a)->name, ((const struct header *)b)->name);
}

struct str jar_text(struct jar *j, struct arena *a)
{
	size_t n = 0;
	if (j->n > 0)
		qsort(j->v, j->n, sizeof(j->v[0]), by_name);
	for (unsigned i = 0; i < j->n; i++)
		n += j->v[i].name.n + j->v[i].value.n + 2;
	char *p = arena_alloc(a, n + 1), *to = p;
	for (unsigned i = 0; i < j->n; i++) {
		to = str_put(str_put(to, j->v[i].name), STR("="));
		to = str_put(str_put(to, j->v[i].value), STR(";"));
	}
	return str_make(p, n);
}
