/* What a head has of one visitor: whatever cookies, policies and fields come, what is kept holds neither a secret nor a value that is
 * cut, and with the values put back its fields are those of the response.
 *
 * Input: fields of the request, an empty line, fields of the response. */
#include "fuzz.h"

#include "base/arena.h"
#include "base/mem.h"
#include "policy/storable.h"

#include <assert.h>

#define NOW_MS 1700000000000

static struct str tokens[] = {STR("t"), STR("csrftoken")}, form_fields[] = {STR("csrf")},
		  patterns[] = {STR("X-User-*")}, allowed[] = {STR("theme")};

/* As the reader of messages gives them: names that are tokens, values that are trimmed and without controls. */
static struct headers read_fields(struct str *in, struct arena *a)
{
	struct headers h = {0};
	struct str line;
	while (in->n > 0 && str_cut(in, '\n', &line) && line.n > 0) {
		size_t colon = str_index(line, ':');
		struct str name = str_take(line, colon), value = str_trim(str_skip(line, colon + 1));
		if (is_token(name) && is_field_value(value))
			headers_add(&h, a, name, value);
	}
	return h;
}

static void check_value(const struct personal_value *v)
{
	struct str attributes = v->hole.attributes;
	if (v->hole.kind == HOLE_SESSION) {
		assert(v->text.n == 0);
		return;
	}
	assert(v->text.n >= (v->hole.kind == HOLE_TOKEN ? HOLE_MIN : HOLE_NONCE_MIN) && v->text.n <= HOLE_MAX);
	assert(hole_shape_fits(&v->hole.shape, v->text));
	assert((v->hole.kind == HOLE_TOKEN) == (v->hole.cookie.n > 0));
	assert(attributes.n == 0 || str_starts(attributes, STR("; ")));
	assert(str_index(attributes, '\t') == attributes.n);
}

/* The value with what was cut put back. */
static struct str filled(const struct personal *p, uint32_t field, struct str value, unsigned *next, struct arena *a)
{
	struct str out = STR("");
	size_t done = 0;
	for (; *next < p->n_field_holes && p->field_holes[*next].field == field; ++*next) {
		const struct hole *h = &p->field_holes[*next];
		static char text[HOLE_MAX * HOLE_FORM_GROWTH];
		assert(h->value < p->n_values && h->form < HOLE_FORMS && h->at >= done && h->at <= value.n);
		size_t n = hole_form_write((enum hole_form)h->form, p->values[h->value].text, text);
		out = arena_printf(a, "%.*s%.*s%.*s", STR_ARG(out), (int)(h->at - done), value.p + done, (int)n, text);
		done = h->at;
	}
	return done == 0 && out.n == 0 ? value
				       : arena_printf(a, "%.*s%.*s", STR_ARG(out), STR_ARG(str_skip(value, done)));
}

static bool has_field(const struct headers *h, struct str name, struct str value)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq(h->v[i].name, name) && str_eq(h->v[i].value, value))
			return true;
	}
	return str_eq(name, STR("Date")) || str_eq_nocase(name, STR("ETag")); /* added; weakened */
}

static void check_kept(const struct storable_out *out, const struct headers *response, struct arena *a)
{
	const struct personal *p = &out->personal;
	unsigned next = 0;
	for (uint32_t i = 0; i < out->headers.n; i++) {
		const struct header *h = &out->headers.v[i];
		struct str was = filled(p, i, h->value, &next, a);
		assert(has_field(response, h->name, was));
		for (unsigned k = 0; k < p->n_secrets; k++)
			assert(str_find(was, p->secrets[k].text) == was.n);
	}
	assert(next == p->n_field_holes && next <= HOLES_MAX);
}

static void judge(struct route *route, const struct http_request *request, const struct http_response *response)
{
	struct arena a;
	struct conf_cache cache = {.heuristic_percent = 10, .heuristic_max_ms = 86400000};
	struct storable_in in = {&cache, route, request, response, NOW_MS, NOW_MS};
	struct storable_out out;
	arena_init(&a, 0);
	policy_storable(&in, &a, &out);
	assert(out.personal.n_values <= HOLE_VALUES_MAX && out.personal.n_secrets <= PERSONAL_SECRETS_MAX);
	for (unsigned i = 0; i < out.personal.n_values; i++)
		check_value(&out.personal.values[i]);
	for (unsigned i = 0; i < out.personal.n_secrets; i++)
		assert(out.personal.secrets[i].text.n >= 8 && out.personal.secrets[i].text.n <= PERSONAL_TEXT_MAX);
	assert(!out.personal.fields || out.personal.field_value < out.personal.n_values);
	if (out.store)
		check_kept(&out, &response->headers, &a);
	else
		assert(out.personal.n_field_holes == 0 && out.personal.n_secrets == 0);
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a;
	struct str in = str_make((const char *)data, size);
	struct route route = {.cache = true,
	    .ttl_ms = 60000,
	    .set_cookie = SET_COOKIE_STRIP,
	    .token_cookie = {tokens, COUNT_OF(tokens)},
	    .leak_guard = true,
	    .leak_allow = {allowed, COUNT_OF(allowed)},
	    .leak_patterns = {patterns, COUNT_OF(patterns)}};
	arena_init(&a, 0);
	struct http_request request = {
	    .method = METHOD_GET, .method_name = STR("GET"), .target = STR("/"), .headers = read_fields(&in, &a)};
	struct http_response response = {.status = 200, .minor = 1, .headers = read_fields(&in, &a)};
	judge(&route, &request, &response);
	route.token_field = (struct str_list){form_fields, COUNT_OF(form_fields)};
	judge(&route, &request, &response);
	arena_free(&a);
	return 0;
}
