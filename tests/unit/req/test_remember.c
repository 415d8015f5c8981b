/* What becomes of a refusal for personal bytes: the memory of verdicts, the counter, and what is never kept. */
#include "world.h"

#include "req/recall.h"

#define SID "Qm9zcy1zZXNzaW9uLTE"

static const struct row {
	const char *sentence, *request, *response, *cause;
	enum reason reason;
	bool passes; /* the key, from then on */
} rows[] = {
    {"a cookie of the request, found in a field", "Cookie: a=1; sid=" SID "\n", "X-Debug: " SID "\n",
	"the value of the request's cookie sid", REASON_NOT_LEAK_COOKIE, false},
    {"a cookie of the response", "", "Set-Cookie: sid=" SID "\nX-Debug: " SID "\n", "the value of Set-Cookie: sid",
	REASON_NOT_LEAK_SET_COOKIE, true},
    {"a credential", "Authorization: Bearer " SID "\n", "X-Debug: " SID "\n",
	"the credential of the request's Authorization", REASON_NOT_LEAK_AUTHORIZATION, false},
    {"a field that the ini names", "X-User-Id: " SID "\n", "X-Debug: " SID "\n",
	"the value of the request's field X-User-Id", REASON_NOT_LEAK_FIELD, false},
};

static void refuse(const struct row *row)
{
	struct world *w = world_new("[route /*]\nttl = 60s\nset_cookie = strip\noverride = authorization\n"
				    "leak_patterns = X-User-*\n");
	struct recall_note note;
	struct req *r = world_ask(w, "GET", "/p", row->request);
	struct cache_key key = r->key;
	world_respond(w, 0, 200, row->response, "page");
	ck_assert_msg(recall_read(flights_recall(w->flights), &key, &note), "%s", row->sentence);
	ck_assert_msg(note.reason == row->reason, "%s: %s", row->sentence, reason_code(note.reason));
	ck_assert_msg(strcmp(note.cause, row->cause) == 0, "%s: %s", row->sentence, note.cause);
	ck_assert_msg(recall_passes(flights_recall(w->flights), &key, w->now_ms) == row->passes, "%s", row->sentence);
	ck_assert_msg(!memmem(&note, sizeof(note), SID, strlen(SID)), "%s: the value is kept", row->sentence);
	ck_assert_uint_eq(world_counted(w, "larder_leaks_refused_total"), 1);
	ASSERT_ANSWER(r, 200, "page");
	world_end(&r);
	world_free(&w);
}

START_TEST(tells_the_name_and_never_the_value)
{
	refuse(&rows[_i]);
}
END_TEST

START_TEST(other_refusals_are_no_leaks)
{
	struct world *w = world_new("");
	struct req *r = world_ask(w, "GET", "/p", "");
	world_respond(w, 0, 200, "Cache-Control: private\n", "page");
	ck_assert_uint_eq(world_counted(w, "larder_leaks_refused_total"), 0);
	world_end(&r);
	world_free(&w);
}
END_TEST

START_TEST(a_long_name_leaves_room_for_the_words)
{
	char name[201], request[512];
	struct world *w = world_new("[route /*]\nttl = 60s\n");
	struct recall_note note;
	memset(name, 'n', 200);
	name[200] = '\0';
	snprintf(request, sizeof(request), "Cookie: %s=%s\n", name, SID);
	struct req *r = world_ask(w, "GET", "/p", request);
	struct cache_key key = r->key;
	world_respond(w, 0, 200, "X-Debug: " SID "\n", "page");
	ck_assert(recall_read(flights_recall(w->flights), &key, &note));
	ck_assert_msg(str_starts(str_of(note.cause), STR("the value of the request's cookie nnn")), "%s", note.cause);
	world_end(&r);
	world_free(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("req/remember");
	TCase *t = tcase_create("remember");
	tcase_add_loop_test(t, tells_the_name_and_never_the_value, 0, COUNT_OF(rows));
	tcase_add_test(t, other_refusals_are_no_leaks);
	tcase_add_test(t, a_long_name_leaves_room_for_the_words);
	suite_add_tcase(s, t);
	return suite_run(s);
}
