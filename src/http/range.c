/* Ranges of bytes: reading what is asked for, and what it means for a length. Reading judges the syntax alone, since the
 * length is not known before there is a response; whether an answer is 206, 416 or the whole is for policy to say. */
#include "http/range.h"

#include "http/headers.h"

static struct str skip_zeros(struct str digits)
{
	while (digits.n > 1 && digits.p[0] == '0')
		digits = str_skip(digits, 1);
	return digits;
}

/* Compared as digits, since both may be beyond any integer (RFC 9110 14.1.2). */
static bool is_less(struct str a, struct str b)
{
	a = skip_zeros(a);
	b = skip_zeros(b);
	return a.n != b.n ? a.n < b.n : str_compare(a, b) < 0;
}

/* 1*DIGIT; saturates. */
static int read_position(struct str digits, int64_t *out)
{
	uint64_t n;
	int err = str_to_u64(digits, RANGE_POSITION_MAX, &n);
	if (err == ERR_INVALID)
		return ERR_INVALID;
	*out = err < 0 ? RANGE_POSITION_MAX : (int64_t)n;
	return ERR_OK;
}

/* int-range or suffix-range (14.1.1); bytes have no other. */
static int read_spec(struct str spec, struct range *out)
{
	*out = (struct range){-1, -1};
	size_t dash = str_index(spec, '-');
	struct str first = str_take(spec, dash), last = str_skip(spec, dash + 1);
	if (dash == spec.n || (first.n == 0 && last.n == 0))
		return ERR_INVALID;
	if (first.n > 0 && read_position(first, &out->first) < 0)
		return ERR_INVALID;
	if (last.n > 0 && read_position(last, &out->last) < 0)
		return ERR_INVALID;
	/* 14.1.1: such a range is invalid, and a set is when one of its ranges is. */
	if (first.n > 0 && last.n > 0 && is_less(last, first))
		return ERR_INVALID;
	return ERR_OK;
}

int range_read(struct str field, struct ranges *out)
{
	static const struct str unit = STR("bytes="); /* in any case (14.1) */
	out->n = 0;
	if (!str_starts_nocase(field, unit))
		return ERR_INVALID;
	struct str rest = str_skip(field, unit.n), spec;
	/* All of it is read before it is found to be too long: the one error hides no other. */
	bool too_many = false;
	while (list_next(&rest, &spec)) {
		struct range range;
		if (read_spec(spec, &range) < 0)
			return ERR_INVALID;
		too_many = too_many || out->n == RANGES_MAX;
		if (!too_many)
			out->v[out->n++] = range;
	}
	if (out->n == 0)
		return ERR_INVALID;
	return too_many ? ERR_TOO_LARGE : ERR_OK;
}

static int64_t min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

bool range_resolve_one(struct range asked, int64_t length, struct range *out)
{
	if (asked.first < 0) {
		*out = (struct range){max(length - asked.last, 0), length - 1};
		return asked.last > 0;
	}
	*out = (struct range){asked.first, asked.last < 0 ? length - 1 : min(asked.last, length - 1)};
	return asked.first < length;
}

/* Overlapping, or one right behind the other. */
static bool touches(struct range a, struct range b)
{
	return a.first <= b.last + 1 && b.first <= a.last + 1;
}

/* The ranges of the set do not touch each other, so whatever the sum of some touches, one of them touched: one pass is
 * enough. */
void range_add(struct ranges *set, struct range resolved)
{
	uint32_t at = set->n, kept = 0;
	for (uint32_t i = 0; i < set->n; i++) {
		struct range old = set->v[i];
		if (!touches(old, resolved)) {
			set->v[kept++] = old;
			continue;
		}
		resolved = (struct range){min(resolved.first, old.first), max(resolved.last, old.last)};
		/* Its place stays free for the sum. */
		if (at == set->n)
			at = kept++;
	}
	if (at == set->n)
		at = kept++;
	set->v[at] = resolved;
	set->n = kept;
}

bool range_resolve(const struct ranges *asked, int64_t length, struct ranges *out)
{
	out->n = 0;
	for (uint32_t i = 0; i < asked->n; i++) {
		struct range resolved;
		if (range_resolve_one(asked->v[i], length, &resolved))
			range_add(out, resolved);
	}
	return out->n > 0;
}

/* A position that is to be compared with others: no saturation here. */
static int read_exactly(struct str digits, int64_t *out)
{
	uint64_t n;
	if (str_to_u64(digits, RANGE_POSITION_MAX, &n) < 0)
		return ERR_INVALID;
	*out = (int64_t)n;
	return ERR_OK;
}

int content_range_read(struct str field, struct content_range *out)
{
	static const struct str unit = STR("bytes "); /* one space (14.4) */
	*out = (struct content_range){-1, -1, -1};
	if (!str_starts_nocase(field, unit))
		return ERR_INVALID;
	struct str rest = str_skip(field, unit.n);
	size_t slash = str_index(rest, '/');
	struct str range = str_take(rest, slash), length = str_skip(rest, slash + 1);
	bool is_unsatisfied = str_eq(range, STR("*")), is_unknown = str_eq(length, STR("*"));
	if (slash == rest.n || (is_unsatisfied && is_unknown))
		return ERR_INVALID;
	if (!is_unknown && read_exactly(length, &out->length) < 0)
		return ERR_INVALID;
	if (is_unsatisfied)
		return ERR_OK;

	size_t dash = str_index(range, '-');
	if (read_exactly(str_take(range, dash), &out->first) < 0 ||
	    read_exactly(str_skip(range, dash + 1), &out->last) < 0)
		return ERR_INVALID;
	bool is_within = out->first <= out->last && (is_unknown || out->last < out->length);
	return is_within ? ERR_OK : ERR_INVALID;
}
