/* Cutting a body. Each is given whole, byte by byte and in two pieces cut at each of its places: what comes out is the same. Holes
 * are written {value} or {value form}, a secret as {!name} before it. */
#include "policy/cutter.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"

#include "suite.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define B64 "ab+cd/efABCDEF0123=="

static const char *const forms[HOLE_FORMS] = {"", "url", "url, lower", "url path", "html hex", "html =", "html dec",
    "html +", "json /", "json u", "json +", "js", "html all", "js go", "js all"};

static struct personal_value values[] = {
    {.hole = {.kind = HOLE_TOKEN}, .text = {HEX, sizeof(HEX) - 1}},
    {.hole = {.kind = HOLE_TOKEN}, .text = {B64, sizeof(B64) - 1}},
    {.hole = {.kind = HOLE_NONCE}, .text = {"n0nceN0NCE", 10}},
    {.hole = {.kind = HOLE_SESSION}, .text = {NULL, 0}},
    {.hole = {.kind = HOLE_TOKEN}, .text = {HEX "00ff", sizeof(HEX "00ff") - 1}},
};
static struct personal_secret secrets[] = {
    {.text = {"sid-0123456789", 14}, .name = {"sid", 3}},
    {.text = {"<input name=csrf", 16}, .name = {"markup", 6}},
    {.text = {HEX ".signed", sizeof(HEX ".signed") - 1}, .name = {"signed", 6}},
    {.text = {"cdef0123456789abcdef!", 21}, .name = {"tail", 4}},
    {.text = {"0123456789abcdef", 16}, .name = {"half", 4}},
    {.text = {"=\"" HEX, sizeof("=\"" HEX) - 1}, .name = {"around", 6}},
};
static struct str fields_of[] = {{"csrf", 4}, {"csrf-token", 10}};
static const struct str_list fields = {fields_of, COUNT_OF(fields_of)};

struct result {
	struct buf shown, kept, whole;
	unsigned holes;
	bool ordered;
};

static void on_text(void *ctx, struct str bytes)
{
	struct result *r = ctx;
	r->ordered = r->ordered && bytes.n > 0;
	buf_add(&r->shown, bytes);
	buf_add(&r->kept, bytes);
	buf_add(&r->whole, bytes);
}

static void on_cut(void *ctx, const struct hole *hole, struct str was)
{
	struct result *r = ctx;
	r->ordered = r->ordered && hole->at == r->kept.n && was.n > 0;
	buf_addf(&r->shown, "{%u%s%s}", hole->value, hole->form == HOLE_PLAIN ? "" : " ", forms[hole->form]);
	buf_add(&r->whole, was);
	r->holes++;
}

static void on_found(void *ctx, const struct personal_secret *secret)
{
	struct result *r = ctx;
	buf_addf(&r->shown, "{!%.*s}", STR_ARG(secret->name));
}

static const struct cutter_events events = {on_text, on_cut, on_found};

static void result_init(struct result *r)
{
	enum { MUCH = 64 << 20 };
	*r = (struct result){.ordered = true};
	buf_init(&r->shown, MUCH);
	buf_init(&r->kept, MUCH);
	buf_init(&r->whole, MUCH);
}

static void result_free(struct result *r)
{
	buf_free(&r->shown);
	buf_free(&r->kept);
	buf_free(&r->whole);
}

/* A block of its own that is gone after the call: nothing may be kept of it. */
static void feed(struct cutter *c, struct str bytes, bool last)
{
	char *copy = mem_alloc(bytes.n);
	if (bytes.n > 0)
		memcpy(copy, bytes.p, bytes.n);
	cutter_feed(c, str_make(copy, bytes.n), last);
	free(copy);
}

enum { WHOLE = -1, BYTES = -2 };

/* border: where the body is cut in two. */
static void cut(const struct personal *p, struct str body, int border, struct result *r)
{
	result_init(r);
	struct cutter *c = cutter_new(p, &events, r);
	if (border == WHOLE) {
		feed(c, body, true);
	} else if (border == BYTES) {
		for (size_t i = 0; i < body.n; i++)
			feed(c, str_take(str_skip(body, i), 1), false);
		feed(c, STR(""), true);
	} else {
		feed(c, str_take(body, (size_t)border), false);
		feed(c, str_skip(body, (size_t)border), true);
	}
	cutter_free(&c);
}

/* In all the ways of cutting up. */
static void check(const char *says, const struct personal *p, struct str body, struct str expected)
{
	for (int border = BYTES; border <= (int)body.n; border++) {
		struct result r;
		cut(p, body, border, &r);
		if (!r.ordered || !str_eq(buf_str(&r.shown), expected) || !str_eq(buf_str(&r.whole), body))
			ck_abort_msg("%s, cut at %d: %.*s", says, border, STR_ARG(buf_str(&r.shown)));
		result_free(&r);
	}
}

/* What a row looks for: so many of the values, secrets (by bit), and the fields, which are filled with field_value. */
static const struct {
	const char *says;
	unsigned values, secrets;
	int field_value; /* -1: no fields */
	const char *body, *shown;
} rows[] = {
    {"nothing to look for", 0, 0, -1, HEX, HEX},
    {"an empty body", 5, 63, 3, "", ""},
    {"nothing there", 5, 63, 3, "<p>nothing</p>", "<p>nothing</p>"},
    {"the whole body", 3, 0, -1, HEX, "{0}"},
    {"wherever it stands", 3, 0, -1, "a " HEX " b\"" HEX "\"c", "a {0} b\"{0}\"c"},
    {"one behind the other", 3, 0, -1, HEX HEX B64 HEX, "{0}{0}{1}{0}"},
    {"a beginning is none", 3, 0, -1, "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcde"},
    {"a beginning before it", 3, 0, -1, "0123456789abcdef" HEX, "{0}0123456789abcdef"},
    {"a beginning and another", 3, 0, -1, "0123456789" HEX, "0123456789{0}"},
    {"another case is another value", 3, 0, -1, "0123456789ABCDEF0123456789ABCDEF", "0123456789ABCDEF0123456789ABCDEF"},
    {"nonce", 3, 0, -1, "<script nonce=\"n0nceN0NCE\">", "<script nonce=\"{2}\">"},

    {"percent-encoded", 3, 0, -1, "?t=ab%2Bcd%2FefABCDEF0123%3D%3D", "?t={1 url}"},
    {"percent-encoded in small letters", 3, 0, -1, "?t=ab%2bcd%2fefABCDEF0123%3d%3d", "?t={1 url, lower}"},
    {"percent-encoded but for slashes", 3, 0, -1, "?t=ab%2Bcd/efABCDEF0123%3D%3D", "?t={1 url path}"},
    {"escaped for HTML by mustache", 3, 0, -1, "'ab+cd&#x2F;efABCDEF0123&#x3D;&#x3D;'", "'{1 html hex}'"},
    {"escaped for HTML by Handlebars", 3, 0, -1, "'ab+cd/efABCDEF0123&#x3D;&#x3D;'", "'{1 html =}'"},
    {"escaped for HTML by Go", 3, 0, -1, "'ab&#43;cd/efABCDEF0123=='", "'{1 html dec}'"},
    {"escaped for HTML by .NET", 3, 0, -1, "'ab&#x2B;cd/efABCDEF0123=='", "'{1 html +}'"},
    {"escaped for JSON by PHP", 3, 0, -1, "{\"t\":\"ab+cd\\/efABCDEF0123==\"}", "{\"t\":\"{1 json /}\"}"},
    {"escaped for JSON by Gson", 3, 0, -1, "ab+cd/efABCDEF0123\\u003d\\u003d", "{1 json u}"},
    {"escaped for JSON by .NET", 3, 0, -1, "ab\\u002Bcd/efABCDEF0123==", "{1 json +}"},
    {"escaped for scripts", 3, 0, -1, "ab+cd/efABCDEF0123\\u003D\\u003D", "{1 js}"},
    {"plain and escaped", 3, 0, -1, B64 " ab+cd\\/efABCDEF0123==", "{1} {1 json /}"},
    {"escaped with all its signs", 3, 0, -1,
	"ab&#x2B;cd&#x2F;efABCDEF0123&#x3D;&#x3D; ab\\u002bcd\\/efABCDEF0123== "
	"ab\\u002Bcd\\/efABCDEF0123\\u003D\\u003D",
	"{1 html all} {1 js go} {1 js all}"},
    {"half escaped is another value", 3, 0, -1, "ab%2Bcd/efABCDEF0123=%3D", "ab%2Bcd/efABCDEF0123=%3D"},

    {"the longest of two values", 5, 0, -1, HEX "00ff " HEX "00fe", "{4} {0}00fe"},

    {"a secret", 3, 1, -1, "a sid-0123456789 b", "a {!sid}sid-0123456789 b"},
    {"told once", 3, 1, -1, "sid-0123456789sid-0123456789", "{!sid}sid-0123456789sid-0123456789"},
    {"only the first", 3, 3, -1, "<input name=csrf sid-0123456789", "{!markup}<input name=csrf sid-0123456789"},
    {"values behind it are cut", 3, 1, -1, "sid-0123456789 " HEX, "{!sid}sid-0123456789 {0}"},
    {"values before it are cut", 3, 1, -1, HEX "sid-0123456789", "{0}{!sid}sid-0123456789"},
    {"a secret that begins with a value", 3, 4, -1, HEX ".signed", "{!signed}{0}.signed"},
    {"a value that begins a secret", 3, 4, -1, HEX ".signe!", "{0}.signe!"},
    {"a secret around a value", 3, 32, -1, "t=\"" HEX "\"", "t{!around}=\"{0}\""},
    {"a secret in what is cut", 3, 16, -1, HEX, "{0}"},
    {"a secret that goes on behind what is cut", 3, 8, -1, HEX "!", "{0}!"},
    {"without values", 0, 1, -1, HEX "sid-0123456789 " HEX, HEX "{!sid}sid-0123456789 " HEX},

    {"a field", 4, 0, 3, "<input name=csrf value=\"MASKED\"> <meta name='csrf-token' content='M2'>",
	"<input name=csrf value=\"{3}\"> <meta name='csrf-token' content='{3}'>"},
    {"a field alone", 0, 0, 3, "<input value=MASKED name=csrf>", "<input value={3} name=csrf>"},
    {"no fields are looked for", 4, 0, -1, "<input value=MASKED name=csrf>", "<input value=MASKED name=csrf>"},
    {"another field", 4, 0, 3, "<input name=q value=x>", "<input name=q value=x>"},
    {"a field with a token", 4, 0, 3, "<input name=csrf value=\"" HEX "\">", "<input name=csrf value=\"{0}\">"},
    {"a field with a token in its form", 4, 0, 3, "<input name=csrf value='ab&#43;cd/efABCDEF0123=='>",
	"<input name=csrf value='{1 html dec}'>"},
    {"a field with more than a token", 4, 0, 3, "<input name=csrf value='" HEX "+'>", "<input name=csrf value='{3}'>"},
    {"a field with a token within", 4, 0, 3, "<input name=csrf value='+" HEX "'>", "<input name=csrf value='{3}'>"},
    {"a field with a nonce", 4, 0, 3, "<input name=csrf value='n0nceN0NCE'>", "<input name=csrf value='{3}'>"},
    {"a token elsewhere in its tag", 4, 0, 3, "<input id='" HEX "' name=csrf value=MASKED>" HEX,
	"<input id='{0}' name=csrf value={3}>{0}"},
    {"a token behind it in its tag", 4, 0, 3, "<input name=csrf value=MASKED id='" HEX "'>",
	"<input name=csrf value={3} id='{0}'>"},
    {"a field that is not whole", 4, 0, 3, "<input name=csrf value='" HEX, "<input name=csrf value='{0}"},
    {"a token in a tag that is none", 4, 0, 3, "<input name=csrf x='" HEX "'>", "<input name=csrf x='{0}'>"},
    {"a secret in a field", 4, 16, 3, "<input name=csrf value='0123456789abcdef'>", "<input name=csrf value='{3}'>"},
    {"a secret in another field", 4, 16, 3, "<input name=q value='0123456789abcdef'>",
	"<input name=q value='{!half}0123456789abcdef'>"},
    {"a secret that is a field's tag", 4, 2, 3, "<input name=csrf value=MASKED>",
	"{!markup}<input name=csrf value={3}>"},
    {"a quote that is none hides no field", 0, 0, 3, "if (a <input x=\"b) { <input name=csrf value=MASKED>",
	"if (a <input x=\"b) { <input name=csrf value={3}>"},
    {"a tag in the quotes of another", 0, 0, 3, "<input title='<input name=csrf value=MASKED>' name=q value=x>",
	"<input title='<input name=csrf value={3}>' name=q value=x>"},
    {"a tag in the quotes of a field", 0, 0, 3, "<input title='<input name=csrf value=IN>' name=csrf value=OUT>",
	"<input title='<input name=csrf value=IN>' name=csrf value={3}>"},
};

static struct personal personal_of(unsigned row, struct personal_secret *chosen)
{
	struct personal p = {.values = values, .n_values = rows[row].values, .secrets = chosen};
	for (unsigned i = 0; i < COUNT_OF(secrets); i++) {
		if (rows[row].secrets >> i & 1)
			chosen[p.n_secrets++] = secrets[i];
	}
	p.fields = rows[row].field_value >= 0 ? &fields : NULL;
	p.field_value = (uint16_t)(rows[row].field_value >= 0 ? rows[row].field_value : 0);
	return p;
}

START_TEST(cuts)
{
	struct personal_secret chosen[COUNT_OF(secrets)];
	struct personal p = personal_of((unsigned)_i, chosen);
	check(rows[_i].says, &p, str_of(rows[_i].body), str_of(rows[_i].shown));
}
END_TEST

/* ---- masked tokens ---- */

/* A secret of Django, two masked forms of it, one of another. */
#define SECRET "u8jzPde0IgxLd6GncfBAepfJBd0Kh8oO"
#define ONE    "TeKdNnFRIBXuDL7DxtpYlSXpfKtHF4vUdcTCsqJHgHk5GHDQzyQop72YGNjhM2Jy"
#define TWO    "CsMehGAkWvj7FAc9QeWJKY40uvSwMFLZWqVDWJEauBGIIwImSjn9Od9zVyI6TDZD"
#define OTHER  "FdnXsiVpzz63FfkCzJr4i0B3JrTAwR4yjOl02TksNBFVNxKL7Q1nRQieP2teIea7"

/* Cut in all ways: what may become a form is held until it ends. */
static const struct {
	const char *says, *cookie, *body, *shown;
} masked_rows[] = {
    {"in a script", SECRET, "send(\"" ONE "\")", "send(\"{0}\")"},
    {"two forms, and the secret itself", SECRET, ONE " " TWO " " SECRET, "{0} {0} {0}"},
    {"the cookie is masked too", TWO, "t=" ONE "&u=" TWO, "t={0}&u={0}"},
    {"the whole body", SECRET, ONE, "{0}"},
    {"in a form as well", SECRET, "<input name=csrf value='" ONE "'>" ONE, "<input name=csrf value='{0}'>{0}"},
    {"a field of another form", SECRET, "<input name=csrf value='" OTHER "'>", "<input name=csrf value='{0}'>"},
    {"of another secret", SECRET, "x " OTHER " y", "x " OTHER " y"},
    {"not a word of its own: before", SECRET, "x" ONE " " ONE, "x" ONE " {0}"},
    {"not a word of its own: behind", SECRET, ONE "x " ONE, ONE "x {0}"},
    {"within a long word", SECRET, OTHER OTHER ONE OTHER "-" ONE, OTHER OTHER ONE OTHER "-{0}"},
    {"one word with the secret, which is cut", SECRET, SECRET ONE " " ONE SECRET, "{0}" ONE " " ONE "{0}"},
    {"a word begins behind a cut", SECRET, "<input name=csrf value='x-'>" ONE, "<input name=csrf value='{0}'>{0}"},
    {"one behind the other are one word", SECRET, ONE ONE, ONE ONE},
    {"words of all lengths", SECRET, "a bb ccc, dddd." ONE "-e", "a bb ccc, dddd.{0}-e"},
    {"no such cookie", "abcdef-0123456789", "x " ONE, "x " ONE},
};

START_TEST(cuts_masked_tokens)
{
	struct personal_value value = {.hole = {.kind = HOLE_TOKEN}, .text = str_of(masked_rows[_i].cookie)};
	struct personal p = {.values = &value, .n_values = 1, .fields = &fields};
	check(masked_rows[_i].says, &p, str_of(masked_rows[_i].body), str_of(masked_rows[_i].shown));
}
END_TEST

/* However the bytes came: a piece may end where the word could still be one of its own. */
START_TEST(a_word_goes_on_behind_what_is_cut)
{
	struct personal_value two[] = {
	    {.hole = {.kind = HOLE_TOKEN}, .text = STR(SECRET)},
	    {.hole = {.kind = HOLE_NONCE}, .text = STR("abcdefgh-12345678")},
	};
	struct personal p = {.values = two, .n_values = 2, .fields = &fields};
	check("a word goes on behind a cut", &p, STR("abcdefgh-12345678" ONE), STR("{1}" ONE));
}
END_TEST

START_TEST(a_tag_whose_beginning_is_cut_is_none)
{
	struct personal_value two[] = {
	    {.hole = {.kind = HOLE_TOKEN}, .text = STR("0123456789abcdef")},
	    {.hole = {.kind = HOLE_NONCE}, .text = STR("a<input name=csrf")},
	};
	struct personal p = {.values = two, .n_values = 2, .fields = &fields};
	check("a tag is cut in two", &p, STR("a<input name=csrf value=q><input name=csrf value=r>"),
	    STR("{1} value=q><input name=csrf value={0}>"));
}
END_TEST

/* Where no token cookie fills the fields of forms, words are words. */
START_TEST(cuts_masked_tokens_where_they_may_be)
{
	struct personal_value value = {.hole = {.kind = HOLE_TOKEN}, .text = STR(SECRET)};
	struct personal p = {.values = &value, .n_values = 1};
	check("no fields", &p, STR("x " ONE), STR("x " ONE));
	value.hole.kind = HOLE_SESSION;
	p.fields = &fields;
	check("fields of a session", &p, STR("x " ONE), STR("x " ONE));
}
END_TEST

/* ---- bounds ---- */

/* A value at each place around the borders of the slices in which long bodies are looked through. */
START_TEST(slices_hide_nothing)
{
	enum { BODY = 70000 };
	struct personal p = {.values = values, .n_values = 3, .fields = &fields, .field_value = 1};
	char *body = mem_alloc(BODY);
	for (size_t at = 16384 - 120; at < 16384 + 8; at++) {
		memset(body, '.', BODY);
		memcpy(body + at, HEX, sizeof(HEX) - 1);
		memcpy(body + at + 16384, "<input name=csrf value=MASKED>", 30);
		memcpy(body + BODY - 10, "n0nceN0NCE", 10);
		struct result r;
		cut(&p, str_make(body, BODY), WHOLE, &r);
		if (!r.ordered || r.holes != 3 || r.kept.n != BODY - 32 - 6 - 10 || memcmp(r.whole.p, body, BODY) != 0)
			ck_abort_msg("at %zu: %u holes", at, r.holes);
		result_free(&r);
	}
	free(body);
}
END_TEST

/* More than any page may have; that is the caller's business. */
START_TEST(thousands_of_holes)
{
	enum { HOLES = 20000 };
	struct personal p = {.values = values, .n_values = 3};
	struct buf body;
	buf_init(&body, (size_t)HOLES * 64);
	for (int i = 0; i < HOLES; i++)
		buf_add(&body, STR(HEX "-"));
	struct result r;
	cut(&p, buf_str(&body), WHOLE, &r);
	ck_assert(r.ordered && r.holes == HOLES && r.kept.n == HOLES);
	result_free(&r);
	buf_free(&body);
}
END_TEST

/* What may be the beginning of something is held, no more. */
START_TEST(holds_back_what_may_be_something)
{
	static const struct {
		const char *says, *bytes;
		size_t held;
	} held[] = {{"nothing", "<p>text</p>", 0}, {"a beginning of a value", "text0123456789abc", 13},
	    {"a tag that is open", "text<input name=\"csrf\" ", 19}, {"another tag", "text<b name=\"csrf\" ", 0},
	    {"a field that was told", "<input name=csrf value='MASKED' ", 0},
	    {"a whole value that may be a longer one", HEX "00f", sizeof(HEX "00f") - 1}};
	struct personal p = {.values = values, .n_values = 5, .fields = &fields, .field_value = 3};
	for (size_t i = 0; i < COUNT_OF(held); i++) {
		struct result r;
		result_init(&r);
		struct cutter *c = cutter_new(&p, &events, &r);
		feed(c, str_of(held[i].bytes), false);
		ck_assert_msg(
		    r.whole.n + held[i].held == strlen(held[i].bytes), "%s: %zu came", held[i].says, r.whole.n);
		cutter_free(&c);
		ck_assert_ptr_null(c);
		result_free(&r);
	}
}
END_TEST

/* Pages that would be read again and again by a simpler search; some seconds each for that. */
static const struct {
	const char *says, *piece;
	size_t times;
} hostile[] = {
    {"tags that never end", "<input ", 300000},
    {"tags within each other's quotes", "<input a=\"<input b='", 100000},
    {"tags in a quote that never ends", "<input a=\"<input b='<meta c='<meta d= ", 50000},
    {"quotes that belong to two tags", "<input x\" b=\"", 150000},
    {"values without an end", "<input name=csrf value=", 100000},
    {"beginnings of a secret", "ssssssssssssssssssssssssss", 80000},
    {"nothing but <", "<<<<<<<<<<<<<<<<", 120000},
};

START_TEST(is_not_slowed_by_what_stands_there)
{
	char letters[256][PERSONAL_TEXT_MAX];
	struct personal_secret many[256];
	for (unsigned i = 0; i < COUNT_OF(many); i++) {
		memset(letters[i], 's', sizeof(letters[i]));
		letters[i][255 - i / 2] = 'x';
		many[i] = (struct personal_secret){.text = {letters[i], sizeof(letters[i])}};
	}
	struct personal p = {
	    .values = values, .n_values = 4, .secrets = many, .n_secrets = 256, .fields = &fields, .field_value = 3};
	struct str piece = str_of(hostile[_i].piece);
	struct buf body;
	buf_init(&body, piece.n * hostile[_i].times);
	for (size_t i = 0; i < hostile[_i].times; i++)
		buf_add(&body, piece);
	struct result r;
	cut(&p, buf_str(&body), WHOLE, &r);
	ck_assert_msg(r.ordered && str_eq(buf_str(&r.whole), buf_str(&body)), "%s", hostile[_i].says);
	result_free(&r);
	buf_free(&body);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/cutter");
	TCase *t = tcase_create("cutter");
	tcase_add_loop_test(t, cuts, 0, COUNT_OF(rows));
	tcase_add_loop_test(t, cuts_masked_tokens, 0, COUNT_OF(masked_rows));
	tcase_add_test(t, a_word_goes_on_behind_what_is_cut);
	tcase_add_test(t, a_tag_whose_beginning_is_cut_is_none);
	tcase_add_test(t, cuts_masked_tokens_where_they_may_be);
	tcase_add_test(t, slices_hide_nothing);
	tcase_add_test(t, thousands_of_holes);
	tcase_add_test(t, holds_back_what_may_be_something);
	tcase_add_loop_test(t, is_not_slowed_by_what_stands_there, 0, COUNT_OF(hostile));
	suite_add_tcase(s, t);
	return suite_run(s);
}
