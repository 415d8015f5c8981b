/* HTTP dates (RFC 9110 5.6.7), read and written by hand: strptime and strftime depend on the locale, accept more than
 * the grammar, and mktime depends on the zone. Days are counted in the proleptic Gregorian calendar. */
#include "http/date.h"

#include "base/mem.h"

#include <assert.h>

#define DAY_S 86400

struct civil {
	int64_t year;
	unsigned month, day;	       /* from 1 */
	unsigned hour, minute, second; /* second up to 60: leap seconds are in the grammar */
};

static const char *const month_names[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const day_names[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* Days since 1970-01-01. Years begin in March here, so that the leap day is the last; 400 years have 146097 days. */
static int64_t days_of_civil(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = (year >= 0 ? year : year - 399) / 400;
	unsigned year_of_era = (unsigned)(year - era * 400);
	unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void civil_of_days(int64_t days, struct civil *out)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned day_of_era = (unsigned)(days - era * 146097);
	unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned month = (5 * day_of_year + 2) / 153;
	out->day = day_of_year - (153 * month + 2) / 5 + 1;
	out->month = month < 10 ? month + 3 : month - 9;
	out->year = year_of_era + era * 400 + (out->month <= 2);
}

/* Splits seconds into whole days (rounded down, also before 1970) and the rest. */
static int64_t split_days(int64_t s, unsigned *second_of_day)
{
	int64_t days = s / DAY_S, rest = s % DAY_S;
	if (rest < 0) {
		rest += DAY_S;
		days--;
	}
	*second_of_day = (unsigned)rest;
	return days;
}

static int64_t seconds_of(const struct civil *c)
{
	return days_of_civil(c->year, c->month, c->day) * DAY_S + c->hour * 3600 + c->minute * 60 + c->second;
}

static bool civil_is_valid(const struct civil *c)
{
	static const unsigned char lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (c->day < 1 || c->day > lengths[c->month - 1])
		return false;
	bool leap = c->year % 4 == 0 && (c->year % 100 != 0 || c->year % 400 == 0);
	if (c->month == 2 && c->day == 29 && !leap)
		return false;
	return c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

/* The takers below eat a part of *s. Each returns false when the part is not there. */

static bool take_text(struct str *s, struct str text)
{
	if (!str_starts_nocase(*s, text))
		return false;
	*s = str_skip(*s, text.n);
	return true;
}

static bool take_number(struct str *s, size_t digits, unsigned *out)
{
	unsigned v = 0;
	if (s->n < digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*out = v;
	*s = str_skip(*s, digits);
	return true;
}

/* Most names are told apart by their first letter. */
static bool begins_like(struct str s, const char *name)
{
	return s.n > 0 && (s.p[0] | 0x20) == (name[0] | 0x20);
}

static bool take_month(struct str *s, unsigned *month)
{
	for (unsigned i = 0; i < COUNT_OF(month_names); i++) {
		if (begins_like(*s, month_names[i]) && take_text(s, str_make(month_names[i], 3))) {
			*month = i + 1;
			return true;
		}
	}
	return false;
}

/* The name of a day, whole or its first three letters. That it fits the date is not asked: origins err in it, and
 * nothing hangs on it. */
static bool take_day_name(struct str *s, bool whole)
{
	for (size_t i = 0; i < COUNT_OF(day_names); i++) {
		if (!begins_like(*s, day_names[i]))
			continue;
		struct str name = str_of(day_names[i]);
		if (take_text(s, whole ? name : str_take(name, 3)))
			return true;
	}
	return false;
}

static bool take_time(struct str *s, struct civil *c)
{
	return take_number(s, 2, &c->hour) && take_text(s, STR(":")) && take_number(s, 2, &c->minute) &&
	       take_text(s, STR(":")) && take_number(s, 2, &c->second);
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool read_imf(struct str s, struct civil *c)
{
	unsigned year;
	if (!take_day_name(&s, false) || !take_text(&s, STR(", ")) || !take_number(&s, 2, &c->day) ||
	    !take_text(&s, STR(" ")) || !take_month(&s, &c->month) || !take_text(&s, STR(" ")) ||
	    !take_number(&s, 4, &year) || !take_text(&s, STR(" ")) || !take_time(&s, c))
		return false;
	c->year = year;
	return take_text(&s, STR(" GMT")) && s.n == 0;
}

/* "Sun Nov  6 08:49:37 1994" */
static bool read_asctime(struct str s, struct civil *c)
{
	unsigned year;
	if (!take_day_name(&s, false) || !take_text(&s, STR(" ")) || !take_month(&s, &c->month) ||
	    !take_text(&s, STR(" ")))
		return false;
	size_t day_digits = take_text(&s, STR(" ")) ? 1 : 2;
	if (!take_number(&s, day_digits, &c->day) || !take_text(&s, STR(" ")) || !take_time(&s, c) ||
	    !take_text(&s, STR(" ")) || !take_number(&s, 4, &year))
		return false;
	c->year = year;
	return s.n == 0;
}

/* The year that two digits mean: not more than 50 years ahead, else "the most recent year in the past that had the same
 * last two digits" (RFC 9110 5.6.7). */
static int64_t year_of_two_digits(unsigned digits, const struct civil *date, int64_t now_s)
{
	struct civil horizon = {.hour = 0};
	unsigned second_of_day;
	civil_of_days(split_days(now_s, &second_of_day), &horizon);
	horizon.year += 50;
	horizon.second = second_of_day;

	/* The last year up to the horizon's that ends in these digits; the date in it may still lie behind it. */
	int64_t back = (horizon.year - digits) % 100;
	struct civil candidate = *date;
	candidate.year = horizon.year - (back >= 0 ? back : back + 100);
	return seconds_of(&candidate) > seconds_of(&horizon) ? candidate.year - 100 : candidate.year;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" */
static bool read_rfc850(struct str s, int64_t now_s, struct civil *c)
{
	unsigned year;
	if (!take_day_name(&s, true) || !take_text(&s, STR(", ")) || !take_number(&s, 2, &c->day) ||
	    !take_text(&s, STR("-")) || !take_month(&s, &c->month) || !take_text(&s, STR("-")) ||
	    !take_number(&s, 2, &year) || !take_text(&s, STR(" ")) || !take_time(&s, c))
		return false;
	c->year = year_of_two_digits(year, c, now_s);
	return take_text(&s, STR(" GMT")) && s.n == 0;
}

int http_date_read(struct str s, int64_t now_s, int64_t *out)
{
	struct civil c = {.year = 0};
	if (!read_imf(s, &c) && !read_rfc850(s, now_s, &c) && !read_asctime(s, &c))
		return ERR_INVALID;
	if (!civil_is_valid(&c))
		return ERR_INVALID;
	*out = seconds_of(&c);
	return ERR_OK;
}

/* ---- dates of cookies (RFC 6265 5.1.1) ---- */

/* Each part is the first token that looks like it, whatever stands behind it in the token. */
struct cookie_date {
	struct civil civil;
	bool has_time, has_day, has_month, has_year;
};

static bool is_cookie_delimiter(char c)
{
	return c == '\t' || (c >= ' ' && c <= '/') || (c >= ';' && c <= '@') || (c >= '[' && c <= '`') ||
	       (c >= '{' && c <= '~');
}

/* So many digits, and no digit behind them. */
static bool take_digits(struct str *s, size_t least, size_t most, unsigned *out)
{
	size_t n = 0;
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	return n >= least && n <= most && take_number(s, n, out);
}

static bool take_cookie_time(struct str s, struct civil *c)
{
	return take_digits(&s, 1, 2, &c->hour) && take_text(&s, STR(":")) && take_digits(&s, 1, 2, &c->minute) &&
	       take_text(&s, STR(":")) && take_digits(&s, 1, 2, &c->second);
}

static bool take_cookie_month(struct str s, unsigned *month)
{
	for (unsigned i = 0; i < COUNT_OF(month_names); i++) {
		if (str_starts_nocase(s, str_make(month_names[i], 3))) {
			*month = i + 1;
			return true;
		}
	}
	return false;
}

static void take_cookie_token(struct cookie_date *d, struct str token)
{
	struct str s = token;
	struct civil *c = &d->civil, time;
	unsigned year;
	if (!d->has_time && take_cookie_time(token, &time)) {
		c->hour = time.hour;
		c->minute = time.minute;
		c->second = time.second;
		d->has_time = true;
	} else if (!d->has_day && take_digits(&s, 1, 2, &c->day)) {
		d->has_day = true;
	} else if (!d->has_month && take_cookie_month(token, &c->month)) {
		d->has_month = true;
	} else if (!d->has_year && take_digits(&s, 2, 4, &year)) {
		c->year = year + (year >= 70 && year <= 99 ? 1900 : year <= 69 ? 2000 : 0);
		d->has_year = true;
	}
}

int http_cookie_date_read(struct str s, int64_t *out)
{
	struct cookie_date d = {0};
	for (size_t i = 0, n; i < s.n; i += n + 1) {
		n = 0;
		while (i + n < s.n && !is_cookie_delimiter(s.p[i + n]))
			n++;
		take_cookie_token(&d, str_make(s.p + i, n));
	}
	if (!d.has_time || !d.has_day || !d.has_month || !d.has_year || d.civil.year < 1601 || d.civil.second > 59 ||
	    !civil_is_valid(&d.civil))
		return ERR_INVALID;
	*out = seconds_of(&d.civil);
	return ERR_OK;
}

/* ---- writing ---- */

static char *put_number(char *p, size_t digits, unsigned v)
{
	for (size_t i = digits; i-- > 0; v /= 10)
		p[i] = (char)('0' + v % 10);
	return p + digits;
}

static char *put_text(char *p, const char *text, size_t n)
{
	memcpy(p, text, n);
	return p + n;
}

/* The forms have four digits for the year. */
static int64_t bounded(int64_t s)
{
	static const int64_t first = -62167219200, last = 253402300799;
	return s < first ? first : s > last ? last : s;
}

static char *put_time(char *p, unsigned second_of_day)
{
	p = put_number(p, 2, second_of_day / 3600);
	*p++ = ':';
	p = put_number(p, 2, second_of_day / 60 % 60);
	*p++ = ':';
	return put_number(p, 2, second_of_day % 60);
}

struct str http_date_write(int64_t s, char out[HTTP_DATE_SIZE])
{
	unsigned second_of_day;
	int64_t days = split_days(bounded(s), &second_of_day);
	struct civil c;
	civil_of_days(days, &c);
	int64_t week_day = ((days + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */

	char *p = put_text(out, day_names[week_day], 3);
	p = put_text(p, ", ", 2);
	p = put_number(p, 2, c.day);
	*p++ = ' ';
	p = put_text(p, month_names[c.month - 1], 3);
	*p++ = ' ';
	p = put_number(p, 4, (unsigned)c.year);
	*p++ = ' ';
	p = put_time(p, second_of_day);
	p = put_text(p, " GMT", 5);
	assert(p == out + HTTP_DATE_SIZE);
	return str_make(out, HTTP_DATE_SIZE - 1);
}

struct str rfc3339_write(int64_t s, char out[RFC3339_SIZE])
{
	unsigned second_of_day;
	int64_t days = split_days(bounded(s), &second_of_day);
	struct civil c;
	civil_of_days(days, &c);

	char *p = put_number(out, 4, (unsigned)c.year);
	*p++ = '-';
	p = put_number(p, 2, c.month);
	*p++ = '-';
	p = put_number(p, 2, c.day);
	*p++ = 'T';
	p = put_time(p, second_of_day);
	p = put_text(p, "Z", 2);
	assert(p == out + RFC3339_SIZE);
	return str_make(out, RFC3339_SIZE - 1);
}
