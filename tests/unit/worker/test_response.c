/* The bytes that are written past the library: interim responses and last ones. What the library frames is in test_client. */
#include "worker/response.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mem.h"
#include "suite.h"

static struct header fields[] = {{STR("Link"), STR("</a.css>")}, {STR("Bad Name"), STR("x")},
    {STR("Split"), STR("x\r\nInjected: y")}, {STR("Content-Length"), STR("7")}, {STR("Connection"), STR("keep-alive")},
    {STR("Transfer-Encoding"), STR("chunked")}, {STR("Empty"), STR("")}};
static const struct headers headers = {.v = fields, .n = COUNT_OF(fields)};

static const char *text_of(struct buf *b)
{
	ck_assert_int_eq(buf_addc(b, '\0'), ERR_OK);
	return b->p;
}

START_TEST(an_interim_response_has_clean_fields_and_no_framing)
{
	struct buf b;
	buf_init(&b, 1000);
	ck_assert_int_eq(response_write_interim(&b, 103, &headers), ERR_OK);
	ck_assert_str_eq(text_of(&b), "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nEmpty: \r\n\r\n");
	buf_free(&b);
}
END_TEST

START_TEST(what_is_too_large_is_told)
{
	struct buf b;
	buf_init(&b, 30);
	ck_assert_int_eq(response_write_interim(&b, 103, &headers), ERR_TOO_LARGE);
	buf_free(&b);
	buf_init(&b, 30);
	ck_assert_int_eq(
	    response_write_last(&b, &(struct answer){.status = 413, .kind = ANSWER_TEXT, .headers = headers}),
	    ERR_TOO_LARGE);
	buf_free(&b);
}
END_TEST

static const struct last {
	const char *sentence;
	struct answer answer;
	const char *bytes;
} lasts[] = {
    {"a text comes with its body", {.kind = ANSWER_TEXT, .status = 413, .length = 4, .text = STR("much")},
	"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\nmuch"},
    {"a text without its body",
	{.kind = ANSWER_TEXT, .status = 413, .length = 4, .text = STR("much"), .bodyless = true},
	"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 4\r\n\r\n"},
    {"a stream of known length", {.kind = ANSWER_STREAM, .status = 200, .length = 10},
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"},
    {"a stream until the end", {.kind = ANSWER_STREAM, .status = 200, .length = -1},
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"},
    {"204 has no length", {.kind = ANSWER_STREAM, .status = 204, .length = 0, .bodyless = true},
	"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"},
};

START_TEST(which_bodies_leave_apart_from_their_head)
{
	static const struct str slices[] = {STR("a"), STR("b")};
	static const struct {
		const char *sentence;
		struct answer answer;
		bool is_split;
	} rows[] = {
	    {"slices", {.kind = ANSWER_PARTS, .slices = slices, .n_slices = 2}, true},
	    {"one slice is a buffer", {.kind = ANSWER_PARTS, .slices = slices, .n_slices = 1}, false},
	    {"slices that are not sent", {.kind = ANSWER_PARTS, .slices = slices, .n_slices = 2, .bodyless = true},
		false},
	    {"a text is a buffer", {.kind = ANSWER_TEXT, .text = STR("a")}, false},
	    {"a stream comes when it comes", {.kind = ANSWER_STREAM, .length = 9}, false},
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(response_is_split(&rows[i].answer) == rows[i].is_split, "%s", rows[i].sentence);
}
END_TEST

/* The lowest number that is free: what is opened and not closed moves it. */
static int next_fd(void)
{
	int fd = dup(STDERR_FILENO);
	ck_assert_int_ge(fd, 0);
	close(fd);
	return fd;
}

static ssize_t never_read(void *cls, uint64_t position, char *p, size_t max)
{
	ck_abort_msg("a file is read by nobody here");
	return 0;
}

START_TEST(a_file_is_sent_by_a_descriptor_of_its_own)
{
	static const struct {
		const char *sentence;
		uint64_t offset;
		int64_t length;
		bool bodyless, is_opened, is_split;
	} rows[] = {
	    {"all of it", 0, 10, false, true, true},
	    {"a part", 2, 3, false, true, true},
	    {"nothing is sent of an empty one", 0, 0, false, false, false},
	    {"nothing is sent to HEAD", 0, 10, true, false, false},
	};
	char path[] = "/tmp/larder-response-XXXXXX";
	int fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	unlink(path);
	struct entry entry = {.body = body_of_file(fd, 10, (struct hash128){0})};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct answer a = {.kind = ANSWER_FILE,
		    .status = 200,
		    .entry = &entry,
		    .offset = rows[i].offset,
		    .length = rows[i].length,
		    .bodyless = rows[i].bodyless};
		int before = next_fd();
		struct MHD_Response *r = response_make(&a, false, 4096, never_read, NULL);
		ck_assert_msg(r, "%s", rows[i].sentence);
		bool is_opened = fcntl(before, F_GETFD) >= 0;
		ck_assert_msg(is_opened == rows[i].is_opened, "%s", rows[i].sentence);
		if (is_opened) /* no process that is started has it */
			ck_assert_msg(fcntl(before, F_GETFD) & FD_CLOEXEC, "%s", rows[i].sentence);
		ck_assert_msg(response_is_split(&a) == rows[i].is_split, "%s", rows[i].sentence);
		MHD_destroy_response(r);
		ck_assert_msg(next_fd() == before, "%s: it stays open", rows[i].sentence);
		ck_assert_msg(fcntl(fd, F_GETFD) >= 0, "%s: the page's own is closed", rows[i].sentence);
	}
	body_release(&entry.body);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(without_a_descriptor_there_is_no_response)
{
	char path[] = "/tmp/larder-response-XXXXXX";
	struct entry entry = {.body = body_of_file(mkstemp(path), 10, (struct hash128){0})};
	struct answer a = {.kind = ANSWER_FILE, .status = 200, .entry = &entry, .length = 10};
	struct rlimit was, none;
	unlink(path);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &was), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next_fd(), .rlim_max = was.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	struct MHD_Response *r = response_make(&a, false, 4096, never_read, NULL);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &was), 0);
	ck_assert_ptr_null(r);
	body_release(&entry.body);
}
END_TEST

START_TEST(a_last_response_is_framed)
{
	struct buf b;
	buf_init(&b, 1000);
	ck_assert_int_eq(response_write_last(&b, &lasts[_i].answer), ERR_OK);
	ck_assert_msg(strcmp(text_of(&b), lasts[_i].bytes) == 0, "%s: %s", lasts[_i].sentence, b.p);
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("response");
	TCase *t = tcase_create("response");
	tcase_add_test(t, which_bodies_leave_apart_from_their_head);
	tcase_add_test(t, a_file_is_sent_by_a_descriptor_of_its_own);
	tcase_add_test(t, without_a_descriptor_there_is_no_response);
	tcase_add_test(t, an_interim_response_has_clean_fields_and_no_framing);
	tcase_add_test(t, what_is_too_large_is_told);
	tcase_add_loop_test(t, a_last_response_is_framed, 0, COUNT_OF(lasts));
	suite_add_tcase(s, t);
	return suite_run(s);
}
