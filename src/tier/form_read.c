/* Reading the stored form. The text may be anything: cut, flipped, of another program, or forged by somebody who can write where it
 * lies and knows how the checksum is made. So the checksum comes first, which finds all accidents; then the text is looked over,
 * so that the tree which cJSON makes of it is neither deep nor large; then every member is checked on its own and against the others, so
 * that what comes out has all the properties of an entry that was made here: no field can end early and begin another one, no run
 * or hole lies outside of its body, no sum of times overflows.
 *
 * A failure is remembered in `bad` and checked at the end; until then what is not there is read as nothing. */
#include "tier/form.h"

#include <cjson/cJSON.h>

#include "base/mem.h"
#include "tier/form_table.h"

struct reader {
	struct arena *a;
	bool bad;
};

static void require(struct reader *r, bool condition)
{
	if (!condition)
		r->bad = true;
}

/* ---- the text ---- */

static bool sum_is_right(struct str text)
{
	if (text.n < FORM_TAIL)
		return false;
	char digits[FORM_SUM_DIGITS + 1];
	struct str tail = str_skip(text, text.n - FORM_TAIL), name = STR(FORM_SUM_NAME);
	form__sum(hash128_str(str_take(text, text.n - FORM_TAIL), 0), digits);
	return str_starts(tail, name) && str_starts(str_skip(tail, name.n), str_make(digits, FORM_SUM_DIGITS)) &&
	       str_ends(tail, STR(FORM_SUM_END));
}

/* Position of the quote that ends the string which begins at `at`. */
static size_t end_of_string(struct str text, size_t at)
{
	for (at++; at < text.n && text.p[at] != '"'; at++) {
		if (text.p[at] == '\\')
			at++;
	}
	return at;
}

/* Counts values and levels as cJSON will see them, as long as it is JSON; where it is not, cJSON stops earlier. */
static bool is_bounded(struct str text)
{
	int depth = 0, items = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '"')
			i = end_of_string(text, i);
		else if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		items += c == ',' || c == '{' || c == '[';
		if (depth > FORM_DEPTH || items > FORM_ITEMS)
			return false;
	}
	return true;
}

/* ---- values ---- */

static const cJSON *member(struct reader *r, const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, name) : NULL;
	require(r, item != NULL);
	return item;
}

static uint64_t count_of(struct reader *r, const cJSON *item, uint64_t max)
{
	uint64_t n = max;
	if (cJSON_IsString(item)) {
		require(r, str_to_u64(str_of(item->valuestring), max, &n) == ERR_OK);
		return n;
	}
	double d = cJSON_IsNumber(item) ? item->valuedouble : -1;
	bool exact = d >= 0 && d <= (double)FORM_EXACT_MAX && d == (double)(uint64_t)d;
	require(r, exact && (uint64_t)d <= max);
	return r->bad ? 0 : (uint64_t)d;
}

/* -1 only where that is the least. */
static int64_t number_of(struct reader *r, const cJSON *item, int64_t min, int64_t max)
{
	if (min == -1 && cJSON_IsNumber(item) && item->valuedouble == -1)
		return -1;
	return (int64_t)count_of(r, item, (uint64_t)max);
}

static struct str hex_of(struct reader *r, struct str digits)
{
	char *bytes = arena_alloc(r->a, digits.n / 2 + 1);
	require(r, digits.n % 2 == 0);
	for (size_t i = 0; i + 1 < digits.n; i += 2) {
		int high = char_hex(digits.p[i]), low = char_hex(digits.p[i + 1]);
		require(r, high >= 0 && low >= 0);
		bytes[i / 2] = (char)(high << 4 | low);
	}
	return str_make(bytes, digits.n / 2);
}

/* NULL gives what is absent. */
static struct str bytes_of(struct reader *r, const cJSON *item)
{
	if (cJSON_IsString(item))
		return arena_str(r->a, str_of(item->valuestring));
	if (cJSON_IsNull(item))
		return STR_NONE;
	const cJSON *hex = member(r, item, "hex");
	require(r, cJSON_IsString(hex));
	return r->bad ? STR_NONE : hex_of(r, str_of(hex->valuestring));
}

/* Bytes that may stand in a field's value, or absent. */
static struct str value_of(struct reader *r, const cJSON *item)
{
	struct str s = bytes_of(r, item);
	require(r, is_field_value(s));
	return s;
}

static bool bool_of(struct reader *r, const cJSON *item)
{
	require(r, cJSON_IsBool(item));
	return cJSON_IsTrue(item);
}

/* The index of the word in a list. */
static unsigned word_of(struct reader *r, const cJSON *item, const char *const *words, unsigned n)
{
	struct str word = cJSON_IsString(item) ? str_of(item->valuestring) : STR_NONE;
	for (unsigned i = 0; i < n; i++) {
		if (str_eq(word, str_of(words[i])))
			return i;
	}
	r->bad = true;
	return 0;
}

static struct hash128 sum_of(struct reader *r, const cJSON *item)
{
	struct str digits = cJSON_IsString(item) ? str_of(item->valuestring) : STR_NONE;
	struct hash128 sum = {0, 0};
	require(r, digits.n == FORM_SUM_DIGITS);
	for (size_t i = 0; i < digits.n && !r->bad; i++) {
		int digit = char_hex(digits.p[i]);
		require(r, digit >= 0);
		uint64_t *half = i < FORM_SUM_DIGITS / 2 ? &sum.hi : &sum.lo;
		*half = *half << 4 | (uint64_t)(digit & 15);
	}
	return sum;
}

/* The number of elements; bad when it is no array, or has more than max. */
static unsigned length_of(struct reader *r, const cJSON *array, int max)
{
	int n = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : -1;
	require(r, n >= 0 && n <= max);
	return r->bad ? 0 : (unsigned)n;
}

/* An array of exactly n elements, spread out; bad, and all NULL, for others. */
static void spread(struct reader *r, const cJSON *array, int n, const cJSON *out[])
{
	bool fits = cJSON_IsArray(array) && cJSON_GetArraySize(array) == n;
	const cJSON *item = fits ? array->child : NULL;
	for (int i = 0; i < n; i++, item = item ? item->next : NULL)
		out[i] = item;
	require(r, fits);
}

/* ---- members ---- */

enum fields { FIELDS_OF_RESPONSE, FIELDS_OF_VARIANT };

/* Names of a variant are those of policy/vary.h, "cookie:lang" among them; only its values may be absent. */
static void check_field(struct reader *r, const struct header *h, enum fields kind)
{
	if (kind == FIELDS_OF_VARIANT) {
		require(r, h->name.n > 0 && is_field_value(h->name));
		return;
	}
	require(r, is_field_name(h->name) && h->value.p && !header_is_hop_by_hop(h->name));
}

static void read_fields(struct reader *r, const cJSON *array, enum fields kind, struct headers *out)
{
	unsigned n = length_of(r, array, FORM_ITEMS);
	const cJSON *item, *pair[2];
	*out = (struct headers){.n = 0};
	if (n == 0)
		return;
	*out = (struct headers){.v = arena_alloc(r->a, n * sizeof *out->v), .cap = n};
	cJSON_ArrayForEach(item, array)
	{
		spread(r, item, 2, pair);
		if (r->bad)
			return;
		struct header *h = &out->v[out->n++];
		h->name = bytes_of(r, pair[0]);
		h->value = value_of(r, pair[1]);
		check_field(r, h, kind);
	}
}

static void read_tags(struct reader *r, const cJSON *array, struct entry_spec *out)
{
	unsigned n = length_of(r, array, FORM_ITEMS), i = 0;
	if (n == 0)
		return;
	struct str *tags = arena_alloc(r->a, n * sizeof *tags);
	const cJSON *item;
	cJSON_ArrayForEach(item, array)
	{
		tags[i] = value_of(r, item);
		require(r, tags[i].n > 0);
		i++;
	}
	out->tags = tags;
	out->n_tags = n;
}

static void read_times(struct reader *r, const cJSON *object, struct stored *out)
{
	for (size_t i = 0; i < FORM_TIMES; i++) {
		const struct form_time *t = &form__times[i];
		int64_t value = number_of(r, member(r, object, t->name), t->min, FORM_EXACT_MAX);
		memcpy((char *)out + t->at, &value, sizeof value);
	}
}

/* Ascending, with a gap between each two; the body is what they have. */
static void read_runs(struct reader *r, const cJSON *array, uint64_t body_size, struct stored *out)
{
	unsigned n = length_of(r, array, PARTIAL_RUNS_MAX);
	if (n == 0)
		return;
	struct range *runs = arena_alloc(r->a, n * sizeof *runs);
	const cJSON *item, *pair[2];
	int64_t from = 0;
	uint64_t size = 0;
	cJSON_ArrayForEach(item, array)
	{
		spread(r, item, 2, pair);
		struct range run = {.first = number_of(r, pair[0], 0, RANGE_POSITION_MAX),
		    .last = number_of(r, pair[1], 0, RANGE_POSITION_MAX)};
		require(r, run.first >= from && run.last >= run.first);
		if (r->bad)
			return;
		from = run.last + 2;
		size += (uint64_t)(run.last - run.first) + 1;
		runs[out->n_runs++] = run;
	}
	require(r, size == body_size && (out->complete == -1 || out->complete > runs[n - 1].last));
	out->runs = runs;
}

static struct hole_value read_value(struct reader *r, const cJSON *object)
{
	struct hole_value v = {.kind = word_of(r, member(r, object, "kind"), form__kinds, FORM_KINDS)};
	v.shape = (struct hole_shape){
	    .alphabet = (uint8_t)word_of(r, member(r, object, "alphabet"), form__alphabets, FORM_ALPHABETS),
	    .n = (uint16_t)count_of(r, member(r, object, "length"), HOLE_MAX),
	    .padding = (uint8_t)count_of(r, member(r, object, "padding"), 2),
	};
	v.cookie = bytes_of(r, member(r, object, "cookie"));
	v.attributes = value_of(r, member(r, object, "attributes"));
	require(r, v.shape.n > v.shape.padding && (v.shape.padding == 0 || v.shape.alphabet >= HOLE_BASE64URL));
	require(r, v.kind == HOLE_TOKEN ? is_token(v.cookie) : is_field_value(v.cookie));
	return v;
}

/* Those of fields: ascending by field, then by place. */
static struct hole read_place(struct reader *r, const cJSON *item, unsigned n_values, const struct headers *of_fields)
{
	const cJSON *part[4] = {NULL};
	spread(r, item, of_fields ? 4 : 3, part);
	struct hole h = {
	    .at = count_of(r, part[0], (uint64_t)FORM_EXACT_MAX),
	    .value = (uint16_t)count_of(r, part[1], HOLE_VALUES_MAX),
	    .form = (uint8_t)word_of(r, part[2], form__hole_forms, HOLE_FORMS),
	};
	require(r, h.value < n_values);
	if (of_fields)
		h.field = (uint32_t)count_of(r, part[3], UINT32_MAX);
	return h;
}

/* of_fields: NULL for those of the body. Returns how many. */
static unsigned read_places(struct reader *r, const cJSON *array, unsigned n_values, uint64_t body_size,
    const struct headers *of_fields, const struct hole **out)
{
	unsigned n = length_of(r, array, HOLES_MAX), i = 0;
	struct hole *places = arena_alloc(r->a, (n + 1) * sizeof *places);
	const cJSON *item;
	*out = n > 0 ? places : NULL;
	if (n == 0)
		return 0;
	cJSON_ArrayForEach(item, array)
	{
		struct hole h = read_place(r, item, n_values, of_fields);
		require(r, !of_fields || h.field < of_fields->n);
		if (r->bad)
			return 0;
		require(r, h.at <= (of_fields ? of_fields->v[h.field].value.n : body_size));
		if (i > 0) {
			const struct hole *before = &places[i - 1];
			require(r, h.field > before->field || (h.field == before->field && h.at >= before->at));
		}
		places[i++] = h;
	}
	return n;
}

static const struct holes *read_holes(
    struct reader *r, const cJSON *item, uint64_t body_size, const struct headers *headers)
{
	if (cJSON_IsNull(item))
		return NULL;
	struct holes *h = arena_zalloc(r->a, sizeof *h);
	const cJSON *array = member(r, item, "values"), *value;
	unsigned n = length_of(r, array, HOLE_VALUES_MAX);
	struct hole_value *values = arena_alloc(r->a, (n + 1) * sizeof *values);
	h->values = values;
	if (n > 0) {
		cJSON_ArrayForEach(value, array) values[h->n_values++] = read_value(r, value);
	}
	h->n_body = read_places(r, member(r, item, "body"), n, body_size, NULL, &h->body);
	h->n_fields = read_places(r, member(r, item, "fields"), n, 0, headers, &h->fields);
	require(r, h->n_body + h->n_fields <= HOLES_MAX);
	return h;
}

/* A plain name of a file, which leads nowhere else. */
static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = char_lower(s.p[i]);
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return s.n <= 255 && (s.n == 0 || s.p[0] != '.');
}

static void read_more(struct reader *r, const cJSON *json, struct form_more *out)
{
	const cJSON *body = member(r, json, "body");
	out->body_size = count_of(r, member(r, body, "size"), INT64_MAX);
	out->body_sum = sum_of(r, member(r, body, "xxh3_128"));
	out->body_name = bytes_of(r, member(r, body, "name"));
	out->seq = count_of(r, member(r, json, "seq"), UINT64_MAX);
	out->purged = bool_of(r, member(r, json, "purged"));
	require(r, is_name(out->body_name));
}

static void read_stored(struct reader *r, const cJSON *json, const struct form *f, struct stored *out)
{
	const cJSON *source = member(r, json, "lifetime_source");
	out->status = (int)count_of(r, member(r, json, "status"), 999);
	read_fields(r, member(r, json, "variant"), FIELDS_OF_VARIANT, &out->vary);
	read_times(r, member(r, json, "times"), out);
	out->lifetime_source = cJSON_IsString(source) ? stored_lifetime_source(str_of(source->valuestring)) : NULL;
	out->etag = value_of(r, member(r, json, "etag"));
	out->must_revalidate = bool_of(r, member(r, json, "must_revalidate"));
	out->no_cache = bool_of(r, member(r, json, "no_cache"));
	out->by_route = (uint8_t)count_of(r, member(r, json, "by_route"), UINT8_MAX);
	out->complete = number_of(r, member(r, json, "complete"), -1, RANGE_POSITION_MAX);
	out->reaches_end = bool_of(r, member(r, json, "reaches_end"));
	read_runs(r, member(r, json, "runs"), f->more.body_size, out);
	out->holes = read_holes(r, member(r, json, "holes"), f->more.body_size, &f->headers);
	require(r, out->status >= 100 && out->lifetime_source);
	require(r, (out->status == 206) == stored_is_partial(out));
	require(r, !stored_is_partial(out) || !stored_has_holes(out));
}

static void read_key(struct reader *r, const cJSON *json, uint64_t seed, struct entry_spec *out)
{
	struct str text = value_of(r, member(r, json, "key")), url = value_of(r, member(r, json, "url"));
	require(r, text.n > 4 && str_starts(text, STR("GET ")) && str_eq(str_skip(text, 4), url));
	out->key = key_of_text(text, seed);
}

int form_read(struct str text, uint64_t key_seed, struct arena *a, struct form *out)
{
	struct reader r = {.a = a, .bad = false};
	*out = (struct form){.spec = {.stored = &out->stored, .headers = &out->headers}};
	if (text.n > FORM_MAX || !sum_is_right(text) || !is_bounded(text))
		return ERR_INVALID;
	cJSON *json = cJSON_ParseWithLength(text.p, text.n);
	if (!json)
		return ERR_INVALID;
	require(&r, count_of(&r, member(&r, json, "larder"), FORM_VERSION) == FORM_VERSION);
	read_key(&r, json, key_seed, &out->spec);
	read_more(&r, json, &out->more);
	read_fields(&r, member(&r, json, "headers"), FIELDS_OF_RESPONSE, &out->headers);
	read_tags(&r, member(&r, json, "tags"), &out->spec);
	read_stored(&r, json, out, &out->stored);
	cJSON_Delete(json);
	return r.bad ? ERR_INVALID : ERR_OK;
}
