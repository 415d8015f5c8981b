/* The client side over real sockets, byte by byte, with a stub for the request behind it (client_rig.h). */
#include "client_rig.h"

#include <netinet/tcp.h>

#include "worker/patience.h"

#define TEXT(text)                                                                                                     \
	{                                                                                                              \
		(text), sizeof(text) - 1                                                                               \
	}
#define GET(path)	STR("GET " path " HTTP/1.1\r\nHost: x\r\n\r\n")
#define GET_CLOSE(path) STR("GET " path " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
#define HEAD_OF(path)	STR("HEAD " path " HTTP/1.1\r\nHost: x\r\n\r\n")
#define GET_1_0(path)	STR("GET " path " HTTP/1.0\r\n\r\n")

static void has(const char *line)
{
	ck_assert_msg(strstr(rig.received, line) != NULL, "no %s in: %s", line, rig.received);
}

static void has_not(const char *line)
{
	ck_assert_msg(strstr(rig.received, line) == NULL, "%s in: %s", line, rig.received);
}

static unsigned count(const char *needle)
{
	unsigned n = 0;
	for (const char *p = rig.received; (p = strstr(p, needle)); p += strlen(needle))
		n++;
	return n;
}

/* Framing of answers */

static const struct framing {
	const char *sentence;
	struct str request;
	const char *end; /* of what is received; NULL: the connection ends */
	const char *has, *has_not;
	uint64_t sent;
} framings[] = {
    {"a text has its length", GET("/text"), "\r\n\r\nhello", "Content-Length: 5\r\n", "Transfer-Encoding", 5},
    {"HEAD has the length and no body", HEAD_OF("/text"), "\r\n\r\n", "Content-Length: 5\r\n", "hello", 0},
    {"a stored page has its length", GET("/entry"), "\r\n\r\npage", "Content-Length: 4\r\n", "chunked", 4},
    {"a stored page in three parts", GET("/entry?segments=3"), "\r\n\r\npagepagepage", "Content-Length: 12\r\n",
	"chunked", 12},
    {"a stored page in many parts", GET("/entry?segments=20"), "pagepagepagepage", "Content-Length: 80\r\n", "chunked",
	80},
    {"a stored page without any part", GET("/entry?segments=0"), "\r\n\r\n", "Content-Length: 0\r\n", "page", 0},
    {"HEAD of a stored page", HEAD_OF("/entry?segments=3"), "\r\n\r\n", "Content-Length: 12\r\n", "page", 0},
    {"a file", GET("/file?length=10"), "\r\n\r\nabcdefghij", "Content-Length: 10\r\n", "tail", 10},
    {"a file of length 0", GET("/file?length=0"), "\r\n\r\n", "Content-Length: 0\r\n", "head", 0},
    {"HEAD of a file", HEAD_OF("/file?length=10"), "\r\n\r\n", "Content-Length: 10\r\n", "abc", 0},
    {"HTTP/1.0 gets a file and its length", GET_1_0("/file?length=10"), NULL, "Content-Length: 10\r\n", "tail", 10},
    {"a stream of known length", GET("/stream?length=10"), "\r\n\r\nabcdefghij", "Content-Length: 10\r\n", "chunked",
	10},
    {"a stream of length 0", GET("/stream?length=0"), "\r\n\r\n", "Content-Length: 0\r\n", "chunked", 0},
    {"a stream of unknown length is chunked", GET("/stream?bytes=10"), "0\r\n\r\n",
	"\r\n\r\nA\r\nabcdefghij\r\n0\r\n\r\n", "Content-Length", 10},
    {"HTTP/1.0 gets a stream until the end", GET_1_0("/stream?bytes=10"), NULL, "Connection: close\r\n", "chunked", 10},
    {"HTTP/1.0 gets a length where it is known", GET_1_0("/text"), NULL, "Content-Length: 5\r\n", "chunked", 5},
    {"HEAD of a stream of known length", HEAD_OF("/stream?length=10"), "\r\n\r\n", "Content-Length: 10\r\n", "abc", 0},
    {"HEAD of a stream of unknown length has no framing and ends", HEAD_OF("/stream"), NULL, "Connection: close\r\n",
	"chunked", 0},
    {"304 with the length of the whole", GET("/status=304,length=100"), "\r\n\r\n", "Content-Length: 100\r\n",
	"chunked", 0},
    {"304 of unknown length has no framing and ends", GET("/status=304"), NULL, "Connection: close\r\n", "chunked", 0},
    {"204 has no framing and stays", GET("/status=204"), "\r\n\r\n", "HTTP/1.1 204 ", "Content-", 0},
    {"a status without a name", GET("/status=299,length=0"), "\r\n\r\n", "HTTP/1.1 299 ", "chunked", 0},
};

START_TEST(answers_are_framed)
{
	const struct framing *f = &framings[_i];
	rig_up();
	rig_exchange(f->request, f->end);
	ck_assert_msg(strstr(rig.received, f->has) != NULL, "%s: %s", f->sentence, rig.received);
	ck_assert_msg(strstr(rig.received, f->has_not) == NULL, "%s: %s", f->sentence, rig.received);
	/* Nothing behind a response without a body: the client would take it for the next one's beginning. */
	if (rig.last_sent == 0)
		ck_assert_msg(
		    strcmp(strstr(rig.received, "\r\n\r\n"), "\r\n\r\n") == 0, "%s: %s", f->sentence, rig.received);
	ck_assert_msg(
	    rig.last_sent == f->sent && rig.whole == 1, "%s: counted %u", f->sentence, (unsigned)rig.last_sent);
	ck_assert_uint_eq(rig.gone, 0);
	rig_down();
}
END_TEST

START_TEST(fields_are_cleaned_and_kept_in_order)
{
	rig_up();
	rig_exchange(GET("/headers"), "hello");
	has("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	ck_assert_uint_eq(count("Date:"), 1);
	has("\r\nSet-Cookie: a=1\r\n");
	has("\r\nSet-Cookie: b=2\r\n");
	has("\r\nEmpty: ");
	has("\r\nTab: x\ty\r\n");
	has("\r\nLast: end\r\n");
	has_not("Bad:Name");
	has_not("Control");
	has_not("Injected");
	has_not("77");
	has_not("gzip");
	rig_down();
}
END_TEST

START_TEST(the_last_answer_has_one_date_as_well)
{
	rig_up();
	rig_exchange(GET("/headers?close=1"), "hello");
	has("\r\nConnection: close\r\n");
	has("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n");
	ck_assert_uint_eq(count("\r\nDate: "), 1);
	rig_down();
}
END_TEST

START_TEST(a_date_is_made_where_the_answer_has_none)
{
	rig_up();
	rig_exchange(GET("/text"), "hello");
	ck_assert_uint_eq(count("\r\nDate: "), 1);
	rig_down();
}
END_TEST

/* One connection, many requests */

START_TEST(a_connection_is_kept)
{
	rig_up();
	int fd = rig_connect();
	for (int i = 0; i < 20; i++) {
		rig_forget();
		rig_send(fd, i % 2 ? GET("/entry?segments=3") : GET("/text"));
		TURN_UNTIL(received(fd, i % 2 ? "pagepagepage" : "hello"));
	}
	ck_assert_uint_eq(rig.whole, 20);
	ck_assert_uint_eq(rig.freed, 20);
	ck_assert_uint_eq(clients_open(rig.clients), 1);
	close(fd);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	ck_assert_uint_eq(rig.gone, 0);
	rig_down();
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd,
	    STR("GET /text HTTP/1.1\r\nHost: x\r\n\r\nPOST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
		"GET /stream?bytes=10 HTTP/1.1\r\nHost: x\r\n\r\nGET /entry HTTP/1.1\r\nHost: x\r\n\r\n"));
	TURN_UNTIL(received(fd, "page"));
	ck_assert_uint_eq(count("HTTP/1.1 200"), 4);
	TURN_UNTIL(rig.whole == 4);
	ck_assert_uint_eq(rig.uploaded.n, 3);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_request_behind_a_refused_one_is_not_looked_at)
{
	rig_up();
	rig_exchange(
	    STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
		"GET /text HTTP/1.1\r\nHost: x\r\n\r\n"),
	    NULL);
	ck_assert_uint_eq(count("HTTP/1.1 "), 1);
	ck_assert_uint_eq(rig.begun, 0);
	rig_down();
}
END_TEST

START_TEST(connection_close_is_obeyed)
{
	rig_up();
	rig_exchange(GET_CLOSE("/text"), NULL);
	has("Connection: close\r\n");
	TURN_UNTIL(rig.whole == 1);
	rig_down();
}
END_TEST

/* Parking */

START_TEST(a_parked_request_gets_its_answer_later)
{
	rig_up();
	int fd = rig_connect();
	for (int i = 0; i < 3; i++) {
		rig_forget();
		rig_send(fd, GET("/park"));
		TURN_UNTIL(rig.begun == (unsigned)i + 1);
		for (int j = 0; j < 10; j++)
			turn_once();
		ck_assert(!rig_take(fd));
		ck_assert_uint_eq(rig.n_received, 0);
		rig_answer_parked();
		TURN_UNTIL(received(fd, "at last"));
	}
	TURN_UNTIL(rig.whole == 3);
	close(fd);
	rig_down();
}
END_TEST

enum { TOGETHER = 6 };

static void ask_together(int fds[TOGETHER])
{
	unsigned begun = rig.begun;
	for (int i = 0; i < TOGETHER; i++)
		rig_send(fds[i], GET("/park"));
	TURN_UNTIL(rig.begun == begun + TOGETHER);
}

/* Those that come together are not suspended at once. */
START_TEST(requests_that_come_together_are_answered_whenever_it_is)
{
	static const int turns[] = {0, 1, 2, 5, 40};
	for (size_t row = 0; row < COUNT_OF(turns); row++) {
		int fds[TOGETHER];
		rig_up();
		for (int i = 0; i < TOGETHER; i++)
			fds[i] = rig_connect();
		for (unsigned round = 1; round <= 3; round++) {
			ask_together(fds);
			for (int i = 0; i < turns[row]; i++)
				turn_once();
			rig_answer_all();
			for (int i = 0; i < TOGETHER; i++) {
				rig_forget();
				TURN_UNTIL(received(fds[i], "at last"));
			}
			TURN_UNTIL(rig.whole == round * TOGETHER);
		}
		for (int i = 0; i < TOGETHER; i++)
			close(fds[i]);
		TURN_UNTIL(clients_open(rig.clients) == 0);
		rig_down();
	}
}
END_TEST

START_TEST(waiting_together_lets_the_loop_sleep)
{
	int fds[TOGETHER];
	rig_tick_ms = 1000;
	rig_up();
	for (int i = 0; i < TOGETHER; i++)
		fds[i] = rig_connect();
	ask_together(fds);
	TURN_UNTIL(uv_backend_timeout(&rig.loop) > 0);
	rig_answer_all();
	for (int i = 0; i < TOGETHER; i++) {
		rig_forget();
		TURN_UNTIL(received(fds[i], "at last"));
		close(fds[i]);
	}
	rig_down();
	rig_tick_ms = 5;
}
END_TEST

static void leave(int fd, bool with_reset)
{
	struct linger at_once = {.l_onoff = with_reset};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

START_TEST(clients_that_leave_while_waiting_together_are_noticed)
{
	static const struct {
		const char *sentence;
		int turns;
		bool with_reset;
	} rows[] = {
	    {"closed while it lingers", 0, false},
	    {"reset while it lingers", 0, true},
	    {"closed when it is suspended", 2 * PATIENCE_TURNS, false},
	    {"reset when it is suspended", 2 * PATIENCE_TURNS, true},
	};
	for (size_t row = 0; row < COUNT_OF(rows); row++) {
		int fds[TOGETHER];
		rig_tick_ms = 1; /* shorter than they linger */
		rig_up();
		for (int i = 0; i < TOGETHER; i++)
			fds[i] = rig_connect();
		ask_together(fds);
		for (int i = 0; i < rows[row].turns; i++)
			turn_once();
		for (int i = 0; i < TOGETHER; i++) /* the last that came linger */
			leave(fds[i], rows[row].with_reset);
		TURN_UNTIL(rig.freed == TOGETHER);
		ck_assert_msg(rig.gone == TOGETHER && rig.whole == 0, "%s", rows[row].sentence);
		TURN_UNTIL(clients_open(rig.clients) == 0);
		for (int i = 0; i < TOGETHER; i++)
			fds[i] = rig_connect();
		ask_together(fds);
		rig_down(); /* cuts those that wait */
		for (int i = 0; i < TOGETHER; i++)
			close(fds[i]);
	}
	rig_tick_ms = 5;
}
END_TEST

START_TEST(connections_of_several_daemons_are_served)
{
	enum { MANY = 600 };
	static int fds[MANY];
	rig_up();
	rig.conf.server.max_connections = MANY;
	for (unsigned i = 0; i < MANY; i++) {
		fds[i] = rig_connect();
		TURN_UNTIL(clients_open(rig.clients) == i + 1);
	}
	for (unsigned i = 0; i < MANY; i += 37) {
		rig_forget();
		rig_send(fds[i], GET("/text"));
		TURN_UNTIL(received(fds[i], "hello"));
		rig_forget();
		rig_send(fds[i], GET("/park"));
		TURN_UNTIL(rig.n_parked == 1);
		rig_answer_all();
		TURN_UNTIL(received(fds[i], "at last"));
		TURN_UNTIL(rig.n_parked == 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	rig_down();
}
END_TEST

START_TEST(a_client_that_leaves_while_parked_is_noticed)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET("/park"));
	TURN_UNTIL(rig.begun == 1);
	close(fd);
	TURN_UNTIL(rig.freed == 1);
	ck_assert_uint_eq(rig.gone, 1);
	ck_assert_uint_eq(rig.whole, 0);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	rig_down();
}
END_TEST

START_TEST(a_client_that_leaves_a_parked_stream_is_noticed)
{
	rig_up();
	rig.stream_available = 5;
	int fd = rig_connect();
	rig_send(fd, GET("/stream?bytes=10"));
	TURN_UNTIL(received(fd, "abcde\r\n"));
	close(fd);
	TURN_UNTIL(rig.freed == 1);
	ck_assert_uint_eq(rig.gone, 1);
	ck_assert_uint_eq(rig.last_sent, 5);
	rig_down();
}
END_TEST

START_TEST(a_stream_waits_for_bytes_without_spinning)
{
	rig_up();
	rig.stream_available = 5;
	int fd = rig_connect();
	rig_send(fd, GET("/stream?length=10"));
	TURN_UNTIL(received(fd, "abcde"));
	for (int i = 0; i < 3; i++)
		turn_once();
	/* Nothing is to be done: the loop would sleep. */
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	ck_assert_int_ne(uv_backend_timeout(&rig.loop), 0);
	rig.stream_available = -1;
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(received(fd, "fghij"));
	TURN_UNTIL(rig.whole == 1);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_wake_from_inside_the_question_is_not_lost)
{
	rig_up();
	rig.wake_inside = true;
	rig_exchange(GET("/stream?bytes=10"), "0\r\n\r\n");
	TURN_UNTIL(rig.whole == 1);
	rig_down();
}
END_TEST

/* Bodies that break off */

static const struct broken {
	const char *sentence;
	struct str request;
	bool reset; /* the close must not look like an end */
} broken[] = {
    {"a chunked body has no last chunk", GET("/stream?bytes=10"), false},
    {"a body of known length is short", GET("/stream?length=10"), false},
    {"a body until the end is reset", GET_1_0("/stream?bytes=10"), true},
};

START_TEST(a_body_that_breaks_off_does_not_end_cleanly)
{
	rig_up();
	rig.stream_available = 5;
	int fd = rig_connect();
	rig_send(fd, broken[_i].request);
	TURN_UNTIL((rig_take(fd), strstr(rig.received, "abcde")));
	rig.stream_error = ERR_SHORT;
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(rig.freed == 1);
	char rest[64];
	ssize_t n;
	do
		n = recv(fd, rest, sizeof(rest), 0);
	while (n > 0 && !memmem(rest, (size_t)n, "0\r\n", 3));
	ck_assert_msg(n <= 0, "%s: a last chunk came", broken[_i].sentence);
	if (broken[_i].reset)
		ck_assert_msg(n < 0 && errno == ECONNRESET, "%s: ended with %zd", broken[_i].sentence, n);
	ck_assert_uint_eq(rig.whole, 0);
	ck_assert_uint_eq(rig.gone, 0); /* it was not the client */
	close(fd);
	rig_down();
}
END_TEST

static const struct str large[] = {
    GET_1_0("/stream?bytes=8000000"), GET_CLOSE("/stream?length=8000000"), GET_CLOSE("/file?length=8000000")};

START_TEST(a_large_body_comes_whole_to_a_slow_reader)
{
	rig_up();
	const uint64_t all = 8 * 1000 * 1000;
	int fd = rig_connect();
	rig_send(fd, large[_i]);
	uint64_t got = 0;
	bool in_body = false;
	char part[65536];
	for (;;) {
		turn_once();
		ssize_t n = recv(fd, part, sizeof(part), MSG_DONTWAIT);
		if (n < 0)
			continue;
		if (n == 0)
			break;
		size_t at = 0;
		if (!in_body) {
			const char *end = memmem(part, (size_t)n, "\r\n\r\n", 4);
			ck_assert_ptr_nonnull(end);
			at = (size_t)(end - part) + 4;
			in_body = true;
		}
		bool same = true;
		for (; at < (size_t)n; at++)
			same = part[at] == stub_byte(got++) && same;
		ck_assert(same);
	}
	ck_assert_uint_eq(got, all);
	ck_assert_uint_eq(rig.last_sent, all);
	close(fd);
	rig_down();
}
END_TEST

/* Uploads */

START_TEST(an_upload_waits_until_there_is_room)
{
	rig_up();
	rig.hold_upload = true;
	int fd = rig_connect();
	rig_send(fd, STR("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"));
	TURN_UNTIL(rig.begun == 1);
	for (int i = 0; i < 5; i++)
		turn_once();
	rig_send(fd, STR("def"));
	for (int i = 0; i < 5; i++)
		turn_once();
	ck_assert_uint_eq(rig.uploaded.n, 0);
	ck_assert(!rig.upload_ended);
	rig.hold_upload = false;
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(received(fd, "hello"));
	ck_assert(rig.upload_ended);
	ck_assert(str_eq(buf_str(&rig.uploaded), STR("abcdef")));
	close(fd);
	rig_down();
}
END_TEST

static void send_some(int fd, struct str *rest)
{
	ssize_t n = send(fd, rest->p, rest->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		*rest = str_skip(*rest, (size_t)n);
}

START_TEST(a_large_upload_comes_through_in_order)
{
	rig_up();
	static char body[200000];
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = stub_byte(i);
	int fd = rig_connect();
	rig_send(fd, STR("PUT /text HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"));
	struct str rest = str_make(body, sizeof(body));
	for (int i = 0; !rig.upload_ended; i++) {
		send_some(fd, &rest);
		rig.hold_upload = i % 3 == 0; /* now and then there is no room */
		turn_once();
		if (rig.current && i % 3 == 1)
			client_resume(rig.clients, rig.current);
	}
	TURN_UNTIL(received(fd, "hello"));
	ck_assert_uint_eq(rig.uploaded.n, sizeof(body));
	ck_assert(memcmp(rig.uploaded.p, body, sizeof(body)) == 0);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_held_upload_does_not_pile_up)
{
	rig_up();
	rig.hold_upload = true;
	static char body[16 * 1024 * 1024];
	int fd = rig_connect();
	rig_send(fd, STR("PUT /text HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n"));
	struct str rest = str_make(body, sizeof(body));
	for (int i = 0; i < 300; i++) {
		send_some(fd, &rest);
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	}
	/* The kernel's buffers are full, ours hold one. */
	ck_assert_uint_gt(rest.n, 1024 * 1024);
	/* A close would wait behind what the kernel still has to send. */
	leave(fd, true);
	TURN_UNTIL(rig.freed == 1);
	ck_assert_uint_eq(rig.gone, 1);
	rig_down();
}
END_TEST

START_TEST(chunks_are_undone)
{
	rig_up();
	rig_exchange(STR("POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			 "3\r\nabc\r\n00a;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\n"),
	    "hello");
	ck_assert(str_eq(buf_str(&rig.uploaded), STR("abc0123456789")));
	rig_down();
}
END_TEST

START_TEST(broken_chunks_end_the_connection)
{
	rig_up();
	rig_exchange(
	    STR("POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n"), NULL);
	ck_assert_uint_eq(rig.gone, 1);
	ck_assert(!rig.upload_ended);
	rig_down();
}
END_TEST

static const struct chunks {
	const char *sentence;
	struct str bytes;
	bool good;
} chunk_rows[] = {
    {"two chunks", TEXT("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), true},
    {"an extension", TEXT("3;x=\"y\"\r\nabc\r\n2;z\r\nde\r\n0\r\n\r\n"), true},
    {"a bare LF after the size", TEXT("3\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a bare LF after the second size", TEXT("3\r\nabc\r\n2\nde\r\n0\r\n\r\n"), false},
    {"a bare LF in an extension", TEXT("3\r\nabc\r\n5;a=b\nhello\r\n0\r\n\r\nxx\r\n0\r\n\r\n"), false},
    {"a bare CR in an extension", TEXT("3;a\rb\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a bare LF after a chunk", TEXT("3\r\nabc\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a blank after the size", TEXT("3 \r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a size in C's hexadecimals", TEXT("0x3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a negative size", TEXT("-3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"a size beyond 2^64", TEXT("10000000000000003\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"more bytes than the size", TEXT("3\r\nabcX\r\n2\r\nde\r\n0\r\n\r\n"), false},
    {"no size", TEXT("\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), false},
};

START_TEST(chunks_are_read_strictly)
{
	const struct chunks *row = &chunk_rows[_i];
	struct str head = STR("POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	char all[256];
	memcpy(all, head.p, head.n);
	memcpy(all + head.n, row->bytes.p, row->bytes.n);
	rig_up();
	rig_exchange(str_make(all, head.n + row->bytes.n), row->good ? "hello" : NULL);
	ck_assert_msg(rig.upload_ended == row->good, "%s", row->sentence);
	if (row->good)
		ck_assert(str_eq(buf_str(&rig.uploaded), STR("abcde")));
	rig_down();
}
END_TEST

START_TEST(chunks_may_be_cut_anywhere)
{
	struct str whole = STR("POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
			       "3\r\nabc\r\n00a;x=y\r\n0123456789\r\n1\r\nz\r\n0\r\n\r\n");
	for (size_t cut = 55; cut < whole.n; cut++) {
		rig_up();
		int fd = rig_connect();
		rig_send(fd, str_take(whole, cut));
		for (int i = 0; i < 4; i++)
			turn_once();
		rig_send(fd, str_skip(whole, cut));
		TURN_UNTIL(received(fd, "hello"));
		ck_assert_msg(str_eq(buf_str(&rig.uploaded), STR("abc0123456789z")), "cut at %zu", cut);
		close(fd);
		rig_down();
	}
}
END_TEST

START_TEST(many_chunks_come_through)
{
	static char text[120000];
	size_t n = 0, all = 0;
	n += (size_t)snprintf(
	    text, sizeof(text), "POST /text HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (unsigned size = 1; all + size < 90000; size = size * 3 % 997 + 1) {
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%x\r\n", size);
		for (unsigned i = 0; i < size; i++)
			text[n++] = stub_byte(all++);
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n");
	}
	n += (size_t)snprintf(text + n, sizeof(text) - n, "0\r\n\r\n");
	rig_up();
	int fd = rig_connect();
	struct str rest = str_make(text, n);
	for (int i = 0; !rig.upload_ended; i++) {
		struct str some = str_take(rest, (size_t)(i * 37 % 1500 + 1));
		rest = str_skip(rest, some.n);
		send_some(fd, &some);
		ck_assert_uint_eq(some.n, 0);
		rig.hold_upload = i % 3 == 0;
		turn_once();
		if (rig.current && i % 3 == 1)
			client_resume(rig.clients, rig.current);
	}
	TURN_UNTIL(received(fd, "hello"));
	ck_assert_uint_eq(rig.uploaded.n, all);
	bool same = true;
	for (size_t i = 0; i < all; i++)
		same = rig.uploaded.p[i] == stub_byte(i) && same;
	ck_assert(same);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_client_that_leaves_in_its_upload_is_noticed)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, STR("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"));
	TURN_UNTIL(rig.uploaded.n == 3);
	close(fd);
	TURN_UNTIL(rig.freed == 1);
	ck_assert_uint_eq(rig.gone, 1);
	ck_assert(!rig.upload_ended);
	rig_down();
}
END_TEST

/* The library polls edge-triggered, and takes a short read for the end of what there is. */
START_TEST(an_end_that_comes_with_the_last_bytes_is_noticed)
{
	static const struct str rows[] = {
	    TEXT("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"),
	    TEXT("GET /text HTTP/1.1\r\nHo"),
	    TEXT("GET /text HTTP/1.1\r\nHost: x\r\n\r\n"),
	};
	rig_up();
	int fd = rig_connect();
	TURN_UNTIL(clients_open(rig.clients) == 1);
	rig_send(fd, rows[_i]);
	if (_i == 2) /* an answer to nobody would end it as well */
		shutdown(fd, SHUT_WR);
	else
		close(fd);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	ck_assert_uint_eq(rig.gone, _i == 0);
	ck_assert_uint_eq(rig.whole, _i == 2);
	if (_i == 2)
		close(fd);
	rig_down();
}
END_TEST

static int post_and_wait(const char *path)
{
	char head[128];
	int n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc", path);
	int fd = rig_connect();
	rig_send(fd, str_make(head, (size_t)n));
	TURN_UNTIL(rig.uploaded.n == 3);
	return fd;
}

START_TEST(an_answer_that_comes_before_the_body_is_sent_early)
{
	rig_up();
	int fd = post_and_wait("/early");
	stub_text(rig.current, 413, STR("too much"));
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(rig_take(fd)); /* the sending side is closed */
	has("HTTP/1.1 413 ");
	has("Connection: close\r\n");
	has("Content-Length: 8\r\n\r\ntoo much");
	ck_assert_uint_eq(rig.whole, 1);
	ck_assert_uint_eq(rig.last_sent, 8);
	/* What the client still sends is swallowed. */
	static char rest[99997];
	ck_assert_int_eq(send(fd, rest, sizeof(rest), MSG_NOSIGNAL), sizeof(rest));
	TURN_UNTIL(clients_open(rig.clients) == 0);
	ck_assert_uint_eq(rig.freed, 1);
	ck_assert_uint_eq(rig.gone, 0);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(an_early_answer_that_streams_is_sent_once_it_is_whole)
{
	rig_up();
	int fd = post_and_wait("/stream?bytes=10");
	rig.stream_available = 5;
	stub_answer(rig.current);
	client_resume(rig.clients, rig.current);
	for (int i = 0; i < 30; i++)
		turn_once();
	ck_assert(!rig_take(fd));
	ck_assert_uint_eq(rig.n_received, 0);
	rig.stream_available = -1;
	rig.wake_inside = true;
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(rig_take(fd));
	has("\r\n\r\nabcdefghij");
	has_not("Content-Length");
	ck_assert_uint_eq(rig.last_sent, 10);
	close(fd);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	rig_down();
}
END_TEST

START_TEST(an_early_answer_that_breaks_off_does_not_end_cleanly)
{
	rig_up();
	int fd = post_and_wait("/stream?bytes=10");
	rig.stream_available = 5;
	rig.stream_error = ERR_SHORT;
	stub_answer(rig.current);
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(rig.freed == 1);
	char c;
	ck_assert_int_eq(recv(fd, &c, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	ck_assert_uint_eq(rig.whole, 0);
	close(fd);
	TURN_UNTIL(clients_open(rig.clients) == 0);
	rig_down();
}
END_TEST

START_TEST(a_body_that_ends_while_an_early_answer_is_gathered_changes_nothing)
{
	rig_up();
	int fd = post_and_wait("/stream?bytes=10");
	rig.stream_available = 5;
	stub_answer(rig.current);
	client_resume(rig.clients, rig.current);
	for (int i = 0; i < 30; i++)
		turn_once();
	static char rest[99997];
	ck_assert_int_eq(send(fd, rest, sizeof(rest), MSG_NOSIGNAL), sizeof(rest));
	for (int i = 0; i < 30; i++)
		turn_once();
	rig.stream_available = -1;
	client_resume(rig.clients, rig.current);
	TURN_UNTIL(rig_take(fd));
	has("\r\n\r\nabcdefghij");
	TURN_UNTIL(clients_open(rig.clients) == 0);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_large_early_answer_waits_for_the_body)
{
	rig_up();
	int fd = post_and_wait("/stream?length=100000");
	stub_answer(rig.current);
	client_resume(rig.clients, rig.current);
	for (int i = 0; i < 30; i++)
		turn_once();
	ck_assert(!rig_take(fd));
	ck_assert_uint_eq(rig.n_received, 0);
	static char rest[99997];
	ck_assert_int_eq(send(fd, rest, sizeof(rest), MSG_NOSIGNAL), sizeof(rest));
	TURN_UNTIL((rig_take(fd), rig.n_received > 100000));
	has("Content-Length: 100000\r\n");
	TURN_UNTIL(rig.whole == 1);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(an_answer_to_a_body_that_comes_soon_keeps_the_connection)
{
	rig_tick_ms = 500;
	rig_up();
	rig_tick_ms = 5;
	int fd = rig_connect();
	rig_send(fd, STR("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"));
	TURN_UNTIL(rig.uploaded.n == 3);
	stub_text(rig.current, 200, STR("hello"));
	client_resume(rig.clients, rig.current);
	rig_send(fd, STR("def"));
	TURN_UNTIL(received(fd, "hello"));
	has_not("Connection: close");
	rig_forget();
	rig_send(fd, GET("/text"));
	TURN_UNTIL(received(fd, "hello"));
	close(fd);
	rig_down();
}
END_TEST

START_TEST(expect_is_answered_with_continue)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, STR("POST /text HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"));
	TURN_UNTIL(received(fd, "HTTP/1.1 100 Continue\r\n\r\n"));
	rig_send(fd, STR("abc"));
	TURN_UNTIL(received(fd, "hello"));
	close(fd);
	rig_down();
}
END_TEST

/* Interim responses */

START_TEST(an_interim_response_goes_before_the_final_one)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET("/park"));
	TURN_UNTIL(rig.begun == 1);
	struct header fields[] = {{STR("Link"), STR("</a.css>; rel=preload")}, {STR("Bad"), STR("a\r\nb")}};
	struct headers h = {.v = fields, .n = 2};
	client_interim(rig.clients, rig.current, 103, &h);
	TURN_UNTIL(received(fd, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"));
	rig_answer_parked();
	TURN_UNTIL(received(fd, "at last"));
	ck_assert_uint_eq(count("HTTP/1.1 "), 2);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(no_interim_response_for_http_1_0)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET_1_0("/park"));
	TURN_UNTIL(rig.begun == 1);
	client_interim(rig.clients, rig.current, 103, &(struct headers){0});
	rig_answer_parked();
	TURN_UNTIL(rig_take(fd));
	has_not("103");
	close(fd);
	rig_down();
}
END_TEST

/* Deadlines; that they are kept to the millisecond is shown by test_watch with a clock that the test moves */

START_TEST(a_head_that_trickles_in_ends_with_408)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, STR("GET / HTTP/1.1\r\nHost: x\r\nFoo: "));
	for (int i = 0; i < 20; i++)
		turn_once();
	rig.conf.server.header_timeout_ms = 50;
	bool ended = false;
	for (int i = 0; i < 3000 && !ended; i++) {
		(void)!send(fd, "a", 1, MSG_NOSIGNAL);
		turn_once();
		ended = rig_take(fd);
	}
	ck_assert(ended);
	has("HTTP/1.1 408 Request Timeout\r\n");
	TURN_UNTIL(clients_open(rig.clients) == 0);
	ck_assert_uint_eq(rig.begun, 0);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_connection_that_says_nothing_is_closed_without_a_word)
{
	rig_up();
	rig.conf.server.header_timeout_ms = 20;
	int fd = rig_connect();
	TURN_UNTIL(rig_take(fd));
	ck_assert_str_eq(rig.received, "");
	close(fd);
	rig_down();
}
END_TEST

START_TEST(an_idle_connection_is_closed)
{
	rig_up();
	rig.conf.server.keepalive_timeout_ms = 20;
	int fd = rig_connect();
	rig_send(fd, GET("/text"));
	TURN_UNTIL(rig_take(fd));
	ck_assert_uint_eq(count("HTTP/1.1 "), 1);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(an_upload_that_stalls_ends_with_408)
{
	rig_up();
	rig.conf.server.send_timeout_ms = 20;
	int fd = rig_connect();
	rig_send(fd, STR("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"));
	TURN_UNTIL(rig_take(fd));
	has("HTTP/1.1 408 ");
	ck_assert_uint_eq(rig.gone, 1);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_client_that_takes_nothing_is_cut)
{
	rig_up();
	rig.conf.server.send_timeout_ms = 100;
	int fd = rig_connect();
	rig_send(fd, GET("/stream?length=100000000"));
	TURN_UNTIL(rig.freed == 1);
	ck_assert_uint_eq(rig.gone, 1);
	ck_assert_uint_gt(rig.last_sent, 0);
	close(fd);
	rig_down();
}
END_TEST

START_TEST(a_parked_request_has_no_deadline_here)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET("/park"));
	TURN_UNTIL(rig.begun == 1);
	rig.conf.server.header_timeout_ms = rig.conf.server.keepalive_timeout_ms = rig.conf.server.send_timeout_ms = 10;
	int64_t until_us = clock_mono_us() + 60 * 1000;
	while (clock_mono_us() < until_us)
		turn_once();
	ck_assert(!rig_take(fd));
	rig.conf.server.send_timeout_ms = 60000;
	rig_answer_parked();
	TURN_UNTIL((rig_take(fd), strstr(rig.received, "at last")));
	close(fd);
	rig_down();
}
END_TEST

/* Limits and the end */

START_TEST(beyond_max_connections_clients_are_closed_at_once)
{
	rig_up();
	rig.conf.server.max_connections = 2;
	int fds[4];
	for (int i = 0; i < 4; i++)
		fds[i] = rig_connect();
	TURN_UNTIL(rig_take(fds[2]) && rig_take(fds[3]));
	ck_assert_uint_eq(clients_open(rig.clients), 2);
	for (int i = 2; i < 4; i++)
		close(fds[i]);
	close(fds[0]);
	TURN_UNTIL(clients_open(rig.clients) == 1);
	int again = rig_connect();
	rig_forget();
	rig_send(again, GET("/text"));
	TURN_UNTIL(received(again, "hello"));
	close(again);
	close(fds[1]);
	rig_down();
}
END_TEST

START_TEST(a_drain_ends_idle_connections_and_lets_requests_end)
{
	rig_up();
	int idle = rig_connect(), fresh = rig_connect(), busy = rig_connect();
	rig_send(idle, GET("/text"));
	TURN_UNTIL(received(idle, "hello"));
	rig_send(busy, GET("/park"));
	TURN_UNTIL(rig.begun == 2);
	clients_stop_listening(rig.clients);
	clients_drain(rig.clients);
	TURN_UNTIL(rig_take(idle) && rig_take(fresh));
	ck_assert_uint_eq(clients_open(rig.clients), 1);
	rig_forget();
	rig_answer_parked();
	TURN_UNTIL(rig_take(busy));
	has("Connection: close\r\n");
	has("at last");
	TURN_UNTIL(clients_open(rig.clients) == 0);
	ck_assert_uint_eq(rig.whole, 2);
	close(idle);
	close(fresh);
	close(busy);
	rig_down();
}
END_TEST

START_TEST(a_request_that_arrived_before_the_drain_is_answered)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET("/text"));
	TURN_UNTIL(received(fd, "hello"));
	rig_forget();
	rig_send(fd, GET("/text"));
	clients_drain(rig.clients);
	TURN_UNTIL(rig_take(fd));
	has("hello");
	has("Connection: close\r\n");
	close(fd);
	rig_down();
}
END_TEST

START_TEST(the_end_cuts_and_frees_everything)
{
	rig_up();
	rig.stream_available = 5;
	int fds[5];
	for (int i = 0; i < 5; i++)
		fds[i] = rig_connect();
	rig_send(fds[0], GET("/park"));
	rig_send(fds[1], GET("/text"));
	rig_send(fds[2], GET("/stream?bytes=10"));
	rig_send(fds[3], STR("POST /text HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc"));
	TURN_UNTIL(rig.begun == 4 && rig.uploaded.n == 3 && rig.freed == 1);
	rig_down();
	ck_assert_uint_eq(rig.freed, 4);
	ck_assert_uint_eq(rig.whole, 1);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
}
END_TEST

START_TEST(a_head_that_is_too_large_is_refused)
{
	rig_up();
	static char head[40000];
	int n = snprintf(head, sizeof(head), "GET /%0*d HTTP/1.1\r\nHost: x\r\n", _i ? 30000 : 1, 0);
	if (!_i)
		n += snprintf(head + n, sizeof(head) - (size_t)n, "Foo: %030000d\r\n", 0);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
	rig_exchange(str_make(head, (size_t)n), NULL);
	has("HTTP/1.1 4");
	ck_assert_uint_eq(rig.begun, 0);
	rig_down();
}
END_TEST

START_TEST(the_address_of_a_client_is_told)
{
	rig_up();
	int fd = rig_connect();
	rig_send(fd, GET("/park"));
	TURN_UNTIL(rig.begun == 1);
	ck_assert_str_eq(rig.client_address, "127.0.0.1");
	rig_answer_parked();
	TURN_UNTIL(received(fd, "at last"));
	close(fd);
	rig_down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("client");
	TCase *t = tcase_create("client");
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, answers_are_framed, 0, COUNT_OF(framings));
	tcase_add_test(t, fields_are_cleaned_and_kept_in_order);
	tcase_add_test(t, the_last_answer_has_one_date_as_well);
	tcase_add_test(t, a_date_is_made_where_the_answer_has_none);
	tcase_add_test(t, a_connection_is_kept);
	tcase_add_test(t, pipelined_requests_are_answered_in_order);
	tcase_add_test(t, a_request_behind_a_refused_one_is_not_looked_at);
	tcase_add_test(t, connection_close_is_obeyed);
	tcase_add_test(t, a_parked_request_gets_its_answer_later);
	tcase_add_test(t, requests_that_come_together_are_answered_whenever_it_is);
	tcase_add_test(t, waiting_together_lets_the_loop_sleep);
	tcase_add_test(t, clients_that_leave_while_waiting_together_are_noticed);
	tcase_add_test(t, connections_of_several_daemons_are_served);
	tcase_add_test(t, a_client_that_leaves_while_parked_is_noticed);
	tcase_add_test(t, a_client_that_leaves_a_parked_stream_is_noticed);
	tcase_add_test(t, a_stream_waits_for_bytes_without_spinning);
	tcase_add_test(t, a_wake_from_inside_the_question_is_not_lost);
	tcase_add_loop_test(t, a_body_that_breaks_off_does_not_end_cleanly, 0, COUNT_OF(broken));
	tcase_add_loop_test(t, a_large_body_comes_whole_to_a_slow_reader, 0, COUNT_OF(large));
	tcase_add_test(t, an_upload_waits_until_there_is_room);
	tcase_add_test(t, a_large_upload_comes_through_in_order);
	tcase_add_test(t, a_held_upload_does_not_pile_up);
	tcase_add_test(t, chunks_are_undone);
	tcase_add_test(t, broken_chunks_end_the_connection);
	tcase_add_loop_test(t, chunks_are_read_strictly, 0, COUNT_OF(chunk_rows));
	tcase_add_test(t, chunks_may_be_cut_anywhere);
	tcase_add_test(t, many_chunks_come_through);
	tcase_add_test(t, a_client_that_leaves_in_its_upload_is_noticed);
	tcase_add_loop_test(t, an_end_that_comes_with_the_last_bytes_is_noticed, 0, 3);
	tcase_add_test(t, an_answer_that_comes_before_the_body_is_sent_early);
	tcase_add_test(t, an_early_answer_that_streams_is_sent_once_it_is_whole);
	tcase_add_test(t, an_early_answer_that_breaks_off_does_not_end_cleanly);
	tcase_add_test(t, a_body_that_ends_while_an_early_answer_is_gathered_changes_nothing);
	tcase_add_test(t, a_large_early_answer_waits_for_the_body);
	tcase_add_test(t, an_answer_to_a_body_that_comes_soon_keeps_the_connection);
	tcase_add_test(t, expect_is_answered_with_continue);
	tcase_add_test(t, an_interim_response_goes_before_the_final_one);
	tcase_add_test(t, no_interim_response_for_http_1_0);
	tcase_add_test(t, a_head_that_trickles_in_ends_with_408);
	tcase_add_test(t, a_connection_that_says_nothing_is_closed_without_a_word);
	tcase_add_test(t, an_idle_connection_is_closed);
	tcase_add_test(t, an_upload_that_stalls_ends_with_408);
	tcase_add_test(t, a_client_that_takes_nothing_is_cut);
	tcase_add_test(t, a_parked_request_has_no_deadline_here);
	tcase_add_test(t, beyond_max_connections_clients_are_closed_at_once);
	tcase_add_test(t, a_drain_ends_idle_connections_and_lets_requests_end);
	tcase_add_test(t, a_request_that_arrived_before_the_drain_is_answered);
	tcase_add_test(t, the_end_cuts_and_frees_everything);
	tcase_add_loop_test(t, a_head_that_is_too_large_is_refused, 0, 2);
	tcase_add_test(t, the_address_of_a_client_is_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
