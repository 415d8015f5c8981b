/* Range and Content-Range. Input: one byte for the length, a Range, a line feed, a Content-Range. A set that was resolved
 * covers exactly the bytes that its ranges cover one by one, and none twice. */
#include "fuzz.h"

#include "base/buf.h"
#include "http/range.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define LENGTH_MAX 256

/* The bytes that are asked for, one by one, by the sentences of RFC 9110 14.1.2. */
static bool is_asked(struct range r, int64_t at, int64_t length)
{
	if (r.first < 0)
		return r.last > 0 && length - at <= r.last;
	return at >= r.first && (r.last < 0 || at <= r.last);
}

static unsigned count_asked(const struct ranges *asked, int64_t at, int64_t length)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < asked->n; i++)
		n += is_asked(asked->v[i], at, length);
	return n;
}

static unsigned count_given(const struct ranges *given, int64_t at)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < given->n; i++)
		n += at >= given->v[i].first && at <= given->v[i].last;
	return n;
}

static void check_resolved(const struct ranges *asked, int64_t length)
{
	struct ranges given;
	bool satisfiable = range_resolve(asked, length, &given);
	assert(satisfiable == (given.n > 0) && given.n <= asked->n);
	for (uint32_t i = 0; i < given.n; i++)
		assert(given.v[i].first >= 0 && given.v[i].first <= given.v[i].last && given.v[i].last < length);
	for (int64_t at = 0; at < length && length <= LENGTH_MAX; at++)
		assert(count_given(&given, at) == (count_asked(asked, at, length) > 0));
}

/* What was read, written again, reads the same. */
static void check_ranges(struct str field, int64_t length)
{
	struct ranges asked, again;
	int err = range_read(field, &asked);
	assert(err == ERR_OK || err == ERR_INVALID || err == ERR_TOO_LARGE);
	if (err < 0)
		return;
	struct buf text;
	buf_init(&text, 4096);
	(void)buf_add(&text, STR("Bytes="));
	for (uint32_t i = 0; i < asked.n; i++) {
		if (asked.v[i].first >= 0)
			(void)buf_addf(&text, "%" PRId64, asked.v[i].first);
		(void)buf_addc(&text, '-');
		if (asked.v[i].last >= 0)
			(void)buf_addf(&text, "%" PRId64, asked.v[i].last);
		(void)buf_addc(&text, ',');
	}
	err = range_read(buf_str(&text), &again);
	assert(err == ERR_OK && again.n == asked.n);
	assert(memcmp(again.v, asked.v, asked.n * sizeof(asked.v[0])) == 0);
	buf_free(&text);
	check_resolved(&asked, length);
	check_resolved(&asked, RANGE_POSITION_MAX);
}

static void check_content_range(struct str field)
{
	struct content_range c, again;
	if (content_range_read(field, &c) < 0)
		return;
	assert((c.first < 0) == (c.last < 0) && c.first <= c.last);
	assert(c.length >= 0 || c.first >= 0);
	assert(c.length < 0 || c.last < c.length);
	char range[64] = "*", length[32] = "*", text[128];
	if (c.first >= 0)
		snprintf(range, sizeof(range), "%" PRId64 "-%" PRId64, c.first, c.last);
	if (c.length >= 0)
		snprintf(length, sizeof(length), "%" PRId64, c.length);
	int n = snprintf(text, sizeof(text), "bytes %s/%s", range, length);
	int err = content_range_read(str_make(text, (size_t)n), &again);
	assert(err == ERR_OK && again.first == c.first && again.last == c.last && again.length == c.length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct str in = str_make((const char *)data + 1, size - 1), range;
	if (!str_cut(&in, '\n', &range))
		return 0;
	check_ranges(range, (int64_t)data[0] + 1);
	check_content_range(in.p ? in : STR(""));
	return 0;
}
