/* What origins send again and again is a number instead of a text: most names, and some whole fields, in the spelling that is usual. Any
 * other spelling is kept as it came.
 *
 *	field     0, name, value  |  number of a name, value  |  number of a whole field  |  DATE  |  LAST_MODIFIED  |  CONTENT_LENGTH, number
 *	string    length, bytes
 *
 * A row (tier/pack.def) is found by the length of its name: few have the same. */
#include "tier/pack.h"

#include <assert.h>

#include "base/mem.h"
#include "http/date.h"

static const struct header known[] = {
#define NAME(name)	   {STR(name), {NULL, 0}},
#define WHOLE(name, value) {STR(name), STR(value)},
#include "tier/pack.def"
#undef NAME
#undef WHOLE
};

/* The lengths of their names. */
static const uint8_t lengths[] = {
#define NAME(name)	   sizeof(name) - 1,
#define WHOLE(name, value) sizeof(name) - 1,
#include "tier/pack.def"
#undef NAME
#undef WHOLE
};

/* The last that has four digits for its year. */
#define DATE_MAX 253402300799

/* Numbers behind those of the rows. */
enum { DATE = COUNT_OF(known) + 1, LAST_MODIFIED, CONTENT_LENGTH };

static void put(struct pack *p, const char *from, size_t n)
{
	if (n > 0 && p->n + n <= p->room)
		memcpy(p->to + p->n, from, n);
	p->n += n;
}

void pack__number(struct pack *p, uint64_t n)
{
	char bytes[10];
	size_t used = 0;
	for (; n >= 0x80; n >>= 7)
		bytes[used++] = (char)(n | 0x80);
	bytes[used++] = (char)n;
	put(p, bytes, used);
}

void pack__signed(struct pack *p, int64_t n)
{
	pack__number(p, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

void pack__str(struct pack *p, struct str s)
{
	pack__number(p, s.n);
	put(p, s.p, s.n);
}

/* The number of its row, from 1; 0: it is in none. */
static unsigned row_of(const struct header *field)
{
	if (field->name.n > UINT8_MAX)
		return 0;
	const uint8_t *at = lengths, *end = lengths + COUNT_OF(lengths);
	while ((at = memchr(at, (int)field->name.n, (size_t)(end - at)))) {
		const struct header *row = &known[at++ - lengths];
		if (str_eq(row->name, field->name) && (!row->value.p || str_eq(row->value, field->value)))
			return (unsigned)(row - known) + 1;
	}
	return 0;
}

static bool is_date(const struct header *field, struct str name, int64_t date_s)
{
	char text[HTTP_DATE_SIZE];
	if (date_s < 0 || date_s > DATE_MAX || field->value.n != HTTP_DATE_SIZE - 1 || !str_eq(field->name, name))
		return false;
	http_date_write(date_s, text);
	return memcmp(text, field->value.p, HTTP_DATE_SIZE - 1) == 0;
}

/* As it is written by us: other digits for the same number stay text. */
static bool is_length(const struct header *field, uint64_t *n)
{
	bool is_plain = field->value.n > 0 && (field->value.p[0] != '0' || field->value.n == 1);
	return is_plain && str_eq(field->name, STR("Content-Length")) &&
	       str_to_u64(field->value, INT64_MAX, n) == ERR_OK;
}

static unsigned number_of(const struct header *field, const struct pack_dates *dates)
{
	if (is_date(field, STR("Date"), dates->date_s))
		return DATE;
	if (is_date(field, STR("Last-Modified"), dates->last_modified_s))
		return LAST_MODIFIED;
	uint64_t n;
	return is_length(field, &n) ? CONTENT_LENGTH : row_of(field);
}

static struct str value_of(unsigned number)
{
	return number > 0 && number < DATE ? known[number - 1].value : STR_NONE;
}

void pack__fields(struct pack *p, const struct headers *h, const struct pack_dates *dates)
{
	_Static_assert(CONTENT_LENGTH < 0x80, "a number has one byte");
	pack__number(p, h->n);
	for (uint32_t i = 0; i < h->n; i++) {
		unsigned number = number_of(&h->v[i], dates);
		pack__number(p, number);
		if (number == 0)
			pack__str(p, h->v[i].name);
		if (number < DATE && !value_of(number).p)
			pack__str(p, h->v[i].value);
		uint64_t n;
		if (number == CONTENT_LENGTH && is_length(&h->v[i], &n))
			pack__number(p, n);
	}
}

static struct str date_of(int64_t date_s, struct arena *a)
{
	char *text = arena_alloc(a, HTTP_DATE_SIZE);
	http_date_write(date_s, text);
	return str_make(text, HTTP_DATE_SIZE - 1);
}

struct header unpack__field(const char **at, const struct pack_dates *dates, struct arena *a)
{
	unsigned number = (unsigned)unpack__number(at);
	assert(number <= CONTENT_LENGTH);
	if (number == DATE)
		return (struct header){STR("Date"), a ? date_of(dates->date_s, a) : STR_NONE};
	if (number == LAST_MODIFIED)
		return (struct header){STR("Last-Modified"), a ? date_of(dates->last_modified_s, a) : STR_NONE};
	if (number == CONTENT_LENGTH) {
		int64_t n = (int64_t)unpack__number(at);
		return (struct header){STR("Content-Length"), a ? arena_i64(a, n) : STR_NONE};
	}
	struct header field = {
	    .name = number > 0 ? known[number - 1].name : unpack__str(at), .value = value_of(number)};
	if (!field.value.p)
		field.value = unpack__str(at);
	return field;
}
