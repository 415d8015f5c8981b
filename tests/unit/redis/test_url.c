#include "suite.h"

#include <stdio.h>

#include "base/mem.h"
#include "redis/url.h"

static struct arena arena;

static const struct {
	const char *what, *text;
	enum redis_kind kind;
	bool tls;
	const char *hosts; /* "name port, name port" */
	const char *user, *password;
	const char *other; /* path or group */
	unsigned db;
} good[] = {
    {"a host alone", "redis://cache", REDIS_SINGLE, false, "cache 6379", NULL, NULL, NULL, 0},
    {"blanks around it", " redis://cache:1 \t", REDIS_SINGLE, false, "cache 1", NULL, NULL, NULL, 0},
    {"everything", "redis://ann:s3@cache.example.com:6380/7", REDIS_SINGLE, false, "cache.example.com 6380", "ann",
	"s3", NULL, 7},
    {"a password alone", "redis://:s3@10.0.0.1", REDIS_SINGLE, false, "10.0.0.1 6379", NULL, "s3", NULL, 0},
    {"an empty password", "redis://ann:@h", REDIS_SINGLE, false, "h 6379", "ann", "", NULL, 0},
    {"a colon in the password", "redis://a:b:c@h", REDIS_SINGLE, false, "h 6379", "a", "b:c", NULL, 0},
    {"an @ in the password", "redis://a:b@c@h", REDIS_SINGLE, false, "h 6379", "a", "b@c", NULL, 0},
    {"encoded user and password", "redis://a%40b:%2F%3f%25@h", REDIS_SINGLE, false, "h 6379", "a@b", "/?%", NULL, 0},
    {"a slash and no database", "redis://h/", REDIS_SINGLE, false, "h 6379", NULL, NULL, NULL, 0},
    {"the scheme in any case", "REDIS://h", REDIS_SINGLE, false, "h 6379", NULL, NULL, NULL, 0},
    {"TLS", "rediss://h", REDIS_SINGLE, true, "h 6379", NULL, NULL, NULL, 0},
    {"TLS to sentinels", "rediss+sentinel://h/g", REDIS_SENTINEL, true, "h 26379", NULL, NULL, "g", 0},
    {"TLS to a cluster", "rediss+cluster://h", REDIS_CLUSTER, true, "h 6379", NULL, NULL, NULL, 0},
    {"IPv6", "redis://[::1]:7000/1", REDIS_SINGLE, false, "::1 7000", NULL, NULL, NULL, 1},
    {"IPv6 without a port", "redis://[2001:db8::1.2.3.4]", REDIS_SINGLE, false, "2001:db8::1.2.3.4 6379", NULL, NULL,
	NULL, 0},
    {"a socket", "unix:///run/redis.sock", REDIS_UNIX, false, "", NULL, NULL, "/run/redis.sock", 0},
    {"a socket with all", "unix://a:b@/run/re%20dis?db=2", REDIS_UNIX, false, "", "a", "b", "/run/re dis", 2},
    {"sentinels", "redis+sentinel://a,b:1,[::2]/main", REDIS_SENTINEL, false, "a 26379, b 1, ::2 26379", NULL, NULL,
	"main", 0},
    {"a group and a database", "redis+sentinel://:p@a/main/3", REDIS_SENTINEL, false, "a 26379", NULL, "p", "main", 3},
    {"nodes", "redis+cluster://u:p@a,b:7001", REDIS_CLUSTER, false, "a 6379, b 7001", "u", "p", NULL, 0},
    {"a cluster's only database", "redis+cluster://a/0", REDIS_CLUSTER, false, "a 6379", NULL, NULL, NULL, 0},
};

static const struct {
	const char *what, *text, *why;
} bad[] = {
    {"nothing", "", "begins with redis://"},
    {"no scheme", "localhost:6379", "begins with redis://"},
    {"nearly a scheme", "redi://h", "did you mean redis://"},
    {"nearly another", "redis+centinel://h/g", "did you mean redis+sentinel://"},
    {"another scheme", "memcached+binary://h", "memcached+binary:// is unknown: redis, rediss"},
    {"no host", "redis://", "a host is missing"},
    {"a port alone", "redis://:6379", "a host is missing"},
    {"a word as a port", "redis://h:many", "\"many\" is not a port: 1 to 65535"},
    {"port 0", "redis://h:0", "\"0\" is not a port"},
    {"a large port", "redis://h:65536", "\"65536\" is not a port"},
    {"an empty port", "redis://h:", "\"\" is not a port"},
    {"a host with blanks", "redis://a b", "\"a b\" is not the name of a host"},
    {"IPv6 without brackets", "redis://::1", "a host is missing"},
    {"IPv6 that does not end", "redis://[::1", "']' is missing"},
    {"no IPv6", "redis://[localhost]", "is not the name of a host"},
    {"something behind IPv6", "redis://[::1]x", "\"x\" stands behind the IPv6 address"},
    {"a database with a name", "redis://h/cache", "\"cache\" is not the number of a database"},
    {"a negative database", "redis://h/-1", "\"-1\" is not the number of a database"},
    {"two databases", "redis://h/1/2", "\"1/2\" is not the number"},
    {"two servers", "redis://a,b", "only one server"},
    {"a user without a password", "redis://ann@h", "a password is missing"},
    {"a broken %", "redis://a:b%4@h", "a % in the password is not followed"},
    {"an encoded NUL", "redis://a:%00@h", "the password holds a NUL"},
    {"a slash in the password", "redis://:pa/zz@h", "%2F"},
    {"a question mark in the password", "redis://:pa?zz@h", "%3F"},
    {"no path", "unix://", "the path of the socket is missing"},
    {"two slashes", "unix://run/redis.sock", "three slashes"},
    {"a wrong parameter", "unix:///run/r?dp=1", "did you mean ?db=?"},
    {"a parameter without a value", "redis+sentinel://h/g?sentinel_password",
	"?sentinel_password stands without =value"},
    {"a parameter of no use", "redis://h?timeout=1", "?timeout= is unknown here"},
    {"no group", "redis+sentinel://h", "the name of the group is missing"},
    {"an empty group", "redis+sentinel://h//1", "the name of the group is missing"},
    {"an empty host in a list", "redis+cluster://a,,b", "a host is missing"},
    {"a database of a cluster", "redis+cluster://a/1", "a cluster has no database 1"},
    {"a sentinel's user alone", "redis+sentinel://h/g?sentinel_user=a", "without ?sentinel_password="},
    {"nearly a parameter", "redis+sentinel://h/g?sentinel_pass=a", "did you mean ?sentinel_password=?"},
};

static const char *text_of(struct str s)
{
	return s.p ? arena_str(&arena, s).p : NULL;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

START_TEST(reads_what_is_right)
{
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct redis_url u;
		struct str why = STR("");
		int err = redis_url_parse(str_of(good[i].text), &arena, &u, &why);
		ck_assert_msg(err == ERR_OK, "%s: %.*s", good[i].what, STR_ARG(why));
		struct str hosts = STR("");
		for (unsigned h = 0; h < u.n_hosts; h++)
			hosts = arena_printf(&arena, "%.*s%s%.*s %u", STR_ARG(hosts), h ? ", " : "",
			    STR_ARG(u.hosts[h].name), u.hosts[h].port);
		ck_assert_msg(u.kind == good[i].kind && u.tls == good[i].tls && u.db == good[i].db, "%s", good[i].what);
		ck_assert_msg(str_eq(hosts, str_of(good[i].hosts)), "%s: %.*s", good[i].what, STR_ARG(hosts));
		ck_assert_msg(same(text_of(u.user), good[i].user), "%s: user", good[i].what);
		ck_assert_msg(same(text_of(u.password), good[i].password), "%s: password", good[i].what);
		ck_assert_msg(same(text_of(u.kind == REDIS_UNIX ? u.path : u.group), good[i].other), "%s: the rest",
		    good[i].what);
	}
}
END_TEST

START_TEST(says_what_is_wrong)
{
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct redis_url u;
		struct str why = STR("");
		ck_assert_msg(redis_url_parse(str_of(bad[i].text), &arena, &u, &why) == ERR_INVALID, "%s", bad[i].what);
		ck_assert_msg(str_find(why, str_of(bad[i].why)) < why.n, "%s: %.*s", bad[i].what, STR_ARG(why));
		ck_assert_msg(str_find(why, STR("zz")) == why.n, "%s: shows a part of the password", bad[i].what);
	}
}
END_TEST

START_TEST(knows_the_sentinels_own_password)
{
	struct redis_url u;
	struct str why;
	ck_assert(redis_url_parse(STR("redis+sentinel://:p@h/g?sentinel_user=su&sentinel_password=s%26p"), &arena, &u,
		      &why) == ERR_OK);
	ck_assert(str_eq(u.sentinel_user, STR("su")) && str_eq(u.sentinel_password, STR("s&p")) &&
		  str_eq(u.password, STR("p")));
}
END_TEST

START_TEST(bounds_hosts_and_paths)
{
	char text[512] = "redis+cluster://h";
	struct redis_url u;
	struct str why;
	size_t n = strlen(text);
	for (int i = 1; i < REDIS_HOSTS; i++, n += 2)
		memcpy(text + n, ",h", 3);
	ck_assert(redis_url_parse(str_of(text), &arena, &u, &why) == ERR_OK && u.n_hosts == REDIS_HOSTS);
	memcpy(text + n, ",h", 3);
	ck_assert(redis_url_parse(str_of(text), &arena, &u, &why) == ERR_INVALID);
	n = (size_t)snprintf(text, sizeof(text), "unix:///");
	memset(text + n, 'x', 106);
	ck_assert(redis_url_parse(str_make(text, n + 106), &arena, &u, &why) == ERR_OK && u.path.n == 107);
	memset(text + n, 'x', 107);
	ck_assert(redis_url_parse(str_make(text, n + 107), &arena, &u, &why) == ERR_INVALID);
}
END_TEST

static void setup(void)
{
	arena_init(&arena, 0);
}

static void teardown(void)
{
	arena_free(&arena);
}

int main(void)
{
	Suite *s = suite_create("redis/url");
	TCase *c = tcase_create("url");
	suite_add_tcase(s, c);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, reads_what_is_right);
	tcase_add_test(c, says_what_is_wrong);
	tcase_add_test(c, knows_the_sentinels_own_password);
	tcase_add_test(c, bounds_hosts_and_paths);
	return suite_run(s);
}
