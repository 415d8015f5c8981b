#include "suite.h"

#include "base/arena.h"
#include "base/mem.h"
#include "policy/elsewhere.h"

#define TOKEN "0123456789abcdefghij"
#define CODED "ab+/89abcdefghijkl=="

static const struct {
	const char *what, *field, *body;
	bool found;
} rows[] = {
    {"nothing of it", "", "<p>nothing</p>", false},
    {"an empty body", "", "", false},
    {"the body alone", "", TOKEN, true},
    {"in a script", "", "<script>x = \"" TOKEN "\"</script>", true},
    {"at the end", "", "<p>" TOKEN, true},
    {"all but its end", "", "<p>0123456789abcdefghi</p>", false},
    {"in a field", "/p?t=" TOKEN, "<p>", true},
    {"the second text", "", "data " CODED, true},
    {"percent-encoded", "", "?t=ab%2B%2F89abcdefghijkl%3D%3D&", true},
    {"escaped for JSON", "", "{\"t\": \"ab+\\/89abcdefghijkl==\"}", true},
    {"percent-encoded in a field", "/p?t=ab%2B%2F89abcdefghijkl%3D%3D", "", true},
    {"a short text stands there by chance", "", "a short text", false},
};

/* Cut into pieces of that size. */
static unsigned pieces_of(struct str body, size_t size, struct str *out)
{
	unsigned n = 0;
	for (; body.n > 0; body = str_skip(body, size))
		out[n++] = str_take(body, size);
	return n;
}

START_TEST(texts_of_forms_elsewhere)
{
	static const struct str texts[] = {STR(TOKEN), STR(TOKEN), STR("short text"), STR(CODED)};
	struct arena a;
	arena_init(&a, 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = {0};
		struct str pieces[128];
		headers_add(&h, &a, STR("Location"), str_of(rows[i].field));
		for (size_t size = 1; size <= 64; size++) {
			unsigned n = pieces_of(str_of(rows[i].body), size, pieces);
			ck_assert_msg(
			    policy_stands_elsewhere(texts, COUNT_OF(texts), &h, pieces, n, &a) == rows[i].found,
			    "%s, in pieces of %zu", rows[i].what, size);
		}
		ck_assert_msg(!policy_stands_elsewhere(texts, 0, &h, NULL, 0, &a), "%s: no texts", rows[i].what);
	}
	arena_free(&a);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/elsewhere");
	TCase *t = tcase_create("elsewhere");
	tcase_add_test(t, texts_of_forms_elsewhere);
	suite_add_tcase(s, t);
	return suite_run(s);
}
