/* Idle connections: who gets which, and which one has to go. */
#include "worker/pool.h"

#include "base/mem.h"
#include "suite.h"

struct item {
	struct idle i;
	bool closed;
};

static void close_item(struct idle *i)
{
	CONTAINER_OF(i, struct item, i)->closed = true;
}

static struct conf_upstream upstream(const char *scheme, const char *host, uint16_t port, bool verify, const char *ca)
{
	return (struct conf_upstream){.url = {.scheme = str_of(scheme), .host = str_of(host), .port = port},
	    .tls_verify = verify,
	    .tls_ca = str_of(ca)};
}

START_TEST(what_makes_connections_interchangeable)
{
	static const struct {
		const char *says, *scheme, *host;
		uint16_t port;
		bool verify;
		const char *ca;
		bool same;
	} rows[] = {
	    {"the same", "https", "a", 1, true, "ca", true},
	    {"not another port", "https", "a", 2, true, "ca", false},
	    {"not another host", "https", "b", 1, true, "ca", false},
	    {"not another scheme", "http", "a", 1, true, "ca", false},
	    {"not one that was not verified", "https", "a", 1, false, "ca", false},
	    {"not one under another CA", "https", "a", 1, true, "", false},
	};
	struct pool p;
	pool_init(&p, 10, close_item);
	struct conf_upstream base = upstream("https", "a", 1, true, "ca");
	base.name = STR("one");
	struct origin *o = pool_origin(&p, &base);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct conf_upstream u =
		    upstream(rows[i].scheme, rows[i].host, rows[i].port, rows[i].verify, rows[i].ca);
		struct origin *other = pool_origin(&p, &u);
		ck_assert_msg((other == o) == rows[i].same, "%s", rows[i].says);
		origin_release(&other);
	}
	origin_release(&o);
	pool_free(&p);
}
END_TEST

START_TEST(the_newest_is_taken_first)
{
	struct pool p;
	pool_init(&p, 10, close_item);
	struct conf_upstream u = upstream("http", "a", 1, true, "");
	struct origin *o = pool_origin(&p, &u);
	struct item i[3] = {0};
	for (int n = 0; n < 3; n++)
		pool_put(&p, o, &i[n].i, 10);
	pool_remove(&p, &i[1].i);
	ck_assert_ptr_eq(pool_take(&p, o), &i[2].i);
	ck_assert_ptr_eq(pool_take(&p, o), &i[0].i);
	ck_assert_ptr_null(pool_take(&p, o));
	ck_assert(!i[0].closed && !i[1].closed && !i[2].closed);
	origin_release(&o);
	pool_free(&p);
}
END_TEST

START_TEST(the_oldest_has_to_go)
{
	struct pool p;
	pool_init(&p, 3, close_item);
	struct conf_upstream ua = upstream("http", "a", 1, true, ""), ub = upstream("http", "b", 1, true, "");
	struct origin *a = pool_origin(&p, &ua), *b = pool_origin(&p, &ub);
	struct item i[6] = {0};
	pool_put(&p, a, &i[0].i, 2);
	pool_put(&p, a, &i[1].i, 2);
	pool_put(&p, a, &i[2].i, 2); /* max_idle of a */
	ck_assert(i[0].closed && !i[1].closed);
	pool_put(&p, b, &i[3].i, 2);
	pool_put(&p, b, &i[4].i, 2); /* p.max: the oldest of all is of a */
	ck_assert(i[1].closed && !i[3].closed);
	pool_put(&p, b, &i[5].i, 0);
	ck_assert(i[5].closed);
	ck_assert_uint_eq(p.n, 3);
	origin_release(&a);
	origin_release(&b);
	pool_free(&p);
	ck_assert(i[2].closed && i[3].closed && i[4].closed);
}
END_TEST

START_TEST(reload_keeps_what_is_still_wanted)
{
	struct pool p;
	pool_init(&p, 10, close_item);
	struct conf_upstream u[] = {upstream("http", "a", 1, true, ""), upstream("http", "b", 1, true, ""),
	    upstream("https", "a", 1, true, "")};
	struct item i[3] = {0};
	for (int n = 0; n < 3; n++) {
		struct origin *o = pool_origin(&p, &u[n]);
		pool_put(&p, o, &i[n].i, 2);
		origin_release(&o);
	}
	struct conf_upstream left[] = {u[0], u[2]};
	struct conf conf = {.upstreams = left, .n_upstreams = 2};
	pool_reload(&p, &conf);
	ck_assert(!i[0].closed);
	ck_assert_msg(i[1].closed, "no setting leads to it");
	ck_assert_msg(i[2].closed, "its certificates may have changed");
	ck_assert_uint_eq(p.n, 1);
	pool_free(&p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pool");
	TCase *t = tcase_create("pool");
	tcase_add_test(t, what_makes_connections_interchangeable);
	tcase_add_test(t, the_newest_is_taken_first);
	tcase_add_test(t, the_oldest_has_to_go);
	tcase_add_test(t, reload_keeps_what_is_still_wanted);
	suite_add_tcase(s, t);
	return suite_run(s);
}
