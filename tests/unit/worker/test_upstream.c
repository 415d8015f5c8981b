/* The life of fetches: which connection they get, when they are repeated, where they can be cancelled, who waits. */
#include "worker/upstream.h"

#include "worker/exchange.h"

#include "world.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#define OK_HI	 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

struct stage {
	struct world w;
	struct raw_origin *o;
};

static void stage_start_at(struct stage *s, const struct act (*plays)[ORIGIN_ACTS], unsigned n, const char *path)
{
	world_start(&s->w);
	s->o = mem_zalloc(sizeof(*s->o));
	origin_start(s->o, plays, n, path);
	world_lead_to(&s->w, s->o);
}

static void stage_start(struct stage *s, const struct act (*plays)[ORIGIN_ACTS], unsigned n)
{
	stage_start_at(s, plays, n, NULL);
}

static void stage_stop(struct stage *s)
{
	world_stop(&s->w);
	origin_stop(s->o);
	free(s->o);
}

static void get(struct stage *s)
{
	struct probe *p = probe_new(&s->w, "GET", "/");
	probe_run(p);
	ck_assert_msg(p->err == 0, "%s", p->why);
	free(p);
}

static int64_t open_connections(struct stage *s)
{
	return world_metric(&s->w, METRIC_UPSTREAM_OPEN);
}

/* --- reuse --- */

START_TEST(one_connection_carries_many_requests)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), REQUEST,
	    SAY(OK_EMPTY), REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	for (int i = 0; i < 4; i++)
		get(&s);
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_CONNECTS), 1);
	ck_assert_int_eq(world_metric(&s.w, METRIC_FETCHES), 4);
	ck_assert_int_eq(open_connections(&s), 1);
	stage_stop(&s);
}
END_TEST

START_TEST(a_closed_idle_connection_leaves_the_pool)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI), {ACT_AWAIT, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	get(&s);
	ck_assert_int_eq(open_connections(&s), 1);
	sem_post(&s.o->go);
	WAIT_FOR(&s.w, open_connections(&s) == 0);
	stage_stop(&s);
}
END_TEST

START_TEST(a_fin_with_the_response_is_not_forgotten)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), {ACT_CLOSE, NULL, 0}, {ACT_TELL, NULL, 0}}, {REQUEST, SAY(OK_HI)}};
	struct stage s;
	stage_start(&s, plays, 2);
	struct probe *p = probe_new(&s.w, "GET", "/");
	probe_start(p);
	/* The connection is made and the request is out; then the loop sleeps until the FIN has come. */
	WAIT_FOR(&s.w, p->f.sent_ms > 0);
	ck_assert(sem_wait_bounded(&s.o->told));
	probe_wait(p);
	ck_assert_int_eq(p->err, 0);
	ck_assert_int_eq(open_connections(&s), 0);
	free(p);
	stage_stop(&s);
}
END_TEST

START_TEST(idle_connections_end_in_time)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.idle_connection_timeout_ms = 20;
	get(&s);
	ck_assert_int_eq(open_connections(&s), 1);
	WAIT_FOR(&s.w, open_connections(&s) == 0);
	stage_stop(&s);
}
END_TEST

START_TEST(idle_connections_end_before_the_peer_ends_them)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST,
	    SAY("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nhi"), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.idle_connection_timeout_ms = 3600 * 1000;
	get(&s);
	ck_assert_int_eq(open_connections(&s), 1);
	WAIT_FOR(&s.w, open_connections(&s) == 0);
	stage_stop(&s);
}
END_TEST

START_TEST(a_peer_that_keeps_nothing_is_believed)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST,
	    SAY("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=0\r\nContent-Length: 2\r\n\r\nhi"), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	get(&s);
	ck_assert_int_eq(open_connections(&s), 0);
	stage_stop(&s);
}
END_TEST

START_TEST(max_idle_0_keeps_none)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.max_idle = 0;
	get(&s);
	ck_assert_int_eq(open_connections(&s), 0);
	stage_stop(&s);
}
END_TEST

START_TEST(reload_closes_what_no_setting_leads_to)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}, {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 2);
	struct conf settings = {.upstreams = &s.w.conf, .n_upstreams = 1};
	get(&s);
	upstreams_reload(s.w.upstreams, &settings);
	ck_assert_int_eq(open_connections(&s), 1);
	settings.n_upstreams = 0;
	upstreams_reload(s.w.upstreams, &settings);
	ck_assert_int_eq(open_connections(&s), 0);
	get(&s);
	stage_stop(&s);
}
END_TEST

/* --- the idle connection that turns out closed --- */

/* The first request leaves an idle connection; what the origin does to it then happens while the loop does not run. */
static struct probe *after_a_silent_turn(struct stage *s, struct probe *p)
{
	get(s);
	sem_post(&s->o->go);
	ck_assert(sem_wait_bounded(&s->o->told));
	probe_run(p);
	return p;
}

START_TEST(a_closed_connection_is_not_taken)
{
	static const struct {
		enum act_kind ends;
		bool post;
	} rows[] = {{ACT_CLOSE, false}, {ACT_RESET, false}, {ACT_CLOSE, true}, {ACT_RESET, true}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct act plays[2][ORIGIN_ACTS] = {
		    {REQUEST, SAY(OK_HI), {ACT_AWAIT, NULL, 0}, {rows[i].ends, NULL, 0}, {ACT_TELL, NULL, 0}},
		    {UNTIL(rows[i].post ? "hello" : "\r\n\r\n"), SAY(OK_HI), {ACT_GONE, NULL, 0}}};
		struct stage s;
		stage_start(&s, (const struct act(*)[ORIGIN_ACTS])plays, 2);
		struct probe *p = rows[i].post ? probe_post(&s.w, "hello", 5) : probe_new(&s.w, "GET", "/");
		after_a_silent_turn(&s, p);
		ck_assert_msg(p->err == 0, "%s", p->why);
		ck_assert_int_eq(p->status, 200);
		ck_assert_int_eq(world_metric(&s.w, METRIC_FETCH_RETRIES), 0);
		free(p);
		stage_stop(&s);
	}
}
END_TEST

/* RFC 9112 6.3: extra data is no separate response. It may come after its response was complete, and lie there before the loop
 * looks. */
START_TEST(bytes_behind_a_response_are_no_answer_to_the_next)
{
	static const struct {
		const char *says, *bytes;
	} rows[] = {
	    {"behind a body", OK_HI},
	    {"behind a 304", "HTTP/1.1 304 Not Modified\r\n\r\n"},
	    {"behind a 204", "HTTP/1.1 204 No Content\r\n\r\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct act plays[2][ORIGIN_ACTS] = {{REQUEST, SAY(rows[i].bytes), {ACT_AWAIT, NULL, 0},
							SAY("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"),
							{ACT_TELL, NULL, 0}, {ACT_GONE, NULL, 0}},
		    {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
		struct stage s;
		stage_start(&s, (const struct act(*)[ORIGIN_ACTS])plays, 2);
		struct probe *p = after_a_silent_turn(&s, probe_new(&s.w, "GET", "/next"));
		ck_assert_msg(p->err == 0, "%s: %s", rows[i].says, p->why);
		ck_assert_msg(
		    str_eq(str_make(p->body, p->n_body), STR("hi")), "%s: %.*s", rows[i].says, (int)p->n_body, p->body);
		ck_assert_msg(atomic_load(&s.o->accepted) == 2, "%s: the connection was used again", rows[i].says);
		free(p);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(closed_after_the_request)
{
	static const struct {
		const char *says;
		bool retry, reused;
		const char *method, *bytes;
		int err;
	} rows[] = {
	    {"an idempotent request on a used connection is repeated", true, true, "GET", "", 0},
	    {"but not when it may not", false, true, "GET", "", ERR_RESET},
	    {"not on a fresh connection", true, false, "GET", "", ERR_RESET},
	    {"not when bytes of the response came", true, true, "GET", "HTTP/1.1 2", ERR_SHORT},
	    {"not when its body was taken", true, true, "PUT", "", ERR_RESET},
	    {"408 to a used connection is repeated", true, true, "GET",
		"HTTP/1.1 408 Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 0},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct act plays[2][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI)}, {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
		struct act *a = plays[0] + (rows[i].reused ? 2 : 0);
		*a++ = (struct act)UNTIL(rows[i].method[0] == 'P' ? "hello" : "\r\n\r\n");
		*a++ = rows[i].bytes[0] ? (struct act)SAY(rows[i].bytes) : (struct act){ACT_END, NULL, 0};
		*a = (struct act){ACT_END, NULL, 0};
		struct stage s;
		stage_start(&s, (const struct act(*)[ORIGIN_ACTS])plays, 2);
		if (rows[i].reused)
			get(&s);
		struct probe *p = rows[i].method[0] == 'P' ? probe_post(&s.w, "hello", 5) : probe_new(&s.w, "GET", "/");
		p->f.method = str_of(rows[i].method);
		p->f.retry = rows[i].retry;
		probe_run(p);
		ck_assert_msg(p->err == rows[i].err, "%s: %s", rows[i].says, err_name(p->err));
		ck_assert_msg(world_metric(&s.w, METRIC_FETCH_RETRIES) == (rows[i].err == 0), "%s", rows[i].says);
		ck_assert_int_eq(p->err || p->status == 200, 1);
		free(p);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(it_is_repeated_once_only)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), REQUEST}, {REQUEST}, {REQUEST, SAY(OK_HI)}};
	struct stage s;
	stage_start(&s, plays, 3);
	get(&s);
	struct probe *p = probe_new(&s.w, "GET", "/");
	probe_run(p);
	ck_assert_int_eq(p->err, ERR_RESET);
	free(p);
	stage_stop(&s);
}
END_TEST

/* --- cancelling --- */

static const struct act answer[][ORIGIN_ACTS] = {
    {REQUEST, SAY("HTTP/1.1 103 E\r\n\r\n" OK_HI), {ACT_GONE, NULL, 0}}, {REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};

START_TEST(cancelled_inside_an_event)
{
	for (int where = 0; where < 4; where++) {
		struct stage s;
		stage_start(&s, answer, 2);
		struct probe *p = probe_new(&s.w, "GET", "/");
		p->cancel_in_interim = where == 0;
		p->cancel_in_head = where == 1;
		p->cancel_in_space = where == 2;
		p->cancel_in_data = where == 3;
		probe_run(p);
		ck_assert_int_eq(p->err, ERR_CANCELLED);
		ck_assert_int_eq(open_connections(&s), 0);
		free(p);
		get(&s);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(cancelled_inside_uploaded)
{
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	struct probe *p = probe_post(&s.w, "hello", -1);
	p->cancel_in_uploaded = true;
	probe_run(p);
	ck_assert_int_eq(p->err, ERR_CANCELLED);
	free(p);
	stage_stop(&s);
}
END_TEST

START_TEST(cancelled_while_it_waits)
{
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_GONE, NULL, 0}}, {{ACT_GONE, NULL, 0}}};
	for (int phase = 0; phase < 5; phase++) {
		struct stage s;
		stage_start(&s, plays, 2);
		struct probe *first = NULL, *p = probe_new(&s.w, "GET", "/");
		if (phase == 0) { /* at the gate */
			s.w.conf.max_in_flight = 1;
			first = probe_new(&s.w, "GET", "/");
			probe_start(first);
		} else if (phase == 1) { /* before its start, which waits for the loop's next turn */
			p->f.has_body = true;
		} else if (phase == 2) { /* before it fails */
			headers_add(&p->headers, &s.w.arena, STR("a b"), STR("c"));
		}
		probe_start(p);
		if (phase == 4) /* the response is awaited */
			WAIT_FOR(&s.w, p->f.sent_ms > 0);
		upstream_cancel(s.w.upstreams, &p->f);
		ck_assert_ptr_null(p->f.exchange);
		upstream_cancel(s.w.upstreams, &p->f); /* harmless */
		upstream_resume(s.w.upstreams, &p->f);
		upstream_body(s.w.upstreams, &p->f);
		if (first)
			upstream_cancel(s.w.upstreams, &first->f);
		uv_run(&s.w.loop, UV_RUN_NOWAIT);
		ck_assert(!p->done && !p->headed);
		ck_assert_int_eq(open_connections(&s), 0);
		stage_stop(&s);
		free(p);
		free(first);
	}
}
END_TEST

/* --- the queue --- */

static struct probe *order[8];
static int n_order;

static void note_order(struct probe *p)
{
	order[n_order++] = p;
}

START_TEST(requests_wait_in_order)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, {ACT_AWAIT, NULL, 0}, SAY(OK_HI), REQUEST, SAY(OK_HI),
	    REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.max_in_flight = 1;
	s.w.conf.queue = 3;
	struct probe *p[5];
	n_order = 0;
	for (int i = 0; i < 5; i++) {
		p[i] = probe_new(&s.w, "GET", "/");
		p[i]->after = note_order;
		probe_start(p[i]);
	}
	WAIT_FOR(&s.w, p[4]->done && p[0]->f.sent_ms > 0); /* the queue was full */
	ck_assert_int_eq(p[4]->err, ERR_BUSY);
	struct gate_figures figures[2];
	ck_assert_uint_eq(gates_read(s.w.gates, figures, 2), 1);
	ck_assert_uint_eq(figures[0].in_flight, 1);
	ck_assert_uint_eq(figures[0].waiting, 3);
	sem_post(&s.o->go);
	WAIT_FOR(&s.w, n_order == 5);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(p[i]->err, 0);
		ck_assert_ptr_eq(order[i + 1], p[i]);
	}
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_QUEUED), 3);
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_CONNECTS), 1);
	stage_stop(&s);
	for (int i = 0; i < 5; i++)
		free(p[i]);
}
END_TEST

START_TEST(waiting_in_the_queue_is_bounded)
{
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.max_in_flight = 1;
	s.w.conf.queue_timeout_ms = 20;
	struct probe *first = probe_new(&s.w, "GET", "/"), *p = probe_new(&s.w, "GET", "/");
	probe_start(first);
	probe_run(p);
	ck_assert_int_eq(p->err, ERR_BUSY);
	upstream_cancel(s.w.upstreams, &first->f);
	stage_stop(&s);
	free(first);
	free(p);
}
END_TEST

static void start_again(struct probe *p)
{
	p->after = NULL;
	p->done = p->headed = false;
	upstream_fetch(p->w->upstreams, &p->f);
}

START_TEST(done_may_fetch_again)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	struct probe *p = probe_new(&s.w, "GET", "/");
	p->after = start_again;
	probe_start(p);
	WAIT_FOR(&s.w, p->n_body == 4 && p->done);
	ck_assert_int_eq(p->err, 0);
	free(p);
	stage_stop(&s);
}
END_TEST

/* What waits for something else meanwhile (a lease, a token) may begin its fetch after that. */
START_TEST(nothing_is_fetched_after_the_abort)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	get(&s);
	struct probe *before = probe_new(&s.w, "GET", "/"), *after = probe_new(&s.w, "GET", "/");
	probe_start(before);
	upstreams_abort(s.w.upstreams);
	ck_assert(before->done);
	ck_assert_int_eq(before->err, ERR_CANCELLED);
	probe_start(after);
	probe_wait(after);
	ck_assert_int_eq(after->err, ERR_CANCELLED);
	ck_assert_str_eq(after->why, "the proxy stops");
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_CONNECTS), 1);
	free(before);
	free(after);
	stage_stop(&s);
}
END_TEST

START_TEST(a_unix_socket_will_do)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HI), REQUEST, SAY(OK_HI), {ACT_GONE, NULL, 0}}};
	char path[] = "/tmp/larder-test-XXXXXX";
	int fd = mkstemp(path);
	close(fd);
	unlink(path);
	struct stage s;
	stage_start_at(&s, plays, 1, path);
	get(&s);
	get(&s);
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_CONNECTS), 1);
	stage_stop(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("upstream");
	TCase *t = tcase_create("upstream");
	tcase_add_test(t, one_connection_carries_many_requests);
	tcase_add_test(t, a_closed_idle_connection_leaves_the_pool);
	tcase_add_test(t, a_fin_with_the_response_is_not_forgotten);
	tcase_add_test(t, idle_connections_end_in_time);
	tcase_add_test(t, idle_connections_end_before_the_peer_ends_them);
	tcase_add_test(t, a_peer_that_keeps_nothing_is_believed);
	tcase_add_test(t, max_idle_0_keeps_none);
	tcase_add_test(t, reload_closes_what_no_setting_leads_to);
	tcase_add_test(t, a_closed_connection_is_not_taken);
	tcase_add_test(t, bytes_behind_a_response_are_no_answer_to_the_next);
	tcase_add_test(t, closed_after_the_request);
	tcase_add_test(t, it_is_repeated_once_only);
	tcase_add_test(t, cancelled_inside_an_event);
	tcase_add_test(t, cancelled_inside_uploaded);
	tcase_add_test(t, cancelled_while_it_waits);
	tcase_add_test(t, requests_wait_in_order);
	tcase_add_test(t, waiting_in_the_queue_is_bounded);
	tcase_add_test(t, done_may_fetch_again);
	tcase_add_test(t, nothing_is_fetched_after_the_abort);
	tcase_add_test(t, a_unix_socket_will_do);
	suite_add_tcase(s, t);
	return suite_run(s);
}
