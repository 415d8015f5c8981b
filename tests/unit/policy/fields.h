/* Fields, requests and responses written as text, one field a line, for the tests of policy. */
#ifndef LARDER_TESTS_POLICY_FIELDS_H
#define LARDER_TESTS_POLICY_FIELDS_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/url.h"
#include "suite.h"

/* Sun, 06 Nov 1994 08:49:37 GMT: the time of all tests. */
#define NOW_S	 784111777
#define NOW_MS	 ((int64_t)NOW_S * 1000)
#define NOW_TEXT "Sun, 06 Nov 1994 08:49:37 GMT"

/* "Name: value\nName: value"; blanks around the value go, as the reader of messages does it. */
static inline struct headers fields_of(const char *text, struct arena *a)
{
	struct headers h = {0};
	struct str rest = str_of(text), line;
	while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
		size_t colon = str_index(line, ':');
		headers_add(&h, a, str_take(line, colon), str_trim(str_skip(line, colon + 1)));
	}
	return h;
}

static inline struct http_request request_of(const char *fields, struct arena *a)
{
	return (struct http_request){
	    .method = METHOD_GET,
	    .method_name = STR("GET"),
	    .target = STR("/page"),
	    .scheme = STR("http"),
	    .host = STR("example.com"),
	    .minor = 1,
	    .headers = fields_of(fields, a),
	};
}

static inline struct http_response response_of(int status, const char *fields, struct arena *a)
{
	return (struct http_response){.status = status, .minor = 1, .headers = fields_of(fields, a)};
}

/* "Name: value\n" for each field; an absent value (p == NULL) is shown as "Name\n". */
static inline const char *text_of(const struct headers *h, struct arena *a)
{
	struct str text = STR("");
	for (uint32_t i = 0; i < h->n; i++) {
		text = arena_printf(a, "%.*s%.*s", STR_ARG(text), STR_ARG(h->v[i].name));
		if (h->v[i].value.p)
			text = arena_printf(a, "%.*s: %.*s", STR_ARG(text), STR_ARG(h->v[i].value));
		text = arena_printf(a, "%.*s\n", STR_ARG(text));
	}
	return arena_str(a, text).p;
}

static inline struct conf_cache cache_of_tests(void)
{
	return (struct conf_cache){.heuristic_percent = 10, .heuristic_max_ms = 86400000};
}

static inline struct route route_of_tests(void)
{
	return (struct route){.cache = true, .ttl_ms = -1};
}

#endif
