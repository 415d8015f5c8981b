/* Which daemon gets a connection; what runs in them is shown by test_client. */
#include "suite.h"

#include "worker/daemons.h"

static unsigned made, most;

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *upload, size_t *upload_n, void **con_cls)
{
	return MHD_NO;
}

static struct MHD_Daemon *make(void *ctx)
{
	if (made == most)
		return NULL;
	made++;
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
	    on_request, NULL, MHD_OPTION_END);
}

static void ran(void *ctx)
{
	++*(unsigned *)ctx;
}

static const struct daemons_events events = {make, ran};

static void up(uv_loop_t *loop, unsigned can_be_made)
{
	uv_loop_init(loop);
	made = 0;
	most = can_be_made;
}

static void down(uv_loop_t *loop, struct daemons **d)
{
	daemons_free(d);
	uv_run(loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(loop), 0);
}

START_TEST(a_full_daemon_is_followed_by_another)
{
	uv_loop_t loop;
	unsigned runs = 0;
	up(&loop, 2);
	struct daemons *d = daemons_new(&loop, &events, &runs);
	struct daemon *first = daemon_join(d), *second;
	for (unsigned i = 1; i < DAEMON_CONNECTIONS; i++)
		ck_assert_ptr_eq(daemon_join(d), first);
	ck_assert_uint_eq(made, 1);
	second = daemon_join(d);
	ck_assert_ptr_ne(second, first);
	ck_assert_ptr_ne(daemon_mhd(second), daemon_mhd(first));
	daemon_left(first);
	ck_assert_ptr_eq(daemon_join(d), first);
	for (unsigned i = 1; i < DAEMON_CONNECTIONS; i++)
		ck_assert_ptr_eq(daemon_join(d), second);
	ck_assert_ptr_eq(daemon_join(d), second); /* no third one can be made */
	ck_assert_uint_eq(made, 2);
	down(&loop, &d);
}
END_TEST

START_TEST(without_a_daemon_there_is_nothing)
{
	uv_loop_t loop;
	unsigned runs = 0;
	up(&loop, 0);
	ck_assert_ptr_null(daemons_new(&loop, &events, &runs));
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(what_is_due_runs_once)
{
	uv_loop_t loop;
	unsigned runs = 0;
	up(&loop, 1);
	struct daemons *d = daemons_new(&loop, &events, &runs);
	struct daemon *one = daemon_join(d);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(runs, 0);
	daemon_is_due(one);
	daemon_is_due(one);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(runs, 1);
	uv_run(&loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(runs, 1);
	daemon_is_due(one); /* it does not run any more */
	down(&loop, &d);
	ck_assert_uint_eq(runs, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemons");
	TCase *t = tcase_create("daemons");
	suite_add_tcase(s, t);
	tcase_add_test(t, a_full_daemon_is_followed_by_another);
	tcase_add_test(t, without_a_daemon_there_is_nothing);
	tcase_add_test(t, what_is_due_runs_once);
	return suite_run(s);
}
