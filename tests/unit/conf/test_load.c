/* Loading: values from three sources, what is made of them, and what is said when they are wrong. */
#include "conf/load.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/route.h"
#include "conf_fixture.h"
#include "redis/tls.h"

static const struct conf_flag upstream_flag = {"upstream", "url", "http://127.0.0.1:8000"};

START_TEST(one_flag_is_enough)
{
	ck_assert_int_eq(load_from(NULL, "", NULL, &upstream_flag, 1), ERR_OK);
	ck_assert_str_eq(problems.p, "");
	ck_assert_uint_eq(loaded->server.n_listen, 1);
	ck_assert(str_eq(loaded->server.listen[0].text, STR("127.0.0.1:8080")));
	ck_assert_uint_eq(loaded->cache.memory_size, 256 << 20);
	ck_assert_uint_eq(loaded->n_upstreams, 1);
	ck_assert_uint_eq(loaded->upstreams[0].url.port, 8000);
	ck_assert(loaded->admin.enabled && loaded->admin.purge_from.n == 2);
	ck_assert_uint_eq(loaded->n_routes, 1);
	const struct route *r = route_find(loaded, STR("h"), STR("/x"));
	ck_assert(str_eq(r->name, STR("default")) && r->line == 0 && r->cache && r->ttl_ms == -1);
	ck_assert(r->upstream == &loaded->upstreams[0] && r->max_object == 16 << 20);
	ck_assert(r->query == QUERY_WITHOUT && r->query_names.n > 10);
}
END_TEST

START_TEST(the_stronger_source_wins)
{
	const char *const environment[] = {"HOME=/", "LARDER_LOG_LEVEL=debug", "LARDER_CACHE_MEMORY_SIZE=8M", NULL};
	struct conf_flag flags[] = {upstream_flag, {"cache", "memory_size", "9M"}, {"log", "access", NULL}};
	const char *text = "[cache]\nmemory_size = 7M\nmax_entries = 5\n[log]\nlevel = error\n";
	ck_assert_int_eq(load_from("t.ini", text, environment, flags, 3), ERR_OK);
	ck_assert_uint_eq(loaded->cache.memory_size, 9 << 20);
	ck_assert_uint_eq(loaded->cache.max_entries, 5);
	ck_assert_int_eq(loaded->log.level, 3);
	ck_assert(str_eq(loaded->log.access, STR("off")));
}
END_TEST

START_TEST(named_sections_have_variables)
{
	const char *const environment[] = {"LARDER_UPSTREAM_STATIC_FILES_URL=http://127.0.0.1:2",
	    "LARDER_UPSTREAM_URL=http://127.0.0.1:1", "LARDER_ROUTE_API_V2_TTL=7s", "LARDER_ROUTE_DEFAULT_TTL=9s",
	    NULL};
	ck_assert_int_eq(load_from("t.ini", "[upstream static-files]\nqueue = 3\n[route api.v2]\nmatch = /api/*\n",
			     environment, NULL, 0),
	    ERR_OK);
	ck_assert_str_eq(problems.p, "");
	ck_assert_uint_eq(loaded->upstreams[0].url.port, 1);
	ck_assert_uint_eq(loaded->upstreams[1].url.port, 2);
	ck_assert_uint_eq(loaded->upstreams[1].queue, 3);
	ck_assert_int_eq(loaded->routes[0].ttl_ms, 7000);
	ck_assert_int_eq(loaded->routes[1].ttl_ms, 9000);
}
END_TEST

START_TEST(an_empty_variable_is_not_set)
{
	const char *const environment[] = {
	    "LARDER_UPSTREAM_URL=http://127.0.0.1:1", "LARDER_LOG_LEVEL=", "LARDER_X= ", NULL};
	ck_assert_int_eq(load_from(NULL, "", environment, NULL, 0), ERR_OK);
	ck_assert_str_eq(problems.p, "");
}
END_TEST

START_TEST(an_unknown_variable_is_a_warning)
{
	const char *const environment[] = {
	    "LARDER_UPSTREAM_URL=http://127.0.0.1:1", "LARDER_SERVER_LISTE=x", "LARDER_SERVICE_HOST=1", NULL};
	ck_assert_int_eq(load_from(NULL, "", environment, NULL, 0), ERR_OK);
	ck_assert_str_eq(problems.p, "warning: LARDER_SERVER_LISTE: no option has this variable, it is ignored (did "
				     "you mean \"LARDER_SERVER_LISTEN\"?)\n"
				     "warning: LARDER_SERVICE_HOST: no option has this variable, it is ignored\n");
}
END_TEST

/* To the first without a name. */
static const struct {
	const char *what, *ini, *environment[3];
	const struct conf_flag *flag;
	unsigned backend;
	const char *host; /* of the Redis; NULL: none is given */
} alias_rows[] = {
    {"the framework's names", "", {"ASOK_CACHE_BACKEND=redis", "ASOK_REDIS_URL=redis://a"}, NULL, BACKEND_REDIS, "a"},
    {"REDIS_URL goes first", "[cache]\nbackend = redis", {"ASOK_REDIS_URL=redis://a", "REDIS_URL=redis://b"}, NULL,
	BACKEND_REDIS, "b"},
    {"ours goes before them", "[cache]\nbackend = redis",
	{"LARDER_CACHE_REDIS_URL=redis://c", "REDIS_URL=redis://b", "LARDER_CACHE_BACKEND=memory, redis"}, NULL,
	BACKEND_MEMORY | BACKEND_REDIS, "c"},
    {"they go before the file", "[cache]\nbackend = redis\nredis_url = redis://d", {"REDIS_URL=redis://b"}, NULL,
	BACKEND_REDIS, "b"},
    {"a flag goes before them", "", {"ASOK_CACHE_BACKEND=file"}, &(struct conf_flag){"cache", "backend", "memory"},
	BACKEND_MEMORY, NULL},
    {"a Redis that nobody wants is not even read", "", {"REDIS_URL=rediss://h/0?ssl_cert_reqs=none"}, NULL,
	BACKEND_MEMORY, NULL},
    {"empty is not set", "[cache]\nbackend = redis\nredis_url = redis://d", {"REDIS_URL="}, NULL, BACKEND_REDIS, "d"},
};

START_TEST(other_programs_names_are_known)
{
	for (size_t i = 0; i < COUNT(alias_rows); i++) {
		const char *const environment[] = {"LARDER_UPSTREAM_URL=http://127.0.0.1:1",
		    alias_rows[i].environment[0], alias_rows[i].environment[1],
		    alias_rows[i].environment[1] ? alias_rows[i].environment[2] : NULL, NULL};
		ck_assert_msg(load_from("t.ini", alias_rows[i].ini, environment, alias_rows[i].flag,
				  alias_rows[i].flag != NULL) == ERR_OK,
		    "%s: %s", alias_rows[i].what, problems.p);
		ck_assert_msg(loaded->cache.backend == alias_rows[i].backend, "%s: backend", alias_rows[i].what);
		const struct redis_url *redis = loaded->cache.redis;
		ck_assert_msg((redis != NULL) == (alias_rows[i].host != NULL), "%s: a Redis", alias_rows[i].what);
		ck_assert_msg(!redis || str_eq(redis->hosts[0].name, str_of(alias_rows[i].host)), "%s: another Redis",
		    alias_rows[i].what);
	}
	const char *const wrong[] = {"LARDER_UPSTREAM_URL=http://127.0.0.1:1", "REDIS_URL=http://x", NULL};
	ck_assert_int_eq(load_from("t.ini", "[cache]\nbackend = redis", wrong, NULL, 0), ERR_INVALID);
	ck_assert_msg(strstr(problems.p, "REDIS_URL"), "%s", problems.p);
}
END_TEST

static const struct {
	const char *what, *ini, *says; /* NULL: nothing */
	int want;
} tls_rows[] = {
    {"the system's CAs", "redis_url = rediss://h\n", NULL, ERR_OK},
    {"a CA file that is not there", "redis_url = rediss://h\nredis_tls_ca = /none/ca.pem\n",
	"the CA certificates of /none/ca.pem cannot be used: No such file", ERR_INVALID},
    {"a certificate that is not there", "redis_url = rediss://h\nredis_tls_cert = /none/c.pem\n",
	"the certificate in /none/c.pem cannot be used", ERR_INVALID},
    {"a key alone", "redis_url = rediss+cluster://h\nredis_tls_key = /none/c.key\n", "a key without redis_tls_cert",
	ERR_INVALID},
    {"no verification", "redis_url = rediss://h\nredis_tls_accept_any_server = on\n", "whoever can get in between",
	ERR_OK},
    {"without TLS they mean nothing", "redis_url = redis://h\nredis_tls_accept_any_server = on\n", "without effect",
	ERR_OK},
};

START_TEST(tls_to_redis_is_looked_at)
{
	const char *const environment[] = {"LARDER_UPSTREAM_URL=http://127.0.0.1:1", NULL};
	for (size_t i = 0; i < COUNT(tls_rows) && tls_is_there(); i++) {
		char ini[256];
		snprintf(ini, sizeof(ini), "[cache]\nbackend = redis\n%s", tls_rows[i].ini);
		int err = load_from("t.ini", ini, environment, NULL, 0);
		ck_assert_msg(err == tls_rows[i].want, "%s: %s", tls_rows[i].what, problems.p);
		ck_assert_msg(
		    !tls_rows[i].says || strstr(problems.p, tls_rows[i].says), "%s: %s", tls_rows[i].what, problems.p);
	}
	if (!tls_is_there()) {
		int err = load_from("t.ini", "[cache]\nbackend = redis\nredis_url = rediss://h", environment, NULL, 0);
		ck_assert_int_eq(err, ERR_INVALID);
		ck_assert_msg(strstr(problems.p, "let stunnel speak it"), "%s", problems.p);
	}
}
END_TEST

START_TEST(problems_name_their_source)
{
	const char *const environment[] = {"LARDER_LOG_LEVEL=loud", "LARDER_ADMIN_TOKEN=sec ret", NULL};
	struct conf_flag flags[] = {
	    upstream_flag, {"server", "listen", "8080"}, {"cache", "memory_size", "1"}, {"x", "y", "z"}};
	ck_assert_int_eq(load_from("t.ini", "[cache]\nmax_object = 1Q\n", environment, flags, 4), ERR_INVALID);
	static const char *const expected[] = {
	    "t.ini:2: [cache] max_object = 1Q: not a size; allowed: ",
	    "\nLARDER_LOG_LEVEL = loud: \"loud\" is none of the words; allowed: error, warning, info or debug\n",
	    "\nLARDER_ADMIN_TOKEN = (not shown): ",
	    "\n--listen 8080: \"8080\" is not an address with a port; allowed: addresses such as ",
	    "\n--cache-memory-size 1: 1 is too small; allowed: ",
	    "\nthere is no option y in [x]\n",
	};
	for (size_t i = 0; i < COUNT(expected); i++)
		ck_assert_msg(strstr(problems.p, expected[i]), "%s is not in:\n%s", expected[i], problems.p);
	ck_assert_ptr_null(strstr(problems.p, "sec ret"));
}
END_TEST

START_TEST(what_is_beaten_is_judged_too)
{
	struct conf_flag flags[] = {upstream_flag, {"log", "level", "info"}};
	ck_assert_int_eq(load_from("t.ini", "[log]\nlevel = loud\n", NULL, flags, 2), ERR_INVALID);
	ck_assert_ptr_nonnull(strstr(problems.p, "t.ini:2: [log] level = loud"));
}
END_TEST

/* All that is wrong with a text; NULL: it is taken. A text without its own upstream gets one in front, as two lines. */
static const struct row {
	const char *says, *text, *problems;
} rows[] = {
    {"an unknown section", "[servr]",
	"t.ini:3: [servr]: there is no such section; allowed: [server], [upstream], [cache], "
	"[admin], [log], [route NAME] (did you mean \"[server]\"?)\n"},
    {"options of an unknown section are not judged", "[qqqqqqqq]\nx = y",
	"t.ini:3: [qqqqqqqq]: there is no such section; "
	"allowed: [server], [upstream], [cache], [admin], "
	"[log], [route NAME]\n"},
    {"an unknown option", "[log]\nlevle = info",
	"t.ini:4: [log] levle = info: there is no such option; allowed: access, format, level (did you mean "
	"\"level\"?)\n"},
    {"an option of another section", "[log]\nmemory_size = 1M",
	"t.ini:4: [log] memory_size = 1M: there is no such option in this section (did you mean it for [cache]?)\n"},
    {"no value",
	"[log]\nlevel =", "t.ini:4: [log] level =: there is no value; allowed: error, warning, info or debug\n"},
    {"an option twice", "[log]\nlevel = info\nlevel = info",
	"t.ini:5: [log] level = info: this option is given already on line 4\n"},
    {"a section twice", "[log]\n[log]", "t.ini:4: [log]: this section stands already on line 3\n"},
    {"a route twice", "[route /a]\n[route /a]", "t.ini:4: [route /a]: this section stands already on line 3\n"},
    {"routes that differ in a slash", "[route /a]\n[route /a/]", NULL},
    {"names that the environment cannot tell apart", "[upstream a-b]\nurl = http://a\n[upstream A_B]",
	"t.ini:5: [upstream A_B]: the environment could not tell it from the section on line 3\n"},
    {"the default upstream by its name", "[upstream default]",
	"t.ini:3: [upstream]: this section stands already on line 1\n"},
    {"a name where none belongs", "[cache big]", "t.ini:3: [cache big]: this section has no name of its own\n"},
    {"a route without a name", "[route]",
	"t.ini:3: [route]: a route has a name: [route api], or a pattern for a name: [route /blog/*]\n"},
    {"a line that is nothing", "what\n[log]\nwhat",
	"t.ini:3: neither \"[section]\" nor \"name = value\"\n"
	"t.ini:5: neither \"[section]\" nor \"name = value\"\n"},
    {"problems come in the order of the file", "[route a]\nmatch = /a\nupstream = xx\n[upstream b]\nurl = q",
	"t.ini:5: [route a] upstream = xx: there is no [upstream xx]; allowed: default or the NAME of an [upstream "
	"NAME]\n"
	"t.ini:7: [upstream b] url = q: "},
    {"an upstream behind the route that names it", "[route a]\nmatch = /a\nupstream = b\n[upstream b]\nurl = http://b",
	NULL},
    {"an upstream without a URL", "[upstream b]\nqueue = 1",
	"t.ini:3: [upstream b] url: it is missing; allowed: http://host:port, https://host:port or unix:/path\n"},
    {"a route without patterns", "[route a]\nttl = 1s",
	"t.ini:3: [route a] match: it is missing: match = /path, /glob/*, ~ regex\n"},
    {"a route with patterns in both places", "[route /a]\nmatch = /b",
	"t.ini:4: [route /a] match = /b: the name of this route is its pattern already\n"},
    {"the default route with patterns", "[route default]\nmatch = /b",
	"t.ini:4: [route default] match = /b: [route default] takes what no other route matched; it has no patterns\n"},
    {"a bad regex", "[route a]\nmatch = /x, ~ ^/a[",
	"t.ini:4: [route a] match = /x, ~ ^/a[: the regular expression \"^/a[\" is wrong at its byte 5: "},
    {"an object larger than the memory", "[cache]\nmemory_size = 8M\nmax_object = 9M",
	"t.ini:5: [cache] max_object = 9M: larger than memory_size, which is 8M\n"},
    {"an object larger than Redis takes, and nothing else is there",
	"[cache]\nbackend = redis\nredis_url = redis://h\nmax_object = 2M",
	"t.ini:6: [cache] max_object = 2M: larger than redis_max_object, which is 1M\n"},
    {"an object of a route larger than the memory", "[cache]\nmemory_size = 8M\n[route /a]\nmax_object = 9M",
	"t.ini:6: [route /a] max_object = 9M: larger than memory_size, which is 8M\n"},
    {"Cache-Control among the fields that are over it", "[cache]\ntargeted_control = CDN-Cache-Control, cache-control",
	"t.ini:4: [cache] targeted_control = CDN-Cache-Control, cache-control: Cache-Control and Expires count where "
	"none of "
	"these fields is there; name others, or none\n"},
    {"a small memory alone", "[cache]\nmemory_size = 8M", NULL},
    {"admin for all without a token", "[admin]\nlisten = *:0",
	"t.ini:4: [admin] listen = *:0: a token is missing: whoever reaches this address could purge; set token or "
	"token_file, or "
	"listen on loopback or a unix socket\n"},
    {"admin for all with a token", "[admin]\nlisten = *:0\ntoken = 0123456789abcdef", NULL},
    {"admin on a socket needs none", "[admin]\nlisten = unix:/run/a", NULL},
    {"admin that is off needs none", "[admin]\nlisten = off", NULL},
    {"a short token", "[admin]\ntoken = secret",
	"t.ini:4: warning: [admin] token = (not shown): a token of less than 16 bytes can be guessed\n"},
    {"admin where clients go", "[admin]\nlisten = 127.0.0.1:8080",
	"t.ini:4: [admin] listen = 127.0.0.1:8080: [server] listens on the same address\n"},
    {"a token file that is not there", "[admin]\ntoken_file = /nonexistent",
	"t.ini:4: [admin] token_file = /nonexistent: cannot be read: No such file or directory\n"},
    {"both tokens", "[admin]\ntoken = 0123456789abcdef\ntoken_file = /dev/null",
	"t.ini:5: [admin] token_file = /dev/null: the token is given too: one of both must go\n"},
    {"an empty token file", "[admin]\ntoken_file = /dev/null",
	"t.ini:4: [admin] token_file = /dev/null: its content: there is no value\n"},
    {"a directory of pages that is a file", "[cache]\nbackend = file\npath = /dev/null",
	"t.ini:5: [cache] path = /dev/null: it is no directory\n"},
    {"one within a file", "[cache]\nbackend = file\npath = /dev/null/x",
	"t.ini:5: [cache] path = /dev/null/x: /dev/null is no directory\n"},
    {"one that cannot be made by this user", "[cache]\nbackend = file\npath = /nonexistent/x",
	"t.ini:5: warning: [cache] path = /nonexistent/x: it is not there, and this user cannot make it: No such file "
	"or directory\n"},
    {"an authority that cannot be read", "[upstream b]\nurl = https://b\ntls_ca = /nonexistent",
	"t.ini:5: [upstream b] tls_ca = /nonexistent: cannot be read: No such file or directory\n"},
    {"no verification", "[upstream b]\nurl = https://b\ntls_verify = off",
	"t.ini:5: warning: [upstream b] tls_verify = off: anybody on the way can pose as the upstream\n"},
    {"TLS options without TLS", "[upstream b]\nurl = http://b\ntls_verify = off",
	"t.ini:5: warning: [upstream b] tls_verify = off: it has no effect: the URL is not https\n"},
    {"a large head", "[server]\nmax_header = 64K",
	"t.ini:4: warning: [server] max_header = 64K: above 32K every hit becomes slower\n"},
    {"an override of Authorization", "[route /a]\nttl = 1s\noverride = authorization",
	"t.ini:5: warning: [route /a] override = authorization: authorization: a page made for one user is served to "
	"all, even to "
	"those without credentials; vary = Authorization keeps them apart\n"},
    {"an override of Authorization, kept apart", "[route /a]\noverride = authorization\nvary = authorization", NULL},
    {"cookies replayed", "[route /a]\nset_cookie = keep",
	"t.ini:4: warning: [route /a] set_cookie = keep: keep: a stored cookie is given to every visitor\n"},
    {"vary by all cookies", "[route /a]\nvary = Cookie",
	"t.ini:4: warning: [route /a] vary = Cookie: Cookie: nearly every visitor gets a page of his own (did you mean "
	"vary_cookie "
	"= NAME?)\n"},
    {"options of a cache that is off", "[route /a]\ncache = off\nttl = 1s",
	"t.ini:5: warning: [route /a] ttl = 1s: it has no effect with cache = off\n"},
    {"what clients ask of a cache that is off", "[route /a]\ncache = off\nclient_cache_control = ignore",
	"t.ini:5: warning: [route /a] client_cache_control = ignore: it has no effect with cache = off\n"},
    {"a path that is taken for a host", "[route a]\nmatch = blog/*",
	"t.ini:4: warning: [route a] match = blog/*: \"blog\" is taken for a host (did you mean \"/blog/*\"?)\n"},
    {"a pattern with a query", "[route a]\nmatch = /a?b=c",
	"t.ini:4: [route a] match = /a?b=c: \"/a?b=c\" has a query: patterns see the path alone (did you mean "
	"\"/a\"?)\n"},
    {"a host without a path", "[route a]\nmatch = shop.example.com",
	"t.ini:4: [route a] match = shop.example.com: \"shop.example.com\" has neither a path, which begins with /, "
	"nor a ~ with a "
	"regular expression (did you mean \"shop.example.com/*\"?)\n"},
    {"a route behind one that takes all of it", "[route /a/*]\n[route /a/b/*]",
	"t.ini:4: warning: [route /a/b/*]: this route is never reached: [route /a/*] on line 3 comes first and takes "
	"all of it\n"},
    {"a regex behind one that takes all of it", "[route /a/*]\n[route x]\nmatch = ~ ^/a/[0-9]+, h.x/a/b",
	"t.ini:5: warning: [route x] match = ~ ^/a/[0-9]+, h.x/a/b: this route is never reached: [route /a/*] on line "
	"3 comes first "
	"and takes all of it\n"},
    {"a route of which a part is reached", "[route /a/*]\n[route x]\nmatch = /a/b, /c", NULL},
    {"a route behind one of another host", "[route x]\nmatch = h.example/a/*\n[route /a/b]", NULL},
    {"a secret is not told", "[admin]\ntoken = se cret",
	"t.ini:4: [admin] token = (not shown): a byte in it cannot be sent in a header field; allowed: visible ASCII "
	"characters "
	"without quotes\n"},
};

START_TEST(tells_what_is_wrong)
{
	const struct row *r = &rows[_i];
	char text[1024];
	(void)snprintf(text, sizeof(text), "%s%s", UPSTREAM, r->text);
	int err = load(text);
	if (!r->problems) {
		ck_assert_msg(err == ERR_OK && problems.n == 1, "%s: %s", r->says, problems.p);
		return;
	}
	bool warning = strstr(r->problems, "warning: ");
	bool whole = r->problems[strlen(r->problems) - 1] == '\n'; /* else only its beginning is given */
	ck_assert_msg((err == ERR_OK) == warning, "%s: %s", r->says, problems.p);
	ck_assert_msg(
	    whole ? strcmp(problems.p, r->problems) == 0 : strncmp(problems.p, r->problems, strlen(r->problems)) == 0,
	    "%s:\n%s", r->says, problems.p);
}
END_TEST

START_TEST(without_an_upstream_it_says_how_to_name_one)
{
	ck_assert_int_eq(load_from(NULL, "", NULL, NULL, 0), ERR_INVALID);
	ck_assert_str_eq(problems.p, "[upstream] url: it is missing: requests that no route sends elsewhere go there; "
				     "say larder --upstream http://127.0.0.1:8000, "
				     "LARDER_UPSTREAM_URL or url = ... in [upstream]\n");
}
END_TEST

START_TEST(an_option_before_any_section_is_told)
{
	ck_assert_int_eq(load("listen = 1\n" UPSTREAM), ERR_INVALID);
	ck_assert_str_eq(problems.p, "t.ini:1: listen: the option stands before any [section]\n");
}
END_TEST

START_TEST(control_bytes_do_not_reach_a_message)
{
	const char *const environment[] = {"LARDER_LOG_LEVEL=\033[31m\n", NULL};
	ck_assert_int_eq(load_from(NULL, "", environment, &upstream_flag, 1), ERR_INVALID);
	ck_assert_ptr_null(strchr(problems.p, '\033'));
}
END_TEST

START_TEST(many_problems_are_counted)
{
	struct buf text;
	buf_init(&text, 1 << 16);
	for (unsigned i = 0; i < 300; i++)
		(void)buf_add(&text, STR("what\n"));
	(void)buf_addc(&text, '\0');
	ck_assert_int_eq(load(text.p), ERR_INVALID);
	unsigned lines = 0;
	for (const char *c = problems.p; *c; c++)
		lines += *c == '\n';
	ck_assert_uint_eq(lines, PROBLEMS_KEPT + 1);
	/* 300 lines and the URL that is missing. */
	ck_assert_ptr_nonnull(strstr(problems.p, "\nand 101 more\n"));
	buf_free(&text);
}
END_TEST

START_TEST(routes_keep_their_order_and_the_default_is_last)
{
	struct conf *c =
	    load_good(UPSTREAM "[route /b]\n[route default]\nttl = 5s\n[route x]\nmatch = /a, /c\ncache = off\n");
	ck_assert_uint_eq(c->n_routes, 3);
	ck_assert(str_eq(c->routes[0].name, STR("/b")) && c->routes[0].line == 3 && c->routes[0].match.n == 1);
	ck_assert(str_eq(c->routes[1].name, STR("x")) && c->routes[1].match.n == 2 && !c->routes[1].cache);
	ck_assert(str_eq(c->routes[2].name, STR("default")) && c->routes[2].ttl_ms == 5000 && c->routes[2].line == 4);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(c->routes[i].index == i && str_eq(c->routes[i].file, STR("t.ini")));
}
END_TEST

START_TEST(header_operations_keep_the_order_of_their_lines)
{
	const struct header_ops *ops =
	    &load_good(UPSTREAM "[route /a]\nresponse_header_remove = A\nresponse_header_add = A: 1\n"
				"response_header_add = A: 2\nrequest_header_set = B: 1\n")
		 ->routes[0]
		 .response_headers;
	ck_assert_uint_eq(ops->n, 3);
	ck_assert(ops->v[0].kind == HEADER_REMOVE && ops->v[1].kind == HEADER_ADD && str_eq(ops->v[2].value, STR("2")));
	ck_assert_uint_eq(loaded->routes[0].request_headers.n, 1);
}
END_TEST

START_TEST(a_variable_takes_the_place_of_all_lines)
{
	const char *const environment[] = {"LARDER_ROUTE_A_RESPONSE_HEADER_ADD=B: 3", NULL};
	const char *text = UPSTREAM "[route a]\nmatch = /a\nresponse_header_add = A: 1\nresponse_header_add = A: 2\n"
				    "response_header_remove = C\n";
	ck_assert_int_eq(load_from("t.ini", text, environment, NULL, 0), ERR_OK);
	const struct header_ops *ops = &loaded->routes[0].response_headers;
	ck_assert_uint_eq(ops->n, 2);
	ck_assert(ops->v[0].kind == HEADER_REMOVE && str_eq(ops->v[1].value, STR("3")));
}
END_TEST

START_TEST(a_route_takes_max_object_from_the_cache)
{
	struct conf *c = load_good(UPSTREAM "[route /a]\n[route /b]\nmax_object = 1K\n[cache]\nmax_object = 2M\n");
	ck_assert_uint_eq(c->routes[0].max_object, 2 << 20);
	ck_assert_uint_eq(c->routes[1].max_object, 1024);
	ck_assert_uint_eq(load_good(UPSTREAM "[cache]\nmemory_size = 2M\n")->cache.max_object, 2 << 20);
#define REDIS UPSTREAM "[cache]\nredis_url = redis://h\nbackend = "
	ck_assert_uint_eq(load_good(REDIS "redis\n")->cache.max_object, 1 << 20);
	ck_assert_uint_eq(load_good(REDIS "memory, redis\n")->cache.max_object, 16 << 20);
}
END_TEST

static unsigned number(void *ctx, struct str name)
{
	*(unsigned *)ctx += 1;
	return (unsigned)name.n;
}

START_TEST(routes_are_numbered_by_the_caller)
{
	unsigned n = 0;
	struct conf *c = load_good(UPSTREAM "[route x]\nmatch = ~ ^/a+$\n");
	conf_number_routes(c, number, &n);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(c->routes[0].metrics_id, 1);
	ck_assert_uint_eq(c->routes[1].metrics_id, 7);
}
END_TEST

static void write_file(char *path, const void *content, size_t n)
{
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, content, n), (ssize_t)n);
	(void)close(fd);
}

static int load_path(const char *path)
{
	struct conf_source source = {.path = path};
	conf_release(&loaded);
	buf_reset(&problems);
	int err = conf_load(&source, &loaded, &problems);
	(void)buf_addc(&problems, '\0');
	return err;
}

START_TEST(reads_a_file_and_a_token_file)
{
	char token[] = "/tmp/larder-token-XXXXXX", ini[] = "/tmp/larder-ini-XXXXXX";
	write_file(token, "0123456789abcdef\n", 17);
	char text[256];
	int n = snprintf(text, sizeof(text), "\xef\xbb\xbf%s[admin]\r\ntoken_file = %s\r\n", UPSTREAM, token);
	write_file(ini, text, (size_t)n);
	int err = load_path(ini);
	(void)unlink(token);
	(void)unlink(ini);
	ck_assert_msg(err == ERR_OK, "%s", problems.p);
	ck_assert(str_eq(loaded->admin.token, STR("0123456789abcdef")));
	ck_assert(str_eq(loaded->file, str_of(ini)));
}
END_TEST

START_TEST(a_file_that_cannot_be_read_is_told)
{
	ck_assert_int_eq(load_path("/nonexistent/x.ini"), ERR_INVALID);
	ck_assert_str_eq(problems.p, "/nonexistent/x.ini: the file cannot be read: No such file or directory\n");
	ck_assert_int_eq(load_path("/"), ERR_INVALID);
	ck_assert_str_eq(problems.p, "/: the file cannot be read: Is a directory\n");
	ck_assert_int_eq(load_path("/dev/zero"), ERR_INVALID);
	ck_assert_str_eq(problems.p, "/dev/zero: the file cannot be read: it is larger than 4M\n");
}
END_TEST

START_TEST(a_snapshot_lives_as_long_as_its_references)
{
	struct conf *second = conf_ref(load_good(UPSTREAM));
	conf_release(&loaded);
	ck_assert_ptr_null(loaded);
	ck_assert_uint_eq(second->upstreams[0].url.port, 8000);
	conf_release(&second);
	ck_assert_ptr_null(second);
	conf_release(&second);
}
END_TEST

START_TEST(finds_the_option_of_a_flag)
{
	static const struct {
		const char *flag, *section, *name; /* NULL: there is none */
	} flags[] = {{"listen", "server", "listen"}, {"upstream", "upstream", "url"}, {"admin", "admin", "listen"},
	    {"upstream-url", "upstream", "url"}, {"cache-memory-size", "cache", "memory_size"},
	    {"route-ttl", NULL, NULL}, {"cache_memory_size", NULL, NULL}, {"", NULL, NULL}, {"nothing", NULL, NULL}};
	for (size_t i = 0; i < COUNT(flags); i++) {
		struct conf_flag f = {0};
		ck_assert_msg(conf_find_flag(flags[i].flag, &f) == (flags[i].name != NULL), "%s", flags[i].flag);
		if (flags[i].name)
			ck_assert_msg(strcmp(f.section, flags[i].section) == 0 && strcmp(f.name, flags[i].name) == 0,
			    "%s", flags[i].flag);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conf/load");
	TCase *t = tcase_create("load");
	tcase_add_checked_fixture(t, fixture_start, fixture_stop);
	tcase_add_test(t, other_programs_names_are_known);
	tcase_add_test(t, tls_to_redis_is_looked_at);
	tcase_add_test(t, one_flag_is_enough);
	tcase_add_test(t, the_stronger_source_wins);
	tcase_add_test(t, named_sections_have_variables);
	tcase_add_test(t, an_empty_variable_is_not_set);
	tcase_add_test(t, an_unknown_variable_is_a_warning);
	tcase_add_test(t, problems_name_their_source);
	tcase_add_test(t, what_is_beaten_is_judged_too);
	tcase_add_loop_test(t, tells_what_is_wrong, 0, COUNT(rows));
	tcase_add_test(t, without_an_upstream_it_says_how_to_name_one);
	tcase_add_test(t, an_option_before_any_section_is_told);
	tcase_add_test(t, control_bytes_do_not_reach_a_message);
	tcase_add_test(t, many_problems_are_counted);
	tcase_add_test(t, routes_keep_their_order_and_the_default_is_last);
	tcase_add_test(t, header_operations_keep_the_order_of_their_lines);
	tcase_add_test(t, a_variable_takes_the_place_of_all_lines);
	tcase_add_test(t, a_route_takes_max_object_from_the_cache);
	tcase_add_test(t, routes_are_numbered_by_the_caller);
	tcase_add_test(t, reads_a_file_and_a_token_file);
	tcase_add_test(t, a_file_that_cannot_be_read_is_told);
	tcase_add_test(t, a_snapshot_lives_as_long_as_its_references);
	tcase_add_test(t, finds_the_option_of_a_flag);
	suite_add_tcase(s, t);
	return suite_run(s);
}
