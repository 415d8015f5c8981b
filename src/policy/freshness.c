/* The freshness model of RFC 9111 4.2.
 *
 *	birth            arrival                                     now
 *	  |---initial_age---|-------------resident_time---------------|
 *	  |---------------lifetime---------------------|....stale.....|
 *
 * Explicit: s-maxage, max-age, Expires minus Date, in that order (4.2.1). Guessed: a share of the time since
 * Last-Modified (4.2.2).
 *
 * What is malformed: a max-age or s-maxage that is no number is absent, so the next in that order counts. A malformed
 * Expires is a time in the past (5.3). And nothing is guessed where the origin has tried to say it: with nothing else to go
 * by, the response is stale (4.2.1, "encouraged to consider responses that have invalid freshness information [...] to be
 * stale"). */
#include "policy/freshness.h"

#include "base/err.h"
#include "http/date.h"

#define S_MS 1000

static int64_t max64(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int64_t freshness_date_s(const struct headers *h, struct str name, int64_t now_s)
{
	int64_t date;
	if (headers_count(h, name) != 1 || http_date_read(headers_get(h, name), now_s, &date) != ERR_OK || date < 0)
		return -1;
	return date;
}

bool freshness_status_is_heuristic(int status)
{
	switch (status) {
	case 200:
	case 203:
	case 204:
	case 206:
	case 300:
	case 301:
	case 308:
	case 404:
	case 405:
	case 410:
	case 414:
	case 501:
		return true;
	default:
		return false;
	}
}

/* RFC 9111 5.1: of a list, or of several lines, the first member counts; what is no number is ignored. -1: none. */
static int64_t age_value_s(const struct headers *h)
{
	struct str first = headers_get(h, STR("Age"));
	int64_t age;
	first = str_trim(str_take(first, str_index(first, ',')));
	return cc_read_delta_seconds(first, &age) ? age : -1;
}

/* response_time minus request_time; a clock that jumped back gives none. */
static int64_t delay_ms(const struct freshness_in *in)
{
	return max64(0, in->response_ms - in->request_ms);
}

/* corrected_initial_age (4.2.3). Dates know whole seconds only, so apparent_age is taken between whole seconds: otherwise
 * each response would arrive up to a second old. */
static int64_t initial_age_ms(const struct freshness_in *in, int64_t date_s)
{
	int64_t apparent_age = date_s < 0 ? 0 : max64(0, in->response_ms / S_MS - date_s) * S_MS;
	int64_t age_value = max64(0, age_value_s(&in->response->headers)) * S_MS;
	return min64(max64(apparent_age, age_value + delay_ms(in)), CC_FOREVER_S * S_MS);
}

/* Expires minus Date, or minus the time of arrival (4.2.1). What is no date (5.3), or comes twice and differs (4.2.1), is in
 * the past. */
static void use_expires(const struct freshness_in *in, int64_t date_s, struct freshness *f)
{
	const struct headers *h = &in->response->headers;
	int64_t now_s = in->response_ms / S_MS, expires_s;
	struct str first = headers_get(h, STR("Expires"));
	f->source = LIFETIME_EXPIRES;
	f->is_invalid = http_date_read(first, now_s, &expires_s) != ERR_OK;
	for (uint32_t i = 0; i < h->n; i++) {
		if (str_eq_nocase(h->v[i].name, STR("Expires")) && !str_eq(h->v[i].value, first))
			f->is_invalid = true;
	}
	if (f->is_invalid)
		return;
	int64_t lifetime_s = expires_s - (date_s < 0 ? now_s : date_s);
	f->lifetime_ms = min64(max64(0, lifetime_s), CC_FOREVER_S) * S_MS;
}

/* 4.2.2: a share of the time that the page had not changed when it was sent. */
static int64_t heuristic_lifetime_ms(const struct freshness_in *in, int64_t date_s)
{
	int64_t now_s = in->response_ms / S_MS;
	int64_t modified_s = freshness_date_s(&in->response->headers, STR("Last-Modified"), now_s);
	int64_t sent_s = date_s < 0 ? now_s : date_s;
	if (modified_s < 0 || modified_s >= sent_s)
		return 0;
	/* Percent of seconds, to milliseconds: * 1000 / 100. */
	return min64((sent_s - modified_s) * (int64_t)in->cache->heuristic_percent * 10, in->cache->heuristic_max_ms);
}

static struct freshness of_ttl(const struct freshness_in *in, int64_t date_s)
{
	int64_t age_s = age_value_s(&in->response->headers);
	int64_t age_ms = age_s < 0 ? 0 : age_s * S_MS + delay_ms(in);
	return (struct freshness){.lifetime_ms = in->ttl_ms + age_ms,
	    .initial_age_ms = age_ms,
	    .date_s = date_s,
	    .source = LIFETIME_TTL,
	    .is_explicit = true};
}

struct freshness freshness_of(const struct freshness_in *in)
{
	const struct cc_response *cc = in->cc;
	const struct headers *h = &in->response->headers;
	int64_t date_s = freshness_date_s(h, STR("Date"), in->response_ms / S_MS);
	if (in->ttl_ms >= 0)
		return of_ttl(in, date_s);
	struct freshness f = {.initial_age_ms = initial_age_ms(in, date_s),
	    .date_s = date_s,
	    .source = LIFETIME_NONE,
	    .is_explicit = true};
	if (cc->s_maxage_s != CC_ABSENT) {
		f.lifetime_ms = cc->s_maxage_s * S_MS;
		f.source = LIFETIME_S_MAXAGE;
	} else if (cc->max_age_s != CC_ABSENT) {
		f.lifetime_ms = cc->max_age_s * S_MS;
		f.source = LIFETIME_MAX_AGE;
	} else if (cc->targeted.n == 0 && headers_find(h, STR("Expires"))) { /* RFC 9213 2.2 */
		use_expires(in, date_s, &f);
	} else if (cc->has_invalid_age) {
		f.is_invalid = true;
	} else {
		f.is_explicit = false;
		if (freshness_status_is_heuristic(in->response->status) || cc->public)
			f.lifetime_ms = heuristic_lifetime_ms(in, date_s);
		if (f.lifetime_ms > 0)
			f.source = LIFETIME_HEURISTIC;
	}
	return f;
}

int64_t freshness_age_ms(const struct stored *s, int64_t now_ms)
{
	return s->initial_age_ms + max64(0, now_ms - s->response_ms);
}
