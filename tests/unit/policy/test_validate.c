#include "fields.h"

#include "base/mem.h"
#include "policy/storable.h"
#include "policy/validate.h"
#include "policy/vary.h"

static struct arena arena;

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

#define EARLIER "Sun, 06 Nov 1994 08:49:36 GMT"
#define LATER	"Sun, 06 Nov 1994 08:49:38 GMT"

/* A response of that status as it would be stored at NOW. */
static struct stored stored_of(int status, const struct headers *h)
{
	struct conf_cache cache = cache_of_tests();
	struct route route = route_of_tests();
	struct http_request request = request_of("", &arena);
	struct http_response response = {.status = status, .minor = 1, .headers = *h};
	struct storable_in in = {
	    .cache = &cache,
	    .route = &route,
	    .request = &request,
	    .response = &response,
	    .request_ms = NOW_MS,
	    .response_ms = NOW_MS,
	};
	struct storable_out out;
	policy_storable(&in, &arena, &out);
	ck_assert_msg(out.store, "%s", reason_code(out.reason));
	return out.stored;
}

#define FRESH "Cache-Control: max-age=60\n"

START_TEST(conditions_of_clients)
{
	static const struct {
		const char *what;
		enum http_method method;
		int status;
		const char *stored, *request;
		bool not_modified;
	} rows[] = {
	    {"no condition", METHOD_GET, 200, "ETag: \"a\"", "", false},
	    {"RFC 9111 4.3.2-1: the tag", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"a\"", true},
	    {"for HEAD too (13.2.2)", METHOD_HEAD, 200, "ETag: \"a\"", "If-None-Match: \"a\"", true},
	    {"RFC 9111 4.3.2-1: another tag", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"b\"", false},
	    {"tags have a case", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"A\"", false},
	    {"weak and weak (8.8.3.2)", METHOD_GET, 200, "ETag: W/\"a\"", "If-None-Match: W/\"a\"", true},
	    {"weak and strong (8.8.3.2)", METHOD_GET, 200, "ETag: W/\"a\"", "If-None-Match: \"a\"", true},
	    {"strong and weak (8.8.3.2)", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: W/\"a\"", true},
	    {"w/ in lower case is no mark (8.8.3)", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: w/\"a\"", false},
	    {"first of several", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"a\", \"b\", \"c\"", true},
	    {"middle of several", METHOD_GET, 200, "ETag: \"b\"", "If-None-Match: \"a\",W/\"b\" , \"c\"", true},
	    {"last of several", METHOD_GET, 200, "ETag: \"c\"", "If-None-Match: \"a\", \"b\", \"c\"", true},
	    {"on another line (5.3)", METHOD_GET, 200, "ETag: \"c\"", "If-None-Match: \"a\"\nIf-None-Match: \"c\"",
		true},
	    {"empty members (5.6.1.2)", METHOD_GET, 200, "ETag: \"c\"", "If-None-Match: ,, \"c\"", true},
	    {"a comma in a tag (8.8.3)", METHOD_GET, 200, "ETag: \"a,b\"", "If-None-Match: \"x\", \"a,b\"", true},
	    {"a tag that only holds it", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"x,\"a\",y\"", false},
	    {"a backslash escapes nothing (8.8.3)", METHOD_GET, 200, "ETag: \"b\"", "If-None-Match: \"a\\\", \"b\"",
		true},
	    {"the empty tag (8.8.3)", METHOD_GET, 200, "ETag: \"\"", "If-None-Match: \"\"", true},
	    {"bytes above 127 (8.8.3)", METHOD_GET, 200, "ETag: \"\xc3\xbc\"", "If-None-Match: \"\xc3\xbc\"", true},
	    {"without its quotes it is another", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: a", false},
	    {"a tag without quotes equals itself", METHOD_GET, 200, "ETag: a", "If-None-Match: b, a", true},
	    {"a quote that does not end", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"a", false},
	    {"rubbish behind the quotes", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: \"a\"x", false},
	    {"no tag stored", METHOD_GET, 200, "X: 1", "If-None-Match: \"a\"", false},
	    {"no tag stored, an empty field", METHOD_GET, 200, "X: 1", "If-None-Match:", false},
	    {"* (13.1.2)", METHOD_GET, 200, "X: 1", "If-None-Match: *", true},
	    {"* in a list is invalid (13.1.2)", METHOD_GET, 200, "ETag: \"a\"", "If-None-Match: *, \"b\"", false},
	    {"* on several lines is invalid (13.1.2)", METHOD_GET, 200, "ETag: \"a\"",
		"If-None-Match: *\nIf-None-Match: *", false},
	    {"not for other statuses (13.2.1)", METHOD_GET, 404, "ETag: \"a\"", "If-None-Match: \"a\"", false},
	    {"not for other methods (13.1.2)", METHOD_POST, 200, "ETag: \"a\"", "If-None-Match: \"a\"", false},
	    {"RFC 9111 4.3.2-1: the date", METHOD_GET, 200, "Last-Modified: " NOW_TEXT, "If-Modified-Since: " NOW_TEXT,
		true},
	    {"a later date (13.1.3)", METHOD_GET, 200, "Last-Modified: " NOW_TEXT, "If-Modified-Since: " LATER, true},
	    {"RFC 9111 4.3.2-1: an earlier date", METHOD_GET, 200, "Last-Modified: " NOW_TEXT,
		"If-Modified-Since: " EARLIER, false},
	    {"rfc850 form (5.6.7)", METHOD_GET, 200, "Last-Modified: " NOW_TEXT,
		"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", true},
	    {"no date is no condition (13.1.3)", METHOD_GET, 200, "Last-Modified: " NOW_TEXT, "If-Modified-Since: now",
		false},
	    {"two dates are no condition (13.1.3)", METHOD_GET, 200, "Last-Modified: " NOW_TEXT,
		"If-Modified-Since: " LATER "\nIf-Modified-Since: " LATER, false},
	    {"RFC 9111 4.3.2-3: no Last-Modified: its Date", METHOD_GET, 200, "Date: " EARLIER,
		"If-Modified-Since: " EARLIER, true},
	    {"RFC 9111 4.3.2-3: no Last-Modified: after its Date", METHOD_GET, 200, "Date: " NOW_TEXT,
		"If-Modified-Since: " EARLIER, false},
	    {"RFC 9111 4.3.2-3: neither: its arrival", METHOD_GET, 200, "X: 1", "If-Modified-Since: " NOW_TEXT, true},
	    {"RFC 9111 4.3.2-3: neither: before its arrival", METHOD_GET, 200, "X: 1", "If-Modified-Since: " EARLIER,
		false},
	    {"If-None-Match alone counts (13.1.3): no", METHOD_GET, 200, "ETag: \"a\"\nLast-Modified: " EARLIER,
		"If-None-Match: \"b\"\nIf-Modified-Since: " LATER, false},
	    {"If-None-Match alone counts (13.1.3): yes", METHOD_GET, 200, "ETag: \"a\"\nLast-Modified: " NOW_TEXT,
		"If-None-Match: \"a\"\nIf-Modified-Since: " EARLIER, true},
	    {"the date is not for other statuses (13.2.1)", METHOD_GET, 301, "Last-Modified: " NOW_TEXT,
		"If-Modified-Since: " NOW_TEXT, false},
	    {"RFC 9111 4.3.2-2: If-Match is not a cache's", METHOD_GET, 200, "ETag: \"a\"", "If-Match: \"a\"", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(arena_printf(&arena, FRESH "%s", rows[i].stored).p, &arena);
		struct stored s = stored_of(rows[i].status, &h);
		struct http_request request = request_of(rows[i].request, &arena);
		request.method = rows[i].method;
		ck_assert_msg(policy_not_modified(&request, &s, &h, NOW_S) == rows[i].not_modified, "%s", rows[i].what);
	}
}
END_TEST

/* A page with holes is another one for each visitor: only the tag of what was filled in tells. */
static const struct holes no_places;

START_TEST(conditions_of_clients_about_a_page_with_holes)
{
	static const struct {
		const char *what, *request;
		bool not_modified;
	} rows[] = {
	    {"the tag of what was filled in", "If-None-Match: W/\"a-1\"", true},
	    {"the tag of what others have", "If-None-Match: W/\"a-2\"", false},
	    {"the origin's own tag", "If-None-Match: \"a\"", false},
	    {"its date", "If-Modified-Since: " NOW_TEXT, false},
	    {"a later date", "If-Modified-Since: " LATER, false},
	    {"no condition", "", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(FRESH "ETag: \"a\"\nLast-Modified: " NOW_TEXT, &arena);
		struct stored s = stored_of(200, &h);
		struct http_request request = request_of(rows[i].request, &arena);
		s.holes = &no_places;
		s.etag = STR("W/\"a-1\"");
		ck_assert_msg(policy_not_modified(&request, &s, &h, NOW_S) == rows[i].not_modified, "%s", rows[i].what);
	}
}
END_TEST

/* RFC 9110 15.4.5 */
START_TEST(fields_of_a_304)
{
	struct headers h =
	    fields_of("Content-Type: text/html\nContent-Length: 5\nDate: " NOW_TEXT
		      "\nETag: \"a\"\nVary: Foo\nCache-Control: max-age=60\nExpires: 0\nContent-Location: /x"
		      "\nContent-Encoding: gzip\ncontent-language: de\nContent-Range: bytes 0-1/2\nX: 1"
		      "\nLast-Modified: " NOW_TEXT,
		&arena);
	policy_304_headers(&h);
	ck_assert_str_eq(text_of(&h, &arena),
	    "Date: " NOW_TEXT "\nETag: \"a\"\nVary: Foo\nCache-Control: max-age=60\nExpires: 0\nContent-Location: /x\n"
	    "X: 1\nLast-Modified: " NOW_TEXT "\n");
}
END_TEST

START_TEST(conditions_towards_the_origin)
{
	static const struct {
		const char *what;
		int status;
		const char *stored, *request, *sent;
	} rows[] = {
	    {"RFC 9111 4.3.1-1: the tag", 200, "ETag: \"a\"", "Host: h", "Host: h\nIf-None-Match: \"a\"\n"},
	    {"RFC 9111 4.3.1-1: a weak tag", 200, "ETag: W/\"a\"", "", "If-None-Match: W/\"a\"\n"},
	    {"RFC 9111 4.3.1-2: the date as it came", 200, "Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT", "",
		"If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\n"},
	    {"RFC 9111 4.3.1-1, 4.3.1-2: both", 200, "Last-Modified: " EARLIER "\nETag: \"a\"", "",
		"If-None-Match: \"a\"\nIf-Modified-Since: " EARLIER "\n"},
	    {"in place of the client's (4.3.2)", 200, "ETag: \"a\"",
		"If-None-Match: \"x\"\nIf-None-Match: \"y\"\nif-modified-since: " EARLIER
		"\nRange: bytes=0-1\nIf-Range: \"a\"\nIf-Match: \"z\"\nIf-Unmodified-Since: " LATER "\nAccept: */*",
		"Accept: */*\nIf-None-Match: \"a\"\n"},
	    {"a date that is none is not sent", 200, "Last-Modified: now", "", ""},
	    {"no validator", 200, "X: 1", "If-None-Match: \"x\"", ""},
	    {"nor a choice of many (9110 15.4.5)", 300, "ETag: \"a\"", "", ""},
	    {"a 304 cannot confirm a redirect (9110 15.4.5)", 301, "ETag: \"a\"\nLast-Modified: " EARLIER, "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(arena_printf(&arena, FRESH "%s", rows[i].stored).p, &arena);
		struct stored s = stored_of(rows[i].status, &h);
		struct headers request = fields_of(rows[i].request, &arena);
		policy_fetch_conditions(&request, &arena, &s, &h);
		ck_assert_msg(strcmp(text_of(&request, &arena), rows[i].sent) == 0, "%s:\n%s", rows[i].what,
		    text_of(&request, &arena));
	}
	struct headers request = fields_of("If-None-Match: \"x\"\nRange: bytes=0-1\nHost: h", &arena);
	policy_fetch_conditions(&request, &arena, NULL, NULL);
	ck_assert_str_eq(text_of(&request, &arena), "Host: h\n");
}
END_TEST

START_TEST(a_page_with_holes_is_not_validated)
{
	struct headers h = fields_of(FRESH "ETag: \"a\"\nLast-Modified: " EARLIER, &arena);
	struct headers request = fields_of("If-None-Match: \"x\"\nHost: h", &arena);
	struct stored s = stored_of(200, &h);
	ck_assert(policy_may_offer(&s, &request) && policy_304_names(&s, &h) && policy_304_selects(&s, &h, true));
	s.holes = &no_places;
	policy_fetch_conditions(&request, &arena, &s, &h);
	ck_assert_str_eq(text_of(&request, &arena), "Host: h\n");
	ck_assert_msg(!policy_may_offer(&s, &request), "its tag is offered");
	ck_assert_msg(!policy_304_names(&s, &h), "a 304 names it");
	ck_assert_msg(!policy_304_selects(&s, &h, true), "a 304 selects it");
	ck_assert_msg(!policy_304_selects(&s, &request, true), "a 304 without validators selects it");
	ck_assert_msg(policy_head(&s, &h, 5, &h) == HEAD_TELLS_NOTHING, "a HEAD tells of it");
	s.status = 404;
	ck_assert_msg(policy_head(&s, &h, 5, &h) == HEAD_TELLS_NOTHING, "a HEAD tells of it, whatever the status");
}
END_TEST

START_TEST(which_response_a_304_is_about)
{
	static const struct {
		const char *what, *stored, *fresh;
		bool selects, others;
	} rows[] = {
	    {"RFC 9111 4.3.4-1: the same strong tag", "ETag: \"a\"", "ETag: \"a\"", true, false},
	    {"RFC 9111 4.3.4-1: another strong tag", "ETag: \"a\"", "ETag: \"b\"", false, false},
	    {"RFC 9111 4.3.4-1: a strong tag for a weak one", "ETag: W/\"a\"", "ETag: \"a\"", false, false},
	    {"a weak tag for a strong one (4.3.4)", "ETag: \"a\"", "ETag: W/\"a\"", true, false},
	    {"another weak tag (4.3.4)", "ETag: W/\"a\"", "ETag: W/\"b\"", false, false},
	    {"RFC 9111 4.3.4-1: a tag where none was stored", "Last-Modified: " EARLIER, "ETag: \"a\"", false, false},
	    {"the tag decides before the date", "ETag: \"a\"\nLast-Modified: " EARLIER,
		"ETag: \"a\"\nLast-Modified: " NOW_TEXT, true, false},
	    {"the same date (4.3.4)", "Last-Modified: " EARLIER, "Last-Modified: " EARLIER, true, false},
	    {"another date (4.3.4)", "Last-Modified: " EARLIER, "Last-Modified: " NOW_TEXT, false, false},
	    {"no validator: it answers the one we sent", "ETag: \"a\"", "X: 1", true, false},
	    {"RFC 9111 4.3.4: no validator, when other tags were sent too", "ETag: \"a\"", "X: 1", false, true},
	    {"RFC 9111 4.3.4: the date alone, when other tags were sent too", "Last-Modified: " EARLIER,
		"Last-Modified: " EARLIER, false, true},
	    {"RFC 9111 4.3.4: the tag, when other tags were sent too", "ETag: \"a\"", "ETag: \"a\"", true, true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(arena_printf(&arena, FRESH "%s", rows[i].stored).p, &arena);
		struct stored s = stored_of(200, &h);
		struct headers fresh = fields_of(rows[i].fresh, &arena);
		ck_assert_msg(policy_304_selects(&s, &fresh, !rows[i].others) == rows[i].selects, "%s", rows[i].what);
	}
}
END_TEST

/* What is stored for "Vary: <vary>" and that request. */
static struct stored variant_of(const char *response, const char *request_fields)
{
	struct route route = route_of_tests();
	struct headers h = fields_of(arena_printf(&arena, FRESH "%s", response).p, &arena);
	struct http_request request = request_of(request_fields, &arena);
	struct stored s = stored_of(200, &h);
	ck_assert_int_eq(vary_nominate(&route, &request, &h, &arena, &s.vary), REASON_NONE);
	return s;
}

START_TEST(tags_of_other_variants)
{
	static const struct {
		const char *what, *response, *first, *second;
		bool offered;
	} rows[] = {
	    {"RFC 9111 4.3.1-1: the tag of a variant that cannot be chosen", "ETag: \"a\"\nVary: Foo", "Foo: 1",
		"Foo: 2", true},
	    {"no tag", "Vary: Foo", "Foo: 1", "Foo: 2", false},
	    {"RFC 9110 8.8.1: a weak tag may be of several representations", "ETag: W/\"a\"\nVary: Foo", "Foo: 1",
		"Foo: 2", false},
	    {"RFC 9110 8.8.3: what is no tag", "ETag: a\nVary: Foo", "Foo: 1", "Foo: 2", false},
	    {"another language", "ETag: \"a\"\nVary: Accept-Language", "Accept-Language: de", "Accept-Language: en",
		true},
	    {"other codings", "ETag: \"a\"\nVary: Accept-Encoding", "Accept-Encoding: gzip", "", false},
	    {"equal codings beside another field", "ETag: \"a\"\nVary: Accept-Encoding, Foo",
		"Accept-Encoding: gzip\nFoo: 1", "Accept-Encoding: gzip\nFoo: 2", true},
	    {"another visitor", "ETag: \"a\"\nVary: Cookie", "Cookie: a=1", "Cookie: a=2", false},
	    {"another visitor by name", "ETag: \"a\"\nCache-Control: public\nVary: Authorization", "Authorization: a",
		"Authorization: b", false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stored s = variant_of(rows[i].response, rows[i].first);
		struct headers request = fields_of(rows[i].second, &arena);
		ck_assert_msg(policy_may_offer(&s, &request) == rows[i].offered, "%s", rows[i].what);
		s.status = 206; /* RFC 9111 4.3.2-4: a 304 for a part would confirm what cannot be sent */
		ck_assert_msg(!policy_may_offer(&s, &request), "%s: of a part", rows[i].what);
	}
}
END_TEST

START_TEST(tags_are_offered_within_bounds)
{
	struct stored a = variant_of("ETag: \"a\"", ""), b = variant_of("ETag: \"b\"", "");
	struct headers request = fields_of("Host: h", &arena);
	ck_assert(policy_offer(&request, &arena, &a));
	ck_assert(policy_offer(&request, &arena, &b));
	ck_assert(policy_offer(&request, &arena, &a)); /* once is enough */
	ck_assert_str_eq(text_of(&request, &arena), "Host: h\nIf-None-Match: \"a\", \"b\"\n");
	unsigned n = 0;
	for (; n < 1000; n++) {
		struct stored s = variant_of(arena_printf(&arena, "ETag: \"%040u\"", n).p, "");
		if (!policy_offer(&request, &arena, &s))
			break;
	}
	ck_assert_uint_gt(n, 30);
	ck_assert_uint_le(headers_get(&request, STR("If-None-Match")).n, POLICY_OFFER_BYTES + 2);
	ck_assert(policy_offer(&request, &arena, &b)); /* it is in there */
}
END_TEST

START_TEST(conditions_of_clients_that_go_on)
{
	static const struct {
		const char *what, *request, *sent;
		bool relays;
	} rows[] = {
	    {"RFC 9111 4.3.2-2: a tag is meant for the origin", "If-None-Match: \"a\"", "If-None-Match: \"a\"\n", true},
	    {"RFC 9111 4.3.2-2: a date is meant for the origin", "If-Modified-Since: x", "If-Modified-Since: x\n",
		true},
	    {"none", "Host: h", "Host: h\n", false},
	    {"a range is another matter", "Range: bytes=0-1\nIf-Range: \"a\"\nIf-None-Match: \"a\"",
		"If-None-Match: \"a\"\n", true},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers request = fields_of(rows[i].request, &arena);
		ck_assert_msg(policy_relay_conditions(&request) == rows[i].relays, "%s", rows[i].what);
		ck_assert_msg(strcmp(text_of(&request, &arena), rows[i].sent) == 0, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(a_head_against_a_stored_get)
{
	static const struct {
		const char *what;
		int status;
		const char *stored, *fresh;
		enum head_verdict verdict;
	} rows[] = {
	    {"RFC 9111 4.3.5-2: the same tag", 200, "ETag: \"a\"", "ETag: \"a\"", HEAD_SAME},
	    {"RFC 9111 4.3.5-3: another tag", 200, "ETag: \"a\"", "ETag: \"b\"", HEAD_DIFFERS},
	    {"RFC 9111 4.3.5-3: a tag where none was stored", 200, "X: 1", "ETag: \"b\"", HEAD_DIFFERS},
	    {"RFC 9111 4.3.5-2: a tag that was not received", 200, "ETag: \"a\"", "X: 1", HEAD_MAY_BE_SAME},
	    {"RFC 9111 4.3.5-2: the same date", 200, "Last-Modified: " EARLIER, "Last-Modified: " EARLIER, HEAD_SAME},
	    {"RFC 9111 4.3.5-3: another date", 200, "Last-Modified: " EARLIER, "Last-Modified: " NOW_TEXT,
		HEAD_DIFFERS},
	    {"RFC 9111 4.3.5-3: the same tag, another date", 200, "ETag: \"a\"\nLast-Modified: " EARLIER,
		"ETag: \"a\"\nLast-Modified: " NOW_TEXT, HEAD_DIFFERS},
	    {"RFC 9111 4.3.5-2: the same length", 200, "ETag: \"a\"", "ETag: \"a\"\nContent-Length: 5", HEAD_SAME},
	    {"RFC 9111 4.3.5-3: another length", 200, "ETag: \"a\"", "ETag: \"a\"\nContent-Length: 6", HEAD_DIFFERS},
	    {"a length that is none", 200, "ETag: \"a\"", "ETag: \"a\"\nContent-Length: x", HEAD_DIFFERS},
	    {"no validator, the same length", 200, "X: 1", "Content-Length: 5", HEAD_MAY_BE_SAME},
	    {"another status was stored", 404, "ETag: \"a\"", "ETag: \"a\"", HEAD_DIFFERS},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers h = fields_of(arena_printf(&arena, FRESH "%s", rows[i].stored).p, &arena);
		struct stored s = stored_of(rows[i].status, &h);
		struct headers fresh = fields_of(rows[i].fresh, &arena);
		ck_assert_msg(policy_head(&s, &h, 5, &fresh) == rows[i].verdict, "%s", rows[i].what);
	}
}
END_TEST

START_TEST(merging_a_304)
{
	static const struct {
		const char *what, *stored, *fresh, *merged;
	} rows[] = {
	    {"RFC 9111 3.2-1: what it omits stays", "X: 1", "Y: 2", "X: 1\nY: 2\n"},
	    {"RFC 9111 3.2-1, 4.3.4-2: what it has replaces", "X: 1\nY: 2\nx: 3", "x: 9", "Y: 2\nx: 9\n"},
	    {"RFC 9111 3.2-1: several of a name replace all of it", "X: 1", "X: 2\nX: 3", "X: 2\nX: 3\n"},
	    {"RFC 9111 3.2-1: Cache-Control", "Cache-Control: max-age=1, private", "cache-control: max-age=9",
		"cache-control: max-age=9\n"},
	    {"RFC 9111 3.2-1: Content-Type is no exception", "Content-Type: a/b", "Content-Type: c/d",
		"Content-Type: c/d\n"},
	    {"RFC 9111 3.2-1: nor is Content-Location", "Content-Location: /a", "Content-Location: /b",
		"Content-Location: /b\n"},
	    {"RFC 9111 3.2-1: Content-Length stays", "Content-Length: 5", "Content-Length: 0", "Content-Length: 5\n"},
	    {"RFC 9111 3.2-1: Content-Length where none was stored", "X: 1", "Content-Length: 0", "X: 1\n"},
	    {"Content-Encoding (3.2)", "Content-Encoding: gzip", "Content-Encoding: br", "Content-Encoding: gzip\n"},
	    {"Content-Range (3.2)", "Content-Range: a", "Content-Range: b", "Content-Range: a\n"},
	    {"Content-MD5 (3.2)", "Content-MD5: a", "Content-MD5: b", "Content-MD5: a\n"},
	    {"ETag (4.3.4)", "ETag: \"a\"", "ETag: W/\"a\"", "ETag: \"a\"\n"},
	    {"an ETag where there was none", "X: 1", "ETag: \"a\"", "X: 1\nETag: \"a\"\n"},
	    {"RFC 9111 3.2-1: what is of the connection", "A: 1", "Connection: a\nA: 2\nKeep-Alive: 5", "A: 1\n"},
	    {"RFC 9111 3.2-1, 3.1-2: what is of the proxy's hop", "A: 1", "Proxy-Authenticate: x", "A: 1\n"},
	    {"the new Date (4.2.3)", "Date: " EARLIER, "Date: " NOW_TEXT, "Date: " NOW_TEXT "\n"},
	    {"the old Date never stays (4.2.3)", "Date: " EARLIER "\nX: 1", "Y: 2", "X: 1\nY: 2\n"},
	    {"the new Age (4.2.3)", "Age: 5", "Age: 7", "Age: 7\n"},
	    {"the old Age never stays (4.2.3)", "Age: 5\nX: 1", "Y: 2", "X: 1\nY: 2\n"},
	    {"nothing new", "X: 1", "", "X: 1\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct headers stored = fields_of(rows[i].stored, &arena), fresh = fields_of(rows[i].fresh, &arena);
		struct headers merged;
		policy_merge_304(&stored, &fresh, &arena, &merged);
		ck_assert_msg(strcmp(text_of(&merged, &arena), rows[i].merged) == 0, "%s:\n%s", rows[i].what,
		    text_of(&merged, &arena));
	}
}
END_TEST

/* The whole way: a stale page, a 304 without Date, and the page is new again. */
START_TEST(a_304_makes_fresh_again)
{
	struct headers old = fields_of(FRESH "ETag: \"a\"\nDate: " EARLIER "\nAge: 59\nX: 1", &arena);
	struct headers fresh = fields_of("ETag: \"a\"\nX: 2", &arena), merged;
	policy_merge_304(&old, &fresh, &arena, &merged);
	struct stored s = stored_of(200, &merged);
	ck_assert_int_eq(s.initial_age_ms, 0);
	ck_assert_int_eq(s.lifetime_ms, 60000);
	ck_assert(str_eq(s.etag, STR("\"a\"")));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("policy/validate");
	TCase *t = tcase_create("validate");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, conditions_of_clients);
	tcase_add_test(t, conditions_of_clients_about_a_page_with_holes);
	tcase_add_test(t, fields_of_a_304);
	tcase_add_test(t, conditions_towards_the_origin);
	tcase_add_test(t, a_page_with_holes_is_not_validated);
	tcase_add_test(t, which_response_a_304_is_about);
	tcase_add_test(t, tags_of_other_variants);
	tcase_add_test(t, tags_are_offered_within_bounds);
	tcase_add_test(t, conditions_of_clients_that_go_on);
	tcase_add_test(t, a_head_against_a_stored_get);
	tcase_add_test(t, merging_a_304);
	tcase_add_test(t, a_304_makes_fresh_again);
	suite_add_tcase(s, t);
	return suite_run(s);
}
