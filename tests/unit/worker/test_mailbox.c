/* Letters: order, once at a time, withdrawn ones, and a crowd of posters. */
#include "worker/mailbox.h"

#include <poll.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "suite.h"

struct letter {
	struct mail mail;
	struct mailbox *box;
	struct letter *other;
	atomic_uint read;
	unsigned again; /* posts itself so often */
};

static uv_loop_t loop;
static struct mailbox box;

static void up(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(mailbox_init(&box, &loop), ERR_OK);
}

static void down(void)
{
	mailbox_close(&box);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	mailbox_free(&box);
}

static void on_letter(struct mail *m)
{
	struct letter *l = CONTAINER_OF(m, struct letter, mail);
	atomic_fetch_add(&l->read, 1);
	if (l->other)
		mailbox_unpost(&box, &l->other->mail);
	if (l->again > 0) {
		l->again--;
		mailbox_post(&box, m);
	}
}

static void turn(void)
{
	uv_run(&loop, UV_RUN_NOWAIT);
}

START_TEST(a_letter_is_read_once)
{
	struct letter a = {.mail.fn = on_letter};
	up();
	mailbox_post(&box, &a.mail);
	mailbox_post(&box, &a.mail);
	turn();
	turn();
	ck_assert_uint_eq(a.read, 1);
	mailbox_post(&box, &a.mail);
	turn();
	ck_assert_uint_eq(a.read, 2);
	down();
}
END_TEST

START_TEST(a_withdrawn_letter_is_not_read)
{
	struct letter a = {.mail.fn = on_letter}, b = {.mail.fn = on_letter};
	up();
	mailbox_post(&box, &a.mail);
	mailbox_post(&box, &b.mail);
	mailbox_unpost(&box, &a.mail);
	mailbox_unpost(&box, &a.mail);
	turn();
	ck_assert_uint_eq(a.read, 0);
	ck_assert_uint_eq(b.read, 1);
	down();
}
END_TEST

START_TEST(a_letter_may_withdraw_the_next)
{
	struct letter a = {.mail.fn = on_letter}, b = {.mail.fn = on_letter}, c = {.mail.fn = on_letter};
	a.other = &b;
	up();
	mailbox_post(&box, &a.mail);
	mailbox_post(&box, &b.mail);
	mailbox_post(&box, &c.mail);
	turn();
	ck_assert_uint_eq(a.read, 1);
	ck_assert_uint_eq(b.read, 0);
	ck_assert_uint_eq(c.read, 1);
	down();
}
END_TEST

START_TEST(letters_that_post_themselves_leave_the_loop_its_turns)
{
	struct letter a = {.mail.fn = on_letter, .again = 3};
	up();
	mailbox_post(&box, &a.mail);
	for (unsigned i = 1; i <= 4; i++) {
		turn();
		ck_assert_uint_eq(a.read, i);
	}
	turn();
	ck_assert_uint_eq(a.read, 4);
	down();
}
END_TEST

START_TEST(a_closed_mailbox_reads_nothing)
{
	struct letter a = {.mail.fn = on_letter};
	up();
	mailbox_close(&box);
	mailbox_post(&box, &a.mail);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(a.read, 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	mailbox_free(&box);
}
END_TEST

/* Is there something that would end the loop's wait? An eventfd that was written is seen here. */
static bool is_poked(void)
{
	struct pollfd p = {.fd = uv_backend_fd(&loop), .events = POLLIN};
	return poll(&p, 1, 0) > 0;
}

static void *post_one(void *arg)
{
	mailbox_post(&box, arg);
	return NULL;
}

START_TEST(only_other_threads_need_the_system)
{
	struct letter a = {.mail.fn = on_letter, .again = 2};
	pthread_t other;
	up();
	mailbox_run_here(&box);
	turn(); /* libuv tells the kernel of its descriptors in the first */
	mailbox_post(&box, &a.mail);
	ck_assert(!is_poked());
	ck_assert_int_eq(uv_backend_timeout(&loop), 0); /* and yet it does not wait */
	while (a.read < 3) {
		uv_run(&loop, UV_RUN_ONCE);
		ck_assert(!is_poked());
	}
	ck_assert_int_ne(uv_backend_timeout(&loop), 0);
	ck_assert_int_eq(pthread_create(&other, NULL, post_one, &a.mail), 0);
	pthread_join(other, NULL);
	ck_assert(is_poked());
	uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(a.read, 4);
	down();
}
END_TEST

static struct letter of_event = {.mail.fn = on_letter};

static void on_event(uv_async_t *event)
{
	(void)event;
	mailbox_post(&box, &of_event.mail);
}

START_TEST(what_an_event_posts_is_read_in_its_turn)
{
	uv_async_t event;
	up();
	mailbox_run_here(&box);
	ck_assert_int_eq(uv_async_init(&loop, &event, on_event), 0);
	uv_async_send(&event);
	uv_run(&loop, UV_RUN_ONCE);
	ck_assert_uint_eq(of_event.read, 1);
	uv_close((uv_handle_t *)&event, NULL);
	down();
}
END_TEST

enum { POSTERS = 4, POSTS = 2000 };

static void *post_many(void *arg)
{
	struct letter *l = arg;
	for (unsigned i = 0; i < POSTS; i++) {
		unsigned before = atomic_load(&l->read);
		mailbox_post(&box, &l->mail);
		while (atomic_load(&l->read) == before)
			sched_yield();
	}
	return NULL;
}

START_TEST(no_letter_of_a_crowd_is_lost)
{
	struct letter letters[POSTERS], own = {.mail.fn = on_letter, .again = POSTS};
	pthread_t threads[POSTERS];
	up();
	mailbox_run_here(&box);
	mailbox_post(&box, &own.mail);
	for (int i = 0; i < POSTERS; i++) {
		letters[i] = (struct letter){.mail.fn = on_letter};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, post_many, &letters[i]), 0);
	}
	/* A lost one would leave its poster waiting, and this loop until the time limit of the test. */
	for (bool all = false; !all;) {
		uv_run(&loop, UV_RUN_ONCE);
		all = atomic_load(&own.read) == POSTS + 1;
		for (int i = 0; i < POSTERS; i++)
			all = atomic_load(&letters[i].read) == POSTS && all;
	}
	for (int i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	down();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mailbox");
	TCase *t = tcase_create("mailbox");
	tcase_add_test(t, a_letter_is_read_once);
	tcase_add_test(t, a_withdrawn_letter_is_not_read);
	tcase_add_test(t, a_letter_may_withdraw_the_next);
	tcase_add_test(t, letters_that_post_themselves_leave_the_loop_its_turns);
	tcase_add_test(t, a_closed_mailbox_reads_nothing);
	tcase_add_test(t, only_other_threads_need_the_system);
	tcase_add_test(t, what_an_event_posts_is_read_in_its_turn);
	tcase_add_test(t, no_letter_of_a_crowd_is_lost);
	suite_add_tcase(s, t);
	return suite_run(s);
}
