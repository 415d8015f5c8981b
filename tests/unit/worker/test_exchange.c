/* Requests and responses on real sockets, against an origin that plays raw bytes. */
#include "worker/exchange.h"

#include "world.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

/* --- responses: what becomes of bytes --- */

struct response_row {
	const char *says, *method, *bytes;
	int status;
	int64_t length;
	const char *body;
	int err;
	bool reusable;
	int interims;
	size_t n; /* of bytes, when they hold a NUL */
};

static const struct response_row good[] = {
    {"a body of known length", "GET", OK_HEAD "Content-Length: 5\r\n\r\nhello", 200, 5, "hello", 0, true, 0, 0},
    {"an empty body", "GET", OK_HEAD "Content-Length: 0\r\n\r\n", 200, 0, "", 0, true, 0, 0},
    {"a chunked body", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3;x=y\r\n wo\r\n0\r\n\r\n", 200,
	-1, "hello wo", 0, true, 0, 0},
    {"trailers are dropped", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n", 200,
	-1, "hi", 0, true, 0, 0},
    {"a body that ends with the connection", "GET", OK_HEAD "\r\nall of it", 200, -1, "all of it", 0, false, 0, 0},
    {"HTTP/1.0 ends with the connection", "GET", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, 2, "hi", 0,
	false, 0, 0},
    {"Connection: close is obeyed", "GET", OK_HEAD "Connection: close\r\nContent-Length: 2\r\n\r\nhi", 200, 2, "hi", 0,
	false, 0, 0},
    {"HEAD has no body, whatever its length", "HEAD", OK_HEAD "Content-Length: 5\r\n\r\n", 200, 5, "", 0, true, 0, 0},
    {"HEAD without a length: not known", "HEAD", OK_HEAD "\r\n", 200, -1, "", 0, true, 0, 0},
    {"204 has no body", "GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, 0, "", 0, true, 0, 0},
    {"304 has no body", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n", 304, -1, "", 0, true, 0, 0},
    {"304 has no body, whatever its length", "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304, 99,
	"", 0, false, 0, 0},
    {"an unknown coding ends with the connection", "GET", OK_HEAD "Transfer-Encoding: foo\r\n\r\nall of it", 200, -1,
	"all of it", 0, false, 0, 0},
    {"100 is swallowed", "GET", "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi", 200, 2, "hi", 0,
	true, 0, 0},
    {"103 is told", "GET", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi", 200,
	2, "hi", 0, true, 1, 0},
    {"an error status is a response too", "GET", "HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nhi", 503, 2, "hi", 0,
	true, 0, 0},
};

static const struct response_row bad[] = {
    {"bare LF", "GET", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"folded line", "GET", OK_HEAD "A: b\r\n c\r\nContent-Length: 0\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"two lengths", "GET", OK_HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 0, 0, "", ERR_PROTOCOL, false, 0,
	0},
    {"length and chunked", "GET", OK_HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 0, "",
	ERR_PROTOCOL, false, 0, 0},
    {"blank before the colon", "GET", OK_HEAD "Content-Length : 0\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"NUL in a head", "GET", OK_HEAD "A: b\0c\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0,
	sizeof(OK_HEAD "A: b\0c\r\n\r\n") - 1},
    {"a length that is no number", "GET", OK_HEAD "Content-Length: 2x\r\n\r\nhi", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"a negative length", "GET", OK_HEAD "Content-Length: -2\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"HTTP/0.9", "GET", "<html>hello</html>\r\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"HTTP/2", "GET", "HTTP/2 200\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0, 0},
    {"gzip, chunked", "GET", OK_HEAD "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false,
	0, 0},
    {"101 unasked", "GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 0, 0, "", ERR_PROTOCOL, false, 0,
	0},
    {"a broken chunk size", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 200, -1, "", ERR_PROTOCOL,
	false, 0, 0},
    {"a chunk longer than said", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n", 200, -1,
	NULL, ERR_PROTOCOL, false, 0, 0},
    {"no response at all", "GET", "", 0, 0, "", ERR_RESET, false, 0, 0},
    {"a head cut short", "GET", OK_HEAD "Content-Le", 0, 0, "", ERR_SHORT, false, 0, 0},
    {"a body cut short", "GET", OK_HEAD "Content-Length: 5\r\n\r\nhel", 200, 5, "hel", ERR_SHORT, false, 0, 0},
    {"a chunked body cut short", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 200, -1, "hello",
	ERR_SHORT, false, 0, 0},
    {"a chunk cut short", "GET", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhe", 200, -1, "he", ERR_SHORT, false,
	0, 0},
};

/* Plays the response in one piece or byte by byte, and looks whether the connection is used again. */
static void check_response(const struct response_row *row, bool bytewise)
{
	static struct act plays[2][ORIGIN_ACTS];
	memset(plays, 0, sizeof(plays));
	struct act *a = plays[0];
	size_t n = row->n ? row->n : strlen(row->bytes);
	*a++ = (struct act)REQUEST;
	if (!bytewise && n > 0)
		*a++ = (struct act){ACT_SAY, row->bytes, n};
	if (bytewise)
		*a++ = (struct act){ACT_TRICKLE, row->bytes, n};
	if (row->reusable) {
		*a++ = (struct act)REQUEST;
		*a++ = (struct act)SAY(OK_HEAD "Content-Length: 0\r\n\r\n");
	}
	plays[1][0] = (struct act)REQUEST;
	plays[1][1] = (struct act)SAY(OK_HEAD "Content-Length: 0\r\n\r\n");

	static struct raw_origin o;
	struct world w;
	memset(&o, 0, sizeof(o));
	origin_start(&o, plays, 2, NULL);
	world_start(&w);
	world_lead_to(&w, &o);
	struct probe *p = probe_new(&w, row->method, "/page");
	probe_run(p);
	ck_assert_msg(p->err == row->err, "%s: %s (%s)", row->says, err_name(p->err), p->why ? p->why : "");
	ck_assert_msg(p->status == row->status, "%s: status %d", row->says, p->status);
	ck_assert_msg(!p->headed || p->length == row->length, "%s: length %ld", row->says, (long)p->length);
	ck_assert_msg(p->interims == row->interims, "%s: %d interim", row->says, p->interims);
	if (row->body)
		ck_assert_msg(str_eq(str_make(p->body, p->n_body), str_of(row->body)), "%s: body", row->says);
	ck_assert_msg((p->f.first_byte_us >= p->f.started_us) == (n > 0), "%s: times", row->says);
	struct probe *again = probe_new(&w, "GET", "/again");
	probe_run(again);
	ck_assert_msg(again->err == 0 && again->status == 200, "%s: the next fails: %s", row->says, again->why);
	unsigned connections = row->reusable ? 1 : 2;
	ck_assert_msg(atomic_load(&o.accepted) == connections, "%s: connections", row->says);
	world_stop(&w);
	origin_stop(&o);
	free(p);
	free(again);
}

START_TEST(good_responses)
{
	check_response(&good[_i / 2], _i % 2);
}
END_TEST

START_TEST(bad_responses)
{
	check_response(&bad[_i / 2], _i % 2);
}
END_TEST

/* One fetch against one script. */
struct stage {
	struct world w;
	struct raw_origin *o;
	struct probe *p;
};

static void stage_start(struct stage *s, const struct act (*plays)[ORIGIN_ACTS], unsigned n)
{
	world_start(&s->w);
	s->o = mem_zalloc(sizeof(*s->o));
	origin_start(s->o, plays, n, NULL);
	world_lead_to(&s->w, s->o);
	s->p = NULL;
}

static void stage_stop(struct stage *s)
{
	world_stop(&s->w);
	origin_stop(s->o);
	free(s->p);
	free(s->o);
}

static void run_one(struct stage *s, const struct act (*plays)[ORIGIN_ACTS], unsigned n)
{
	stage_start(s, plays, n);
	s->p = probe_new(&s->w, "GET", "/");
	probe_run(s->p);
}

START_TEST(bytes_behind_a_response_end_the_connection)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HEAD "Content-Length: 2\r\n\r\nhi!"), {ACT_GONE, NULL, 0}},
	    {REQUEST, SAY(OK_HEAD "Content-Length: 2\r\n\r\nhi"), {ACT_AWAIT, NULL, 0}, SAY("!"), {ACT_GONE, NULL, 0}}};
	struct stage s;
	run_one(&s, plays, 2);
	ck_assert_int_eq(s.p->err, 0);
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_OPEN), 0);
	struct probe *again = probe_new(&s.w, "GET", "/");
	probe_run(again);
	ck_assert_int_eq(again->err, 0);
	ck_assert_int_eq(world_metric(&s.w, METRIC_UPSTREAM_OPEN), 1);
	sem_post(&s.o->go);
	WAIT_FOR(&s.w, world_metric(&s.w, METRIC_UPSTREAM_OPEN) == 0);
	free(again);
	stage_stop(&s);
}
END_TEST

START_TEST(a_reset_is_no_end_of_a_body)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HEAD "\r\nsome"), {ACT_AWAIT, NULL, 0}, {ACT_RESET, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_new(&s.w, "GET", "/");
	probe_start(s.p);
	WAIT_FOR(&s.w, s.p->n_body == 4);
	sem_post(&s.o->go);
	probe_wait(s.p);
	ck_assert_int_eq(s.p->err, ERR_SHORT);
	stage_stop(&s);
}
END_TEST

START_TEST(events_that_nobody_wants_are_left_out)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY("HTTP/1.1 103 Early Hints\r\n\r\n" OK_HEAD "Content-Length: 2\r\n\r\nhi")}};
	struct fetch_events few = probe_events;
	few.interim = NULL;
	few.upload = NULL;
	few.uploaded = NULL;
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_new(&s.w, "GET", "/");
	s.p->f.events = &few;
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, 0);
	ck_assert_int_eq(s.p->status, 200);
	ck_assert_uint_eq(s.p->n_body, 2);
	stage_stop(&s);
}
END_TEST

START_TEST(floods_are_refused)
{
	static char interims[17 * 32], fields[400 * 16], long_field[40000];
	char *end = fields;
	size_t n = 0;
	for (int i = 0; i < 17; i++)
		n += (size_t)snprintf(interims + n, sizeof(interims) - n, "HTTP/1.1 102 Processing\r\n\r\n");
	end += snprintf(end, 32, OK_HEAD);
	for (int i = 0; i < 201; i++)
		end += snprintf(end, 16, "A: %d\r\n", i);
	snprintf(end, 4, "\r\n");
	memset(long_field, 'a', sizeof(long_field) - 1);
	memcpy(long_field, OK_HEAD "A: ", sizeof(OK_HEAD "A: ") - 1);
	struct {
		const char *says, *bytes;
		int err;
	} rows[] = {{"17 interim responses", interims, ERR_PROTOCOL}, {"201 fields", fields, ERR_TOO_LARGE},
	    {"a head beyond max_header", long_field, ERR_TOO_LARGE}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct act plays[1][ORIGIN_ACTS] = {{REQUEST, SAY(rows[i].bytes)}};
		struct stage s;
		run_one(&s, (const struct act(*)[ORIGIN_ACTS])plays, 1);
		ck_assert_msg(s.p->err == rows[i].err, "%s: %s", rows[i].says, err_name(s.p->err));
		ck_assert(!s.p->headed);
		stage_stop(&s);
	}
}
END_TEST

/* --- requests --- */

START_TEST(requests_as_they_go_out)
{
	static const struct {
		const char *says, *method, *body;
		int64_t length; /* -2: no body */
		size_t piece;
		const char *sent;
	} rows[] = {
	    {"GET", "GET", "", -2, 0, "GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n"},
	    {"DELETE without a body", "DELETE", "", -2, 0, "DELETE /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n"},
	    {"POST without a body", "POST", "", -2, 0,
		"POST /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n"},
	    {"PUT of nothing", "PUT", "", 0, 0, "PUT /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 0\r\n\r\n"},
	    {"POST of known length", "POST", "hello", 5, 0,
		"POST /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"},
	    {"POST in pieces", "POST", "hello", 5, 2,
		"POST /a?b HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello"},
	    {"POST chunked", "POST", "hello", -1, 2,
		"POST /a?b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n"},
	    {"POST chunked of nothing", "POST", "", -1, 0,
		"POST /a?b HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct act plays[1][ORIGIN_ACTS] = {
		    {UNTIL(rows[i].sent), SAY("HTTP/1.1 204 No\r\n\r\n"), {ACT_GONE, NULL, 0}}};
		struct stage s;
		stage_start(&s, (const struct act(*)[ORIGIN_ACTS])plays, 1);
		s.p = probe_post(&s.w, rows[i].body, rows[i].length);
		s.p->f.method = str_of(rows[i].method);
		s.p->f.target = STR("/a?b");
		s.p->f.has_body = rows[i].length != -2;
		s.p->upload_piece = rows[i].piece;
		probe_run(s.p);
		ck_assert_msg(s.p->err == 0, "%s: %s", rows[i].says, s.p->why);
		ck_assert(s.p->f.sent_ms > 0);
		world_stop(&s.w);
		origin_stop(s.o);
		ck_assert_msg(str_eq(str_make(s.o->got, s.o->n_got), str_of(rows[i].sent)), "%s: %.*s", rows[i].says,
		    (int)s.o->n_got, s.o->got);
		free(s.p);
		free(s.o);
	}
}
END_TEST

START_TEST(a_request_that_frames_itself_is_not_sent)
{
	static const char *names[] = {"Content-Length", "transfer-encoding", "Connection"};
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_GONE, NULL, 0}}};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct stage s;
		stage_start(&s, plays, 1);
		s.p = probe_new(&s.w, "GET", "/");
		headers_add(&s.p->headers, &s.w.arena, str_of(names[i]), STR("5"));
		probe_run(s.p);
		ck_assert_int_eq(s.p->err, ERR_INVALID);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(an_early_response_ends_the_upload)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"), {ACT_GONE, NULL, 0}},
	    {REQUEST, SAY("HTTP/1.1 204 No\r\n\r\n")}};
	struct stage s;
	stage_start(&s, plays, 2);
	s.p = probe_post(&s.w, "0123456789", 10);
	s.p->upload_open = 3; /* the client has more, but not now */
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, 0);
	ck_assert_int_eq(s.p->status, 413);
	ck_assert_uint_eq(s.p->at_upload, 3);
	struct probe *again = probe_new(&s.w, "GET", "/");
	probe_run(again);
	ck_assert_int_eq(again->status, 204);
	ck_assert_uint_eq(atomic_load(&s.o->accepted), 2);
	free(again);
	stage_stop(&s);
}
END_TEST

START_TEST(a_refusal_is_read_though_the_upload_broke)
{
	/* The origin answers without reading and closes hard: the upload fails, the answer is there. */
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY("HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno"), {ACT_RESET, NULL, 0}}};
	static char big[8 << 20];
	memset(big, 'x', sizeof(big) - 1);
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_post(&s.w, big, sizeof(big) - 1);
	probe_run(s.p);
	/* RFC 9112 9.6: a reset may destroy what was not read yet, so both ends are right; a hang or a crash is not. */
	ck_assert(s.p->err == 0 ? s.p->status == 413 : s.p->err == ERR_RESET || s.p->err == ERR_SHORT);
	stage_stop(&s);
}
END_TEST

START_TEST(an_upload_waits_for_a_slow_origin)
{
	static char big[16 << 20];
	memset(big, 'x', sizeof(big) - 1);
	for (int chunked = 0; chunked < 2; chunked++) {
		static const struct act plays[2][1][ORIGIN_ACTS] = {
		    {{REQUEST, {ACT_AWAIT, NULL, 0}, {ACT_DRAIN, NULL, sizeof(big) - 1},
			SAY("HTTP/1.1 204 No\r\n\r\n")}},
		    {{REQUEST, {ACT_AWAIT, NULL, 0}, {ACT_DRAIN, NULL, sizeof(big) - 1}, UNTIL("0\r\n\r\n"),
			SAY("HTTP/1.1 204 No\r\n\r\n")}}};
		struct stage s;
		stage_start(&s, plays[chunked], 1);
		s.p = probe_post(&s.w, big, chunked ? -1 : (int64_t)sizeof(big) - 1);
		s.p->upload_piece = 100000;
		probe_start(s.p);
		/* It goes as far as the sockets hold, and then the loop rests: no spinning while the peer is full. */
		size_t before;
		do {
			before = s.p->at_upload;
			uv_run(&s.w.loop, UV_RUN_NOWAIT);
			uv_run(&s.w.loop, UV_RUN_NOWAIT);
		} while (s.p->at_upload != before || before == 0);
		ck_assert_uint_lt(s.p->at_upload, sizeof(big) - 1);
		size_t asked = s.p->uploads;
		uv_run(&s.w.loop, UV_RUN_NOWAIT);
		ck_assert_uint_le(s.p->uploads, asked + 1);
		sem_post(&s.o->go);
		probe_wait(s.p);
		ck_assert_msg(s.p->err == 0, "%s", s.p->why);
		ck_assert_uint_eq(s.p->at_upload, sizeof(big) - 1);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(an_upload_waits_for_a_slow_client)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, UNTIL("3\r\n012"), {ACT_TELL, NULL, 0}, UNTIL("0\r\n\r\n"), SAY("HTTP/1.1 204 No\r\n\r\n")}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.first_byte_timeout_ms = 50; /* of no matter while the client has the turn */
	s.p = probe_post(&s.w, "0123456789", -1);
	s.p->upload_open = 3;
	probe_start(s.p);
	WAIT_FOR(&s.w, s.p->at_upload == 3);
	ck_assert(sem_wait_bounded(&s.o->told));
	ck_assert(deadlines_next(&s.w.upstreams->deadlines) == INT64_MAX);
	s.p->upload_open = SIZE_MAX;
	s.w.conf.first_byte_timeout_ms = 10000;
	upstream_body(s.w.upstreams, &s.p->f);
	ck_assert_uint_eq(s.p->at_upload, 3); /* not inside the call */
	probe_wait(s.p);
	ck_assert_int_eq(s.p->err, 0);
	stage_stop(&s);
}
END_TEST

START_TEST(a_client_that_leaves_ends_the_exchange)
{
	static const struct act plays[][ORIGIN_ACTS] = {{{ACT_GONE, NULL, 0}}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_post(&s.w, "0123456789", 20); /* the end comes before the length */
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, ERR_SHORT);
	stage_stop(&s);
	stage_start(&s, plays, 1);
	s.p = probe_post(&s.w, "0123456789", 10);
	s.p->upload_err = ERR_RESET;
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, ERR_RESET);
	stage_stop(&s);
}
END_TEST

/* --- downloads --- */

START_TEST(a_download_waits_for_space)
{
	enum { N = 16 << 20 };
	static const struct act plays[2][1][ORIGIN_ACTS] = {
	    {{REQUEST, SAY(OK_HEAD "Content-Length: 16777216\r\n\r\n"), {ACT_FILL, NULL, N}}},
	    {{REQUEST, SAY(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1000000\r\n"), {ACT_FILL, NULL, N},
		SAY("\r\n0\r\n\r\n")}}};
	for (int chunked = 0; chunked < 2; chunked++) {
		struct stage s;
		stage_start(&s, plays[chunked], 1);
		s.p = probe_new(&s.w, "GET", "/");
		s.p->allowed = 3;
		probe_start(s.p);
		size_t all = N + (chunked ? 5 : 0);
		for (size_t given = 3; given < all; given += s.p->allowed) {
			WAIT_FOR(&s.w, s.p->allowed == 0 || s.p->done);
			struct exchange *x = s.p->f.exchange;
			WAIT_FOR(&s.w, x->paused);
			ck_assert_uint_le(x->held.cap, s.w.conf.max_header + SCRATCH_SIZE);
			ck_assert(deadlines_next(&s.w.upstreams->deadlines) == INT64_MAX);
			s.p->allowed = 1 << 20;
			upstream_resume(s.w.upstreams, &s.p->f);
			ck_assert_uint_eq(s.p->allowed, 1 << 20); /* not inside the call */
			if (s.p->n_body + s.p->allowed >= all)
				break;
		}
		probe_wait(s.p);
		ck_assert_msg(s.p->err == 0, "%s", s.p->why);
		ck_assert_uint_eq(s.p->n_body, all);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(space_of_one_byte_is_enough)
{
	static const struct act plays[][ORIGIN_ACTS] = {
	    {REQUEST, SAY(OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n")}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_new(&s.w, "GET", "/");
	s.p->allowed = 1;
	probe_start(s.p);
	for (size_t i = 0; i < 11; i++) {
		WAIT_FOR(&s.w, s.p->n_body == i + 1);
		if (i < 10) {
			WAIT_FOR(&s.w, ((struct exchange *)s.p->f.exchange)->paused);
			s.p->allowed = 1;
			upstream_resume(s.w.upstreams, &s.p->f);
		}
	}
	probe_wait(s.p);
	ck_assert_int_eq(s.p->err, 0);
	ck_assert(memcmp(s.p->body, "hello world", 11) == 0);
	stage_stop(&s);
}
END_TEST

START_TEST(a_body_that_nobody_wants_ends_the_exchange)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, SAY(OK_HEAD "Content-Length: 5\r\n\r\nhello")}};
	struct stage s;
	stage_start(&s, plays, 1);
	s.p = probe_new(&s.w, "GET", "/");
	s.p->space_err = ERR_TOO_LARGE;
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, ERR_TOO_LARGE);
	stage_stop(&s);
}
END_TEST

/* --- timeouts --- */

START_TEST(timeouts)
{
	static const struct {
		const char *says;
		struct act play[ORIGIN_ACTS];
		int64_t first_byte, idle;
		const char *word;
	} rows[] = {
	    {"no first byte", {REQUEST, {ACT_GONE, NULL, 0}}, 30, 9000, "first_byte_timeout"},
	    {"a head that stops", {REQUEST, SAY(OK_HEAD "A: "), {ACT_GONE, NULL, 0}}, 30, 9000, "first_byte_timeout"},
	    {"an interim response and no more", {REQUEST, SAY("HTTP/1.1 102 P\r\n\r\n"), {ACT_GONE, NULL, 0}}, 30, 9000,
		"first_byte_timeout"},
	    {"a body that stops", {REQUEST, SAY(OK_HEAD "Content-Length: 5\r\n\r\nhe"), {ACT_GONE, NULL, 0}}, 9000, 30,
		"idle_timeout"},
	    {"a body that never begins", {REQUEST, SAY(OK_HEAD "Content-Length: 5\r\n\r\n"), {ACT_GONE, NULL, 0}}, 9000,
		30, "idle_timeout"},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct stage s;
		stage_start(&s, &rows[i].play, 1);
		s.w.conf.first_byte_timeout_ms = rows[i].first_byte;
		s.w.conf.idle_timeout_ms = rows[i].idle;
		s.p = probe_new(&s.w, "GET", "/");
		probe_run(s.p);
		ck_assert_msg(s.p->err == ERR_TIMEOUT, "%s: %s", rows[i].says, err_name(s.p->err));
		ck_assert_msg(strstr(s.p->why, rows[i].word) != NULL, "%s: %s", rows[i].says, s.p->why);
		stage_stop(&s);
	}
}
END_TEST

START_TEST(an_upload_that_nobody_takes_times_out)
{
	static const struct act plays[][ORIGIN_ACTS] = {{REQUEST, {ACT_AWAIT, NULL, 0}}};
	static char big[16 << 20];
	memset(big, 'x', sizeof(big) - 1);
	struct stage s;
	stage_start(&s, plays, 1);
	s.w.conf.idle_timeout_ms = 50;
	s.p = probe_post(&s.w, big, sizeof(big) - 1);
	probe_run(s.p);
	ck_assert_int_eq(s.p->err, ERR_TIMEOUT);
	sem_post(&s.o->go);
	stage_stop(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exchange");
	TCase *t = tcase_create("exchange");
	tcase_add_loop_test(t, good_responses, 0, 2 * COUNT_OF(good));
	tcase_add_loop_test(t, bad_responses, 0, 2 * COUNT_OF(bad));
	tcase_add_test(t, bytes_behind_a_response_end_the_connection);
	tcase_add_test(t, a_reset_is_no_end_of_a_body);
	tcase_add_test(t, events_that_nobody_wants_are_left_out);
	tcase_add_test(t, floods_are_refused);
	tcase_add_test(t, requests_as_they_go_out);
	tcase_add_test(t, a_request_that_frames_itself_is_not_sent);
	tcase_add_test(t, an_early_response_ends_the_upload);
	tcase_add_test(t, a_refusal_is_read_though_the_upload_broke);
	tcase_add_test(t, an_upload_waits_for_a_slow_origin);
	tcase_add_test(t, an_upload_waits_for_a_slow_client);
	tcase_add_test(t, a_client_that_leaves_ends_the_exchange);
	tcase_add_test(t, a_download_waits_for_space);
	tcase_add_test(t, space_of_one_byte_is_enough);
	tcase_add_test(t, a_body_that_nobody_wants_ends_the_exchange);
	tcase_add_test(t, timeouts);
	tcase_add_test(t, an_upload_that_nobody_takes_times_out);
	suite_add_tcase(s, t);
	return suite_run(s);
}
