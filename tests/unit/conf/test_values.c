/* Readers of values: each row is one option, one text, and what is made or said of it. */
#include "conf/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Room for the largest section. */
union any {
	struct conf_server server;
	struct conf_upstream upstream;
	struct conf_cache cache;
	struct conf_admin admin;
	struct conf_log log;
	struct route route;
};

static struct arena arena;
static union any any;
static struct conf_upstream upstreams[2];
static struct conf conf = {.upstreams = upstreams, .n_upstreams = 2};
static struct value v;

static int read(enum section_id section, const char *name, const char *text)
{
	memset(&any, 0, sizeof(any));
	upstreams[0].name = STR("default");
	upstreams[1].name = STR("static-files");
	const struct option *o = option_find(section, str_of(name));
	ck_assert_msg(o, "no option %s", name);
	v = (struct value){
	    .arena = &arena, .conf = &conf, .option = o, .text = str_of(text), .slot = (char *)&any + o->offset};
	return value_read(&v);
}

static const struct bad {
	const char *says;
	enum section_id section;
	const char *name, *text;
	const char *wrong;   /* is in what is said */
	const char *nearest; /* NULL: nothing is guessed */
} bad[] = {
    {"an empty value", SECTION_CACHE, "memory_size", "", "no value", NULL},
    {"a size with a foreign unit", SECTION_CACHE, "memory_size", "12Q", "not a size", NULL},
    {"a size in words", SECTION_CACHE, "memory_size", "256MB", "not a size", "256M"},
    {"a size with a blank", SECTION_CACHE, "memory_size", "256 m", "not a size", "256M"},
    {"a size below its bound", SECTION_CACHE, "memory_size", "1K", "too small", "1M"},
    {"a size above its bound", SECTION_CACHE, "memory_size", "99999G", "too large", "1024G"},
    {"a size that overflows", SECTION_CACHE, "memory_size", "1099511627776G", "too large", "1024G"},
    {"a size of too many digits", SECTION_CACHE, "memory_size", "99999999999999999999", "not a size", NULL},
    {"a negative size", SECTION_CACHE, "memory_size", "-1", "not a size", NULL},
    {"a time without a unit", SECTION_SERVER, "header_timeout", "10", "no unit", "10s"},
    {"a time in words", SECTION_SERVER, "header_timeout", "5 minutes", "not a time", "5m"},
    {"milliseconds in words", SECTION_SERVER, "header_timeout", "500msec", "not a time", "500ms"},
    {"a time with a foreign unit", SECTION_SERVER, "header_timeout", "5x", "not a time", "5s"},
    {"a time below its bound", SECTION_SERVER, "header_timeout", "1ms", "too small", "100ms"},
    {"a time that overflows", SECTION_SERVER, "header_timeout", "1000000000000000d", "too large", "1h"},
    {"a ttl that is neither", SECTION_ROUTE, "ttl", "for ever", "not a time", NULL},
    {"a number with a unit", SECTION_UPSTREAM, "queue", "10K", "whole number", NULL},
    {"a number below its bound", SECTION_UPSTREAM, "max_in_flight", "0", "too small", "1"},
    {"no workers", SECTION_SERVER, "workers", "0", "too small", "1"},
    {"workers in words", SECTION_SERVER, "workers", "many", "whole number", NULL},
    {"a switch in other words", SECTION_ROUTE, "cache", "False", "neither on nor off", "off"},
    {"a switch with a third word", SECTION_SERVER, "cache_status", "yes", "none of the words", "on"},
    {"no of three words", SECTION_SERVER, "cache_status", "no", "none of the words", "off"},
    {"a misspelled third word", SECTION_SERVER, "cache_status", "kye", "none of the words", "key"},
    {"yes where nothing is switched", SECTION_UPSTREAM, "host", "yes", "none of the words", NULL},
    {"a misspelled word", SECTION_UPSTREAM, "host", "clinet", "none of the words", "client"},
    {"a shortened word", SECTION_LOG, "level", "warn", "none of the words", "warning"},
    {"a word in capitals", SECTION_LOG, "level", "DEBUG", "none of the words", "debug"},
    {"a tier that is not there", SECTION_CACHE, "backend", "disk", "none of the words", NULL},
    {"a tier with a slip", SECTION_CACHE, "backend", "memory, reddis", "none of the words", "redis"},
    {"a tier twice", SECTION_CACHE, "backend", "memory, memory", "stands there twice", NULL},
    {"the slow tier first", SECTION_CACHE, "backend", "redis, memory", "memory comes before what is slower", NULL},
    {"no tier at all", SECTION_CACHE, "backend", "memory,", "none of the words", NULL},
    {"a misspelled flag", SECTION_ROUTE, "override", "private, no_store", "\"no_store\"", "no-store"},
    {"a name with a blank", SECTION_SERVER, "via", "my proxy", "not a name", NULL},
    {"a name that begins with a digit", SECTION_SERVER, "via", "1a", "not a name", NULL},
    {"a token with a blank", SECTION_ADMIN, "token", "a b", "cannot be sent", NULL},
    {"a log that is a slip", SECTION_LOG, "access", "stdot", "neither", "stdout"},
    {"a log without a folder", SECTION_LOG, "access", "some.log", "neither", "./some.log"},
    {"an upstream that is not there", SECTION_ROUTE, "upstream", "static", "no [upstream static]", "static-files"},
    {"a URL without a scheme", SECTION_UPSTREAM, "url", "localhost:8000", "", "http://localhost:8000"},
    {"a URL with a path", SECTION_UPSTREAM, "url", "http://a/b", "no path", "http://a"},
    {"a URL with a user", SECTION_UPSTREAM, "url", "http://a:b@c/", "", NULL},
    {"a URL of another scheme", SECTION_UPSTREAM, "url", "ftp://a/", "", NULL},
    {"a port alone", SECTION_SERVER, "listen", "8080", "not an address", "127.0.0.1:8080"},
    {"a port behind a colon", SECTION_SERVER, "listen", ":8080", "not an address", "127.0.0.1:8080"},
    {"an address without a port", SECTION_SERVER, "listen", "10.0.0.1", "not an address", "10.0.0.1:8080"},
    {"an IPv6 address without brackets", SECTION_SERVER, "listen", "::1", "not an address", "[::1]:8080"},
    {"a socket without unix:", SECTION_SERVER, "listen", "/run/x.sock", "not an address", "unix:/run/x.sock"},
    {"a name of a host", SECTION_SERVER, "listen", "example.com:80", "not a numeric address", NULL},
    {"a port too large", SECTION_SERVER, "listen", "127.0.0.1:65536", "not a port", NULL},
    {"a relative socket", SECTION_SERVER, "listen", "unix:run/x", "begins with /", NULL},
    {"a list with a hole", SECTION_SERVER, "listen", "127.0.0.1:1,,127.0.0.1:2", "not an address", NULL},
    {"an address twice", SECTION_SERVER, "listen", "127.0.0.1:1, localhost:1", "twice", NULL},
    {"two admin addresses", SECTION_ADMIN, "listen", "127.0.0.1:1, 127.0.0.1:2", "", NULL},
    {"a net with host bits", SECTION_ADMIN, "purge_from", "10.1.2.3/8", "first 8", "10.0.0.0/8"},
    {"an IPv6 net with host bits", SECTION_ADMIN, "purge_from", "fe80::1/64", "first 64", "fe80::/64"},
    {"a net with too many bits", SECTION_ADMIN, "purge_from", "10.0.0.0/33", "0 to 32", NULL},
    {"a net that is a name", SECTION_ADMIN, "purge_from", "localhost", "not an address", NULL},
    {"a hole in patterns", SECTION_ROUTE, "match", "/a,,/b", "missing at a comma", NULL},
    {"a status without a time", SECTION_ROUTE, "ttl_status", "404", "not a status", NULL},
    {"a status that is none", SECTION_ROUTE, "ttl_status", "99 1s", "not a status", NULL},
    {"an informational status", SECTION_ROUTE, "ttl_status", "103 1s", "not a status", NULL},
    {"a status without a blank", SECTION_ROUTE, "ttl_status", "4041s", "not a status", NULL},
    {"a status with a bad time", SECTION_ROUTE, "ttl_status", "404 10", "no unit", "10s"},
    {"status 200", SECTION_ROUTE, "ttl_status", "200 1s", "what ttl is for", NULL},
    {"status 206", SECTION_ROUTE, "ttl_status", "206 1s", "not stored", NULL},
    {"status 304", SECTION_ROUTE, "ttl_status", "304 1s", "not stored", NULL},
    {"a status twice", SECTION_ROUTE, "ttl_status", "404 1s, 404 2s", "twice", NULL},
    {"a query rule that is none", SECTION_ROUTE, "query", "onli a", "no rule", "only"},
    {"only without names", SECTION_ROUTE, "query", "only", "no names", NULL},
    {"all with names", SECTION_ROUTE, "query", "all a", "are names", NULL},
    {"a star within a name", SECTION_ROUTE, "query", "without a*b", "may only end", NULL},
    {"a parameter with =", SECTION_ROUTE, "query", "only a=b", "not a name of a parameter", NULL},
    {"a hole in names", SECTION_ROUTE, "query", "only a,,b", "missing at a comma", NULL},
    {"vary by everything", SECTION_ROUTE, "vary", "*", "names no field", NULL},
    {"a field name with a colon", SECTION_ROUTE, "vary", "Accept:", "not a name of a header", NULL},
    {"a cookie name with =", SECTION_ROUTE, "vary_cookie", "a=b", "not a name of a cookie", NULL},
    {"a misspelled framework", SECTION_ROUTE, "token", "djagno", "none of the words", "django"},
    {"a field name with a quote", SECTION_ROUTE, "token_field", "a\"b", "not a name of a form field", NULL},
    {"a field name with a bracket", SECTION_ROUTE, "token_field", "ok, <b>", "\"<b>\"", NULL},
    {"a path without its /", SECTION_ROUTE, "token_path", "csrf-token", "begins with no /", "/csrf-token"},
    {"a URL in place of a path", SECTION_ROUTE, "token_path", "http://a:1/t", "begins with no /", "/t"},
    {"a URL without any path", SECTION_ROUTE, "token_path", "http://a", "begins with no /", NULL},
    {"a path with a blank", SECTION_ROUTE, "token_path", "/a b", "cannot be sent", NULL},
    {"a path with a fragment", SECTION_ROUTE, "token_path", "/a#b", "cannot be sent", NULL},
    {"a star within a field name", SECTION_ROUTE, "leak_patterns", "X-*-Id", "may only end", NULL},
    {"a pattern of all fields", SECTION_ROUTE, "leak_patterns", "*", "names no field", NULL},
    {"a percentage without its sign", SECTION_ROUTE, "leak_sample", "1", "sign is missing", "1%"},
    {"a percentage with three decimals", SECTION_ROUTE, "leak_sample", "0.125%", "not a percentage", "0.12%"},
    {"a percentage with a blank", SECTION_ROUTE, "leak_sample", "5 %", "not a percentage", "5%"},
    {"a percentage in words", SECTION_ROUTE, "leak_sample", "all", "not a percentage", NULL},
    {"a percentage above all", SECTION_ROUTE, "leak_sample", "100.01%", "too large", "100%"},
    {"a percentage that overflows", SECTION_ROUTE, "leak_sample", "1000000000000000%", "too large", "100%"},
    {"a negative percentage", SECTION_ROUTE, "leak_sample", "-1%", "not a percentage", NULL},
    {"a header without a colon", SECTION_ROUTE, "response_header_add", "X-A", "no colon", NULL},
    {"a header without a value", SECTION_ROUTE, "response_header_add", "X-A:", "no value", NULL},
    {"a header name with a blank", SECTION_ROUTE, "response_header_add", "X A: b", "not a name", NULL},
    {"a header value with a line end", SECTION_ROUTE, "response_header_add", "X-A: b\r\nX-B: c", "cannot be sent",
	NULL},
    {"Content-Length set", SECTION_ROUTE, "response_header_set", "content-length: 1", "frames", NULL},
    {"Transfer-Encoding removed", SECTION_ROUTE, "request_header_remove", "Transfer-Encoding", "frames", NULL},
    {"Connection added", SECTION_ROUTE, "request_header_add", "Connection: close", "frames", NULL},
    {"Host set", SECTION_ROUTE, "request_header_set", "Host: a", "frames", NULL},
    {"Keep-Alive among others", SECTION_ROUTE, "response_header_remove", "Server, Keep-Alive", "frames", NULL},
};

START_TEST(refuses)
{
	const struct bad *b = &bad[_i];
	ck_assert_msg(read(b->section, b->name, b->text) == ERR_INVALID, "%s was taken", b->says);
	ck_assert_msg(
	    v.wrong.n > 0 && str_find(v.wrong, str_of(b->wrong)) < v.wrong.n, "%s: %.*s", b->says, STR_ARG(v.wrong));
	ck_assert_msg(b->nearest ? str_eq(v.nearest, str_of(b->nearest)) : !v.nearest.p, "%s: did you mean %.*s",
	    b->says, STR_ARG(v.nearest));
}
END_TEST

START_TEST(reads_numbers)
{
	ck_assert_int_eq(read(SECTION_CACHE, "memory_size", "1048576"), ERR_OK);
	ck_assert_uint_eq(any.cache.memory_size, 1 << 20);
	ck_assert_int_eq(read(SECTION_CACHE, "memory_size", "64k"), ERR_INVALID);
	ck_assert_int_eq(read(SECTION_CACHE, "memory_size", "1024K"), ERR_OK);
	ck_assert_uint_eq(any.cache.memory_size, 1 << 20);
	ck_assert_int_eq(read(SECTION_CACHE, "memory_size", "3g"), ERR_OK);
	ck_assert_uint_eq(any.cache.memory_size, (size_t)3 << 30);
	ck_assert_int_eq(read(SECTION_UPSTREAM, "queue", "0"), ERR_OK);
	ck_assert_uint_eq(any.upstream.queue, 0);
	ck_assert_int_eq(read(SECTION_SERVER, "workers", "3"), ERR_OK);
	ck_assert_uint_eq(any.server.workers, 3);
	ck_assert_int_eq(read(SECTION_SERVER, "workers", "auto"), ERR_OK);
	ck_assert_uint_ge(any.server.workers, 1);
}
END_TEST

START_TEST(reads_times)
{
	static const struct {
		const char *text;
		int64_t ms;
	} times[] = {
	    {"0", 0}, {"0s", 0}, {"1ms", 1}, {"2s", 2000}, {"3m", 180000}, {"4h", 14400000}, {"5d", 432000000}};
	for (size_t i = 0; i < COUNT(times); i++) {
		ck_assert_msg(read(SECTION_ROUTE, "ttl", times[i].text) == ERR_OK, "%s", times[i].text);
		ck_assert_int_eq(any.route.ttl_ms, times[i].ms);
	}
	ck_assert_int_eq(read(SECTION_ROUTE, "ttl", "origin"), ERR_OK);
	ck_assert_int_eq(any.route.ttl_ms, -1);
}
END_TEST

START_TEST(reads_percentages)
{
	static const struct {
		const char *text;
		unsigned of_10000;
	} rows[] = {{"0%", 0}, {"1%", 100}, {"0.5%", 50}, {"0.05%", 5}, {"12.34%", 1234}, {"100%", 10000}, {"7.%", 700},
	    {"100.00%", 10000}};
	for (size_t i = 0; i < COUNT(rows); i++) {
		ck_assert_msg(read(SECTION_ROUTE, "leak_sample", rows[i].text) == ERR_OK, "%s", rows[i].text);
		ck_assert_uint_eq(any.route.leak_sample, rows[i].of_10000);
	}
}
END_TEST

START_TEST(reads_a_path_or_none)
{
	ck_assert_int_eq(read(SECTION_ROUTE, "token_path", "/csrf?format=json"), ERR_OK);
	ck_assert(str_eq(any.route.token_path, STR("/csrf?format=json")));
	ck_assert_int_eq(read(SECTION_ROUTE, "token_path", "none"), ERR_OK);
	ck_assert_uint_eq(any.route.token_path.n, 0);
}
END_TEST

START_TEST(reads_words)
{
	ck_assert_int_eq(read(SECTION_UPSTREAM, "host", "upstream"), ERR_OK);
	ck_assert_int_eq(any.upstream.host, HOST_UPSTREAM);
	ck_assert_int_eq(read(SECTION_LOG, "format", "keyvalue"), ERR_OK);
	ck_assert_int_eq(any.log.format, ACCESS_KEYVALUE);
	ck_assert_int_eq(read(SECTION_ROUTE, "set_cookie", "keep"), ERR_OK);
	ck_assert_int_eq(any.route.set_cookie, SET_COOKIE_KEEP);
	ck_assert_int_eq(read(SECTION_ROUTE, "override", "vary,authorization , no-store"), ERR_OK);
	ck_assert_uint_eq(any.route.override, OVERRIDE_VARY_STAR | OVERRIDE_AUTHORIZATION | OVERRIDE_NO_STORE);
	ck_assert_int_eq(read(SECTION_ROUTE, "override", "none"), ERR_OK);
	ck_assert_uint_eq(any.route.override, 0);
	ck_assert_int_eq(read(SECTION_ROUTE, "upstream", "static-files"), ERR_OK);
	ck_assert_ptr_eq(any.route.upstream, &upstreams[1]);
}
END_TEST

START_TEST(reads_addresses)
{
	ck_assert_int_eq(
	    read(SECTION_SERVER, "listen", "127.0.0.1:80, [::1]:0 ,*:81,unix:/run/a.sock, 10.0.0.1:1"), ERR_OK);
	const struct conf_addr *a = any.server.listen;
	ck_assert_uint_eq(any.server.n_listen, 5);
	ck_assert(a[0].is_loopback && a[0].sa.ss_family == AF_INET && a[0].len == sizeof(struct sockaddr_in));
	ck_assert_uint_eq(ntohs(((const struct sockaddr_in *)&a[0].sa)->sin_port), 80);
	ck_assert(a[1].is_loopback && a[1].sa.ss_family == AF_INET6 && a[1].len == sizeof(struct sockaddr_in6));
	ck_assert(!a[2].is_loopback && a[2].sa.ss_family == AF_INET);
	ck_assert(a[3].is_unix && !a[3].is_loopback);
	ck_assert_str_eq(((const struct sockaddr_un *)&a[3].sa)->sun_path, "/run/a.sock");
	ck_assert(!a[4].is_loopback && !a[4].is_unix);
	ck_assert(str_eq(a[4].text, STR("10.0.0.1:1")));
	ck_assert_int_eq(read(SECTION_SERVER, "listen", "127.0.0.1:0, 127.0.0.1:0"), ERR_OK);
	ck_assert_int_eq(read(SECTION_ADMIN, "listen", "off"), ERR_OK);
	ck_assert(!any.admin.enabled);
	ck_assert_int_eq(read(SECTION_ADMIN, "listen", "[::ffff:127.0.0.1]:1"), ERR_OK);
	ck_assert(any.admin.enabled && any.admin.listen.is_loopback);
}
END_TEST

START_TEST(a_socket_path_may_fill_its_field)
{
	char text[128] = "unix:/";
	memset(text + 6, 'x', 106);
	ck_assert_int_eq(read(SECTION_SERVER, "listen", text), ERR_OK);
	text[112] = 'x';
	ck_assert_int_eq(read(SECTION_SERVER, "listen", text), ERR_INVALID);
}
END_TEST

static bool contains(const char *nets, const char *address)
{
	struct sockaddr_storage sa = {0};
	ck_assert_int_eq(read(SECTION_ADMIN, "purge_from", nets), ERR_OK);
	if (strchr(address, '/')) {
		sa.ss_family = AF_UNIX;
	} else if (strchr(address, ':')) {
		sa.ss_family = AF_INET6;
		ck_assert_int_eq(inet_pton(AF_INET6, address, &((struct sockaddr_in6 *)&sa)->sin6_addr), 1);
	} else {
		sa.ss_family = AF_INET;
		ck_assert_int_eq(inet_pton(AF_INET, address, &((struct sockaddr_in *)&sa)->sin_addr), 1);
	}
	return conf_nets_contain(&any.admin.purge_from, (const struct sockaddr *)&sa);
}

static const struct net_row {
	const char *says, *nets, *address;
	bool in;
} net_rows[] = {
    {"an address is in its net", "10.0.0.0/8", "10.255.1.2", true},
    {"but not in the next one", "10.0.0.0/8", "11.0.0.0", false},
    {"bits within a byte count", "10.0.0.0/9", "10.127.0.1", true},
    {"and the bit behind them too", "10.0.0.0/9", "10.128.0.1", false},
    {"a host is a net of one", "10.0.0.1", "10.0.0.1", true},
    {"of one alone", "10.0.0.1", "10.0.0.2", false},
    {"/0 holds all of its family", "0.0.0.0/0", "8.8.8.8", true},
    {"and none of the other", "0.0.0.0/0", "::1", false},
    {"the second net is looked at", "10.0.0.0/8, ::1", "::1", true},
    {"an IPv6 net", "2001:db8::/33", "2001:db8:7fff::1", true},
    {"ends at its bits", "2001:db8::/33", "2001:db8:8000::1", false},
    {"IPv4 mapped into IPv6 is IPv4", "10.0.0.0/8", "::ffff:10.1.1.1", true},
    {"and is not IPv6", "::/0", "::ffff:10.1.1.1", false},
    {"a unix socket is in every list", "10.0.0.1", "/unix", true},
    {"but not in none", "none", "/unix", false},
    {"none holds nobody", "none", "127.0.0.1", false},
};

START_TEST(finds_an_address_in_nets)
{
	ck_assert_msg(contains(net_rows[_i].nets, net_rows[_i].address) == net_rows[_i].in, "%s", net_rows[_i].says);
}
END_TEST

START_TEST(reads_lists)
{
	ck_assert_int_eq(read(SECTION_ROUTE, "query", "without utm_*, fbclid"), ERR_OK);
	ck_assert_int_eq(any.route.query, QUERY_WITHOUT);
	ck_assert_uint_eq(any.route.query_names.n, 2);
	ck_assert(str_eq(any.route.query_names.v[0], STR("utm_*")));
	ck_assert_int_eq(read(SECTION_ROUTE, "query", "none"), ERR_OK);
	ck_assert(any.route.query == QUERY_NONE && any.route.query_names.n == 0);
	ck_assert_int_eq(read(SECTION_ROUTE, "ttl_status", "404 10s, 301 1h,500\t0"), ERR_OK);
	ck_assert_uint_eq(any.route.n_ttl_status, 3);
	ck_assert_int_eq(any.route.ttl_status[1].status, 301);
	ck_assert_int_eq(any.route.ttl_status[1].ttl_ms, 3600000);
	ck_assert_int_eq(read(SECTION_ROUTE, "vary", "Accept-Language,X-A"), ERR_OK);
	ck_assert_uint_eq(any.route.vary.n, 2);
	ck_assert_int_eq(read(SECTION_ROUTE, "leak_patterns", "X-User-*, X-Api-Key"), ERR_OK);
	ck_assert(any.route.leak_patterns.n == 2 && str_eq(any.route.leak_patterns.v[0], STR("X-User-*")));
	ck_assert_int_eq(read(SECTION_ROUTE, "token_field", "_token, user[token]"), ERR_OK);
	ck_assert(any.route.token_field.n == 2 && str_eq(any.route.token_field.v[1], STR("user[token]")));
	ck_assert_int_eq(read(SECTION_ROUTE, "match", "~ ^/a{1,2}, /b"), ERR_OK);
	ck_assert_uint_eq(any.route.match.n, 2);
}
END_TEST

START_TEST(gathers_header_operations)
{
	ck_assert_int_eq(read(SECTION_ROUTE, "response_header_set", "X-A:  b: c "), ERR_OK);
	v.option = option_find(SECTION_ROUTE, STR("response_header_remove"));
	v.text = STR("Server, X-Powered-By");
	ck_assert_int_eq(value_read(&v), ERR_OK);
	const struct header_ops *ops = &any.route.response_headers;
	ck_assert_uint_eq(ops->n, 3);
	ck_assert(
	    ops->v[0].kind == HEADER_SET && str_eq(ops->v[0].name, STR("X-A")) && str_eq(ops->v[0].value, STR("b: c")));
	ck_assert(ops->v[2].kind == HEADER_REMOVE && str_eq(ops->v[2].name, STR("X-Powered-By")));
	v.text = STR("X");
	for (unsigned i = 3; i < 64; i++)
		ck_assert_int_eq(value_read(&v), ERR_OK);
	ck_assert_int_eq(value_read(&v), ERR_INVALID);
}
END_TEST

/* A default that its own reader refuses would be a mistake of the table. */
START_TEST(every_default_and_example_is_legal)
{
	for (unsigned i = 0; i < n_options; i++) {
		const struct option *o = &options[i];
		bool words = o->type == VALUE_CHOICE || o->type == VALUE_TIERS || o->type == VALUE_FLAGS;
		if (o->preset)
			ck_assert_msg(read(o->section, o->name, o->preset) == ERR_OK, "default of %s", o->name);
		if (o->text && !words)
			ck_assert_msg(read(o->section, o->name, o->text) == ERR_OK, "example of %s", o->name);
		for (unsigned w = 0; words && option_word(o, w).p; w++) {
			struct str word = arena_str(&arena, option_word(o, w));
			ck_assert_msg(read(o->section, o->name, word.p) == ERR_OK, "%s = %s", o->name, word.p);
		}
		ck_assert_msg(*o->help && o->help[strlen(o->help) - 1] == '.', "help of %s", o->name);
	}
}
END_TEST

static void start(void)
{
	arena_init(&arena, 0);
}

static void stop(void)
{
	arena_free(&arena);
}

int main(void)
{
	Suite *s = suite_create("conf/values");
	TCase *t = tcase_create("values");
	tcase_add_checked_fixture(t, start, stop);
	tcase_add_loop_test(t, refuses, 0, COUNT(bad));
	tcase_add_test(t, reads_numbers);
	tcase_add_test(t, reads_times);
	tcase_add_test(t, reads_percentages);
	tcase_add_test(t, reads_a_path_or_none);
	tcase_add_test(t, reads_words);
	tcase_add_test(t, reads_addresses);
	tcase_add_test(t, a_socket_path_may_fill_its_field);
	tcase_add_loop_test(t, finds_an_address_in_nets, 0, COUNT(net_rows));
	tcase_add_test(t, reads_lists);
	tcase_add_test(t, gathers_header_operations);
	tcase_add_test(t, every_default_and_example_is_legal);
	suite_add_tcase(s, t);
	return suite_run(s);
}
