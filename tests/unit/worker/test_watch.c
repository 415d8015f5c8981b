/* Deadlines with a clock that the test moves; progress and leaving over socket pairs. */
#include "worker/watch.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "suite.h"

enum { ITEMS = 4 };

static struct watch watch;
static struct watch_item items[ITEMS];
static int peers[ITEMS];
static unsigned late_count;
static char late_order[64];
static const struct conf_server limits = {
    .header_timeout_ms = 100, .keepalive_timeout_ms = 200, .send_timeout_ms = 300};

static void up(void)
{
	watch_init(&watch);
	for (int i = 0; i < ITEMS; i++) {
		int pair[2];
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
		items[i] = (struct watch_item){.fd = pair[0]};
		peers[i] = pair[1];
	}
}

static void down(void)
{
	for (int i = 0; i < ITEMS; i++) {
		watch_set(&watch, &items[i], WATCH_NONE, 0);
		close(items[i].fd);
		if (peers[i] >= 0)
			close(peers[i]);
	}
	watch_free(&watch);
}

static void on_late(void *ctx, struct watch_item *item)
{
	size_t n = strlen(late_order);
	snprintf(late_order + n, sizeof(late_order) - n, "%d", (int)(item - items));
	late_count++;
	watch_set(&watch, item, WATCH_NONE, 0);
}

static const char *sweep(int64_t now_ms)
{
	late_order[0] = '\0';
	late_count = 0;
	watch_sweep(&watch, &limits, 10, now_ms, on_late, NULL);
	return late_order;
}

START_TEST(each_list_has_its_timeout)
{
	up();
	watch_set(&watch, &items[0], WATCH_HEAD, 1000);
	watch_set(&watch, &items[1], WATCH_IDLE, 1000);
	watch_set(&watch, &items[2], WATCH_BODY, 1000);
	watch_set(&watch, &items[3], WATCH_SEND, 1000);
	ck_assert_str_eq(sweep(1099), "");
	ck_assert_str_eq(sweep(1100), "0");
	ck_assert_str_eq(sweep(1199), "");
	ck_assert_str_eq(sweep(1200), "1");
	ck_assert_str_eq(sweep(1299), "");
	ck_assert_str_eq(sweep(1300), "23");
	ck_assert_str_eq(sweep(9999), "");
	down();
}
END_TEST

START_TEST(the_oldest_go_first_and_the_others_stay)
{
	up();
	for (int i = 0; i < ITEMS; i++)
		watch_set(&watch, &items[i], WATCH_HEAD, 1000 + 10 * i);
	ck_assert_str_eq(sweep(1115), "01");
	ck_assert_str_eq(sweep(1130), "23");
	down();
}
END_TEST

START_TEST(an_item_that_moves_on_starts_anew)
{
	up();
	watch_set(&watch, &items[0], WATCH_HEAD, 1000);
	watch_set(&watch, &items[0], WATCH_HEAD, 1090);
	ck_assert_str_eq(sweep(1189), "");
	ck_assert_str_eq(sweep(1190), "0");
	down();
}
END_TEST

START_TEST(bytes_of_a_body_put_its_deadline_off)
{
	up();
	watch_set(&watch, &items[0], WATCH_BODY, 1000);
	watch_moved(&items[0], 1200);
	ck_assert_str_eq(sweep(1499), "");
	ck_assert_str_eq(sweep(1500), "0");
	down();
}
END_TEST

START_TEST(a_reader_that_takes_bytes_is_not_late)
{
	char bytes[64] = "";
	up();
	watch_set(&watch, &items[0], WATCH_SEND, 1000);
	for (int i = 0; i < 2; i++) /* a unix socket counts whole writes */
		ck_assert_int_eq(write(items[0].fd, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_str_eq(sweep(1100), ""); /* that these bytes wait is noted */
	ck_assert_int_eq(read(peers[0], bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_str_eq(sweep(1390), ""); /* some went */
	ck_assert_str_eq(sweep(1689), "");
	ck_assert_str_eq(sweep(1690), "0");
	down();
}
END_TEST

START_TEST(parked_clients_have_no_deadline_but_may_leave)
{
	up();
	for (int i = 0; i < 3; i++)
		watch_set(&watch, &items[i], WATCH_PARKED, 1000);
	ck_assert_str_eq(sweep(999999), "");
	close(peers[1]);
	peers[1] = -1;
	watch_set(&watch, &items[1], WATCH_PARKED, 1000);
	ck_assert_str_eq(sweep(1009), ""); /* parked for less than a tick: not looked at */
	ck_assert_str_eq(sweep(1010), "1");
	ck_assert_int_eq(shutdown(peers[2], SHUT_WR), 0);
	ck_assert_str_eq(sweep(1020), "2");
	down();
}
END_TEST

START_TEST(others_are_asked_once_after_each_rest)
{
	up();
	watch_set(&watch, &items[0], WATCH_IDLE, 1000);
	watch_set(&watch, &items[1], WATCH_IDLE, 1000);
	watch_set(&watch, &items[2], WATCH_BODY, 1000);
	close(peers[1]);
	peers[1] = -1;
	ck_assert_str_eq(sweep(1009), "");
	ck_assert_str_eq(sweep(1010), "1");
	/* Later ends are told by epoll; this asks nobody twice. */
	ck_assert_int_eq(shutdown(peers[0], SHUT_WR), 0);
	ck_assert_int_eq(shutdown(peers[2], SHUT_WR), 0);
	ck_assert_str_eq(sweep(1030), "");
	watch_moved(&items[2], 1030);
	ck_assert_str_eq(sweep(1040), "2");
	down();
}
END_TEST

START_TEST(an_end_behind_unread_bytes_is_no_end_yet)
{
	up();
	watch_set(&watch, &items[0], WATCH_BODY, 1000);
	ck_assert_int_eq(write(peers[0], "abc", 3), 3);
	ck_assert_int_eq(shutdown(peers[0], SHUT_WR), 0);
	ck_assert_str_eq(sweep(1010), "");
	down();
}
END_TEST

static void count_one(void *ctx, struct watch_item *item)
{
	++*(unsigned *)ctx;
	watch_set(&watch, item, WATCH_NONE, 0);
}

START_TEST(each_visits_one_list_and_may_move_what_it_visits)
{
	unsigned n = 0;
	up();
	watch_set(&watch, &items[0], WATCH_IDLE, 0);
	watch_set(&watch, &items[1], WATCH_HEAD, 0);
	watch_set(&watch, &items[2], WATCH_IDLE, 0);
	watch_each(&watch, WATCH_IDLE, count_one, &n);
	ck_assert_uint_eq(n, 2);
	watch_each(&watch, WATCH_IDLE, count_one, &n);
	ck_assert_uint_eq(n, 2);
	down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("watch");
	TCase *t = tcase_create("watch");
	tcase_add_test(t, each_list_has_its_timeout);
	tcase_add_test(t, the_oldest_go_first_and_the_others_stay);
	tcase_add_test(t, an_item_that_moves_on_starts_anew);
	tcase_add_test(t, bytes_of_a_body_put_its_deadline_off);
	tcase_add_test(t, a_reader_that_takes_bytes_is_not_late);
	tcase_add_test(t, parked_clients_have_no_deadline_but_may_leave);
	tcase_add_test(t, others_are_asked_once_after_each_rest);
	tcase_add_test(t, an_end_behind_unread_bytes_is_no_end_yet);
	tcase_add_test(t, each_visits_one_list_and_may_move_what_it_visits);
	suite_add_tcase(s, t);
	return suite_run(s);
}
