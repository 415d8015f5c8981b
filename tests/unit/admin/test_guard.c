/* Who may ask: tokens, and what a web page can make a browser send. */
#include "admin/admin.h"
#include "base/mem.h"
#include "suite.h"

enum { OPEN_LOOPBACK, OPEN_UNIX, TOKEN_LOOPBACK, TOKEN_WORLD, LOST_TOKEN };

static const struct admin_guard guards[] = {
    [OPEN_LOOPBACK] = {.listen = STR("127.0.0.1:8081"), .is_loopback = true},
    [OPEN_UNIX] = {.listen = STR("unix:/run/larder.sock"), .is_unix = true},
    [TOKEN_LOOPBACK] = {.listen = STR("127.0.0.1:8081"), .is_loopback = true, .token = STR("s3cret")},
    [TOKEN_WORLD] = {.listen = STR("10.0.0.1:8081"), .token = STR("s3cret")},
    [LOST_TOKEN] = {.listen = STR("10.0.0.1:8081")},
};

START_TEST(who_may_ask)
{
	static const struct {
		const char *sentence;
		int guard;
		const char *method, *path, *host, *origin, *site, *authorization;
		int status; /* 0: may */
	} rows[] = {
	    {"curl on loopback", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", NULL, NULL, NULL, 0},
	    {"by name", OPEN_LOOPBACK, "POST", "/purge", "localhost:8081", NULL, NULL, NULL, 0},
	    {"by name in capitals", OPEN_LOOPBACK, "GET", "/stats", "LOCALHOST", NULL, NULL, NULL, 0},
	    {"by IPv6", OPEN_LOOPBACK, "GET", "/stats", "[::1]:8081", NULL, NULL, NULL, 0},
	    {"by another loopback address", OPEN_LOOPBACK, "GET", "/stats", "127.8.9.1:8081", NULL, NULL, NULL, 0},
	    {"without Host: no browser", OPEN_LOOPBACK, "GET", "/stats", NULL, NULL, NULL, NULL, 0},
	    {"a name that was rebound", OPEN_LOOPBACK, "GET", "/stats", "evil.example", NULL, NULL, NULL, 403},
	    {"a name that looks like an address", OPEN_LOOPBACK, "GET", "/stats", "127.0.0.1.evil.example:8081", NULL,
		NULL, NULL, 403},
	    {"a name of numbers", OPEN_LOOPBACK, "GET", "/stats", "127.0.0.example", NULL, NULL, NULL, 403},
	    {"an empty Host", OPEN_LOOPBACK, "GET", "/stats", "", NULL, NULL, NULL, 403},
	    {"health for whoever asks", OPEN_LOOPBACK, "GET", "/health", "balancer.example", NULL, NULL, NULL, 0},
	    {"a form of a foreign page", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", "http://evil.example", NULL,
		NULL, 403},
	    {"a form of a sandboxed page", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", "null", NULL, NULL, 403},
	    {"a form of another port", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", "http://127.0.0.1:3000", NULL,
		NULL, 403},
	    {"a form of our own", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", "http://127.0.0.1:8081",
		"same-origin", NULL, 0},
	    {"Sec-Fetch-Site tells too", OPEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081", NULL, "cross-site", NULL,
		403},
	    {"a link from elsewhere only reads", OPEN_LOOPBACK, "GET", "/stats", "127.0.0.1:8081", NULL, "cross-site",
		NULL, 0},
	    {"a unix socket", OPEN_UNIX, "POST", "/purge", "whatever", NULL, NULL, NULL, 0},
	    {"no token", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, NULL, 401},
	    {"the token", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Bearer s3cret", 0},
	    {"the scheme has no case", TOKEN_WORLD, "POST", "/purge", "larder.example", NULL, NULL, "bearer  s3cret ",
		0},
	    {"a wrong token", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Bearer s3creT", 401},
	    {"the beginning of it", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Bearer s3cre", 401},
	    {"more than it", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Bearer s3crets3cret", 401},
	    {"an empty one", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Bearer ", 401},
	    {"another scheme", TOKEN_WORLD, "GET", "/stats", "larder.example", NULL, NULL, "Basic s3cret", 401},
	    {"health needs none", TOKEN_WORLD, "GET", "/health", "larder.example", NULL, NULL, NULL, 0},
	    {"health is read only", TOKEN_WORLD, "POST", "/health", "larder.example", NULL, NULL, NULL, 401},
	    {"nor the pages beside it", TOKEN_WORLD, "GET", "/health/", "larder.example", NULL, NULL, NULL, 401},
	    {"a token that is set is needed on loopback", TOKEN_LOOPBACK, "GET", "/stats", "127.0.0.1:8081", NULL, NULL,
		NULL, 401},
	    {"a foreign page has no use of a token", TOKEN_LOOPBACK, "POST", "/purge", "127.0.0.1:8081",
		"http://evil.example", NULL, "Bearer s3cret", 403},
	    {"a listener that lost its token is shut", LOST_TOKEN, "GET", "/stats", "10.0.0.1:8081", NULL, NULL, NULL,
		403},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct admin_request r = {.method = str_of(rows[i].method),
		    .path = str_of(rows[i].path),
		    .host = str_of(rows[i].host),
		    .origin = str_of(rows[i].origin),
		    .fetch_site = str_of(rows[i].site),
		    .authorization = str_of(rows[i].authorization)};
		struct admin_answer answer = {0};
		buf_init(&answer.body, 4096);
		bool may = admin_guard(&guards[rows[i].guard], &r, &answer);
		ck_assert_msg(may == (rows[i].status == 0), "%s: %d", rows[i].sentence, answer.status);
		ck_assert_msg(answer.status == rows[i].status, "%s: %d", rows[i].sentence, answer.status);
		ck_assert_msg((answer.authenticate != NULL) == (rows[i].status == 401), "%s", rows[i].sentence);
		ck_assert_msg(may || str_starts(buf_str(&answer.body), STR("{\"error\":\"")), "%s", rows[i].sentence);
		ck_assert_msg(str_find(buf_str(&answer.body), STR("s3cret")) == answer.body.n, "%s", rows[i].sentence);
		buf_free(&answer.body);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("guard");
	TCase *t = tcase_create("guard");
	tcase_add_test(t, who_may_ask);
	suite_add_tcase(s, t);
	return suite_run(s);
}
