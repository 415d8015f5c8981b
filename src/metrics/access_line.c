/* One line of the access log in its three forms. Pure: no clock, no I/O.
 *
 * Whatever a client sends stays within its field and its line: quotes, backslashes, control bytes and bytes above 127
 * are written as \xHH (JSON: \u00HH). Times are UTC, computed here because gmtime takes a lock that all threads share. */
#include "metrics/accesslog.h"

/* The order of enum log_access_format in conf/conf.h, which this folder may not include. */
enum { COMBINED, JSON, KEYVALUE };

struct civil {
	int64_t year;
	unsigned month, day, hour, minute, second, ms;
};

/* Days since 1970 to a date of the Gregorian calendar, by eras of 400 years that begin in March. */
static struct civil civil_of(int64_t wall_ms)
{
	if (wall_ms < 0)
		wall_ms = 0;
	int64_t days = wall_ms / 86400000 + 719468;
	int64_t era = days / 146097, of_era = days % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t march_month = (5 * of_year + 2) / 153;
	struct civil c = {
	    .year = year + era * 400 + (march_month >= 10),
	    .month = (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9),
	    .day = (unsigned)(of_year - (153 * march_month + 2) / 5 + 1),
	    .hour = (unsigned)(wall_ms / 3600000 % 24),
	    .minute = (unsigned)(wall_ms / 60000 % 60),
	    .second = (unsigned)(wall_ms / 1000 % 60),
	    .ms = (unsigned)(wall_ms % 1000),
	};
	return c;
}

static void add_digits(struct buf *out, uint64_t v, unsigned width)
{
	char digits[20];
	for (unsigned i = width; i-- > 0; v /= 10)
		digits[i] = (char)('0' + v % 10);
	buf_add(out, str_make(digits, width));
}

/* 2026-01-31T10:15:00.123Z (RFC 3339) */
static void add_time(struct buf *out, int64_t wall_ms)
{
	struct civil c = civil_of(wall_ms);
	add_digits(out, (uint64_t)c.year, 4);
	buf_addc(out, '-');
	add_digits(out, c.month, 2);
	buf_addc(out, '-');
	add_digits(out, c.day, 2);
	buf_addc(out, 'T');
	add_digits(out, c.hour, 2);
	buf_addc(out, ':');
	add_digits(out, c.minute, 2);
	buf_addc(out, ':');
	add_digits(out, c.second, 2);
	buf_addc(out, '.');
	add_digits(out, c.ms, 3);
	buf_addc(out, 'Z');
}

/* [31/Jan/2026:10:15:00 +0000] */
static void add_common_time(struct buf *out, int64_t wall_ms)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = civil_of(wall_ms);
	buf_addc(out, '[');
	add_digits(out, c.day, 2);
	buf_addc(out, '/');
	buf_add(out, str_make(&months[3 * (c.month - 1)], 3));
	buf_addc(out, '/');
	add_digits(out, (uint64_t)c.year, 4);
	buf_addc(out, ':');
	add_digits(out, c.hour, 2);
	buf_addc(out, ':');
	add_digits(out, c.minute, 2);
	buf_addc(out, ':');
	add_digits(out, c.second, 2);
	buf_add(out, STR(" +0000]"));
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Runs of plain bytes are added at once: nearly every field is one. */
static void add_escaped(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	while (s.n) {
		size_t n = 0;
		while (n < s.n && is_plain((unsigned char)s.p[n]))
			n++;
		buf_add(out, str_take(s, n));
		s = str_skip(s, n);
		if (!s.n)
			break;
		unsigned char c = (unsigned char)s.p[0];
		char escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
		buf_add(out, str_make(escaped, sizeof(escaped)));
		s = str_skip(s, 1);
	}
}

static void add_quoted(struct buf *out, struct str s)
{
	buf_addc(out, '"');
	if (s.n)
		add_escaped(out, s);
	else
		buf_addc(out, '-');
	buf_addc(out, '"');
}

/* A value of key=value: bare while it has nothing that ends it, "-" when there is none. */
static void add_value(struct buf *out, struct str s)
{
	bool bare = s.n > 0 && !(s.n == 1 && s.p[0] == '-');
	for (size_t i = 0; i < s.n && bare; i++)
		bare = is_plain((unsigned char)s.p[i]) && s.p[i] != ' ' && s.p[i] != '=';
	if (bare) {
		buf_add(out, s);
	} else if (!s.n) {
		buf_addc(out, '-');
	} else {
		buf_addc(out, '"');
		add_escaped(out, s);
		buf_addc(out, '"');
	}
}

static void add_pair(struct buf *out, const char *name, struct str s)
{
	buf_addc(out, ' ');
	buf_add(out, str_of(name));
	buf_addc(out, '=');
	add_value(out, s);
}

static void add_pair_number(struct buf *out, const char *name, int64_t v)
{
	buf_addc(out, ' ');
	buf_add(out, str_of(name));
	buf_addc(out, '=');
	if (v < 0)
		buf_addc(out, '-');
	else
		buf_add_u64(out, (uint64_t)v);
}

/* What a cache knows of a request, in combined and in key=value. */
static void add_cache_pairs(struct buf *out, const struct access_line *l)
{
	add_pair(out, "verdict", str_of(l->verdict));
	add_pair(out, "reason", str_of(l->reason));
	add_pair(out, "rule", l->rule);
	add_pair(out, "tier", l->tier);
	add_pair(out, "route", l->route);
	add_pair(out, "upstream", l->upstream);
	add_pair_number(out, "age", l->age_s);
	add_pair_number(out, "total_us", l->total_us);
	add_pair_number(out, "upstream_us", l->upstream_us);
	add_pair(out, "id", l->request_id);
}

static void format_combined(const struct access_line *l, struct buf *out)
{
	add_value(out, l->client);
	buf_add(out, STR(" - - "));
	add_common_time(out, l->wall_ms);
	buf_add(out, STR(" \""));
	add_escaped(out, l->method);
	buf_addc(out, ' ');
	add_escaped(out, l->target);
	buf_add(out, l->minor ? STR(" HTTP/1.1\" ") : STR(" HTTP/1.0\" "));
	add_digits(out, (uint64_t)(l->status > 0 ? l->status : 0), 3);
	buf_addc(out, ' ');
	buf_add_u64(out, l->bytes);
	buf_addc(out, ' ');
	add_quoted(out, l->referer);
	buf_addc(out, ' ');
	add_quoted(out, l->user_agent);
	add_pair(out, "host", l->host);
	add_cache_pairs(out, l);
}

static void format_keyvalue(const struct access_line *l, struct buf *out)
{
	buf_add(out, STR("time="));
	add_time(out, l->wall_ms);
	add_pair(out, "client", l->client);
	add_pair(out, "method", l->method);
	add_pair(out, "host", l->host);
	add_pair(out, "target", l->target);
	add_pair(out, "protocol", l->minor ? STR("HTTP/1.1") : STR("HTTP/1.0"));
	add_pair_number(out, "status", l->status);
	buf_add(out, STR(" bytes="));
	buf_add_u64(out, l->bytes);
	add_cache_pairs(out, l);
	add_pair(out, "referer", l->referer);
	add_pair(out, "user_agent", l->user_agent);
}

static void add_member(struct buf *out, const char *name, struct str s)
{
	buf_addc(out, ',');
	buf_addc(out, '"');
	buf_add(out, str_of(name));
	if (!s.n) {
		buf_add(out, STR("\":null"));
		return;
	}
	buf_add(out, STR("\":\""));
	buf_add_json(out, s);
	buf_addc(out, '"');
}

static void add_member_number(struct buf *out, const char *name, int64_t v)
{
	buf_add(out, STR(",\""));
	buf_add(out, str_of(name));
	buf_add(out, STR("\":"));
	if (v < 0)
		buf_add(out, STR("null"));
	else
		buf_add_u64(out, (uint64_t)v);
}

static void format_json(const struct access_line *l, struct buf *out)
{
	buf_add(out, STR("{\"time\":\""));
	add_time(out, l->wall_ms);
	buf_addc(out, '"');
	add_member(out, "client", l->client);
	add_member(out, "method", l->method);
	add_member(out, "host", l->host);
	add_member(out, "target", l->target);
	add_member(out, "protocol", l->minor ? STR("HTTP/1.1") : STR("HTTP/1.0"));
	add_member_number(out, "status", l->status);
	buf_add(out, STR(",\"bytes\":"));
	buf_add_u64(out, l->bytes);
	add_member(out, "verdict", str_of(l->verdict));
	add_member(out, "reason", str_of(l->reason));
	add_member(out, "rule", l->rule);
	add_member(out, "tier", l->tier);
	add_member(out, "route", l->route);
	add_member(out, "upstream", l->upstream);
	add_member_number(out, "age", l->age_s);
	add_member_number(out, "total_us", l->total_us);
	add_member_number(out, "upstream_us", l->upstream_us);
	add_member(out, "id", l->request_id);
	add_member(out, "referer", l->referer);
	add_member(out, "user_agent", l->user_agent);
	buf_addc(out, '}');
}

void access_line_format(const struct access_line *line, int format, struct buf *out)
{
	switch (format) {
	case JSON:
		format_json(line, out);
		break;
	case KEYVALUE:
		format_keyvalue(line, out);
		break;
	default:
		format_combined(line, out);
		break;
	}
	buf_addc(out, '\n');
}
