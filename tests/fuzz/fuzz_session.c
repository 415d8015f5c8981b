/* What a visitor and the application's token_path send: cookies, Set-Cookies, the body that tells a token; with an empty line between each
 * two. No cookie is lost or doubled by what is set, and nothing but a token gets out of the body. */
#include "fuzz.h"

#include "http/hole.h"
#include "http/jar.h"
#include "req/token.h"

#include <assert.h>

static struct str part(struct str *rest)
{
	size_t end = str_find(*rest, STR("\n\n"));
	struct str first = str_take(*rest, end);
	*rest = str_skip(*rest, end + 2);
	return first;
}

static struct headers fields(struct str lines, struct str name, struct arena *a)
{
	struct headers h = {0};
	struct str line;
	while (lines.n > 0 && str_cut(&lines, '\n', &line))
		headers_add(&h, a, name, line);
	return h;
}

static void check_order(const struct jar *j)
{
	for (unsigned i = 1; i < j->n; i++)
		assert(str_compare(j->v[i - 1].name, j->v[i].name) < 0);
}

static void check_jar(struct str cookies, struct str set, struct arena *a)
{
	struct headers request = fields(cookies, STR("Cookie"), a), answer = fields(set, STR("Set-Cookie"), a);
	struct jar jar, again;
	bool is_long;
	bool fits = jar_read(&request, &jar);
	assert(fits || jar.n == 0);
	struct str before = jar_text(&jar, a);
	unsigned n = jar.n;
	check_order(&jar);
	/* What is written is what is read: the text is the same cookies. */
	struct headers written = {0};
	headers_add(&written, a, STR("Cookie"), before);
	assert(jar_read(&written, &again) && str_eq(jar_text(&again, a), before));
	bool told = jar_tells(&jar);
	enum jar_change change = jar_apply(&jar, &answer, STR("/blog/1"), 1700000000, &is_long);
	assert(jar.n <= JAR_MAX);
	struct str after = jar_text(&jar, a);
	check_order(&jar);
	assert((change == JAR_SAME) == (answer.n == 0));
	assert(change != JAR_SAME || (str_eq(before, after) && !is_long));
	assert(change != JAR_RENEWED || (jar.n == n && told));
}

static void check_token(enum token_form form, struct str body, struct arena *a)
{
	struct str token = STR_NONE;
	const char *why = NULL;
	if (token_read(form, body, a, &token, &why) != ERR_OK) {
		assert(why && !token.p);
		return;
	}
	assert(token.n >= HOLE_MIN && token.n <= HOLE_MAX);
	for (size_t i = 0; i < token.n; i++)
		assert(token.p[i] > ' ' && token.p[i] < 127 && !memchr("\"'<>&%;,\\`{}", token.p[i], 12));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_make((const char *)data, size);
	struct arena arena;
	arena_init(&arena, 0);
	struct str cookies = part(&rest), set = part(&rest);
	check_jar(cookies, set, &arena);
	check_token(TOKEN_TEXT, rest, &arena);
	check_token(TOKEN_JSON, rest, &arena);
	arena_free(&arena);
	return 0;
}
