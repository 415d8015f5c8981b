/* Flights: joining, deciding, leaving, keys that pass; and all of it from several threads at once. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "req/flight.h"
#include "tier/memory.h"

enum { THREADS = 4, ROUNDS = 400, KEYS = 8, BODY = 20000 };

/* A mailbox with a thread behind it. */
struct box {
	pthread_mutex_t lock;
	pthread_cond_t posted;
	struct mail *first;
};

static void box_post(void *w, struct mail *m)
{
	struct box *b = w;
	pthread_mutex_lock(&b->lock);
	if (!m->queued) {
		m->queued = true;
		m->next = b->first;
		b->first = m;
		pthread_cond_signal(&b->posted);
	}
	pthread_mutex_unlock(&b->lock);
}

static void box_unpost(void *w, struct mail *m)
{
	struct box *b = w;
	pthread_mutex_lock(&b->lock);
	if (m->queued) {
		struct mail **p = &b->first;
		while (*p != m)
			p = &(*p)->next;
		*p = m->next;
		m->queued = false;
	}
	pthread_mutex_unlock(&b->lock);
}

static void box_wait(struct box *b)
{
	pthread_mutex_lock(&b->lock);
	while (!b->first)
		pthread_cond_wait(&b->posted, &b->lock);
	struct mail *m = b->first;
	b->first = m->next;
	m->queued = false;
	pthread_mutex_unlock(&b->lock);
}

static const struct req_port box_port = {.post = box_post, .unpost = box_unpost};

struct shared {
	struct tier *tier;
	struct flights *flights;
	atomic_uint led, shared, left;
};

struct worker {
	struct shared *shared;
	struct box box;
	unsigned seed;
};

static struct cache_key key_number(unsigned i, char text[32])
{
	int n = snprintf(text, 32, "GET http://h/%u", i);
	return (struct cache_key){.hi = i, .lo = i * 31u, .text = str_make(text, (size_t)n)};
}

static void waiter_init(struct flight_waiter *w, struct box *b, struct mail *m)
{
	*w = (struct flight_waiter){.worker = b, .port = &box_port, .mail = m};
}

/* Decides the flight with an entry and lets its body grow in steps: every byte is the key's number. */
static void lead(struct shared *s, struct flight *f, unsigned number)
{
	struct body *body = body_new(-1, NULL, NULL, NULL);
	struct stored stored = {.status = 200, .lifetime_ms = 1000};
	struct headers none = {0};
	struct entry_spec spec = {.key = f->key, .stored = &stored, .headers = &none, .epoch = f->epoch};
	f->body = body_ref(body);
	ck_assert_int_eq(entry_new(&spec, &body, NULL, &f->entry), ERR_OK);
	struct body *growing = body_ref(f->body);
	flight_decide(f, FLIGHT_SHARED);
	for (size_t sent = 0; sent < BODY;) {
		char *p;
		size_t n;
		ck_assert_int_eq(body_space(growing, &p, &n), ERR_OK);
		n = n < 1500 ? n : 1500;
		n = n < BODY - sent ? n : BODY - sent;
		memset(p, (int)number, n);
		body_filled(growing, n);
		sent += n;
	}
	body_end(growing, ERR_OK);
	body_release(&growing);
	flight_close(f);
	atomic_fetch_add(&s->led, 1);
}

static void follow(struct worker *me, struct flight_waiter *w, unsigned number, bool leave_early)
{
	size_t got = 0;
	const char *p;
	size_t n;
	for (;;) {
		int err = body_read(&w->reader, &p, &n);
		if (err == ERR_EOF)
			break;
		if (err == ERR_AGAIN) {
			if (leave_early)
				return;
			box_wait(&me->box);
			continue;
		}
		ck_assert_int_eq(err, ERR_OK);
		size_t right = 0; /* an assertion a byte would take minutes: Check writes a line for each */
		while (right < n && p[right] == (char)number)
			right++;
		ck_assert_uint_eq(right, n);
		got += n;
		body_read_done(&w->reader, n);
	}
	ck_assert_uint_eq(got, BODY);
	atomic_fetch_add(&me->shared->shared, 1);
}

static void *run(void *arg)
{
	struct worker *me = arg;
	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[32];
		struct mail mail = {0};
		struct flight_waiter w;
		struct flight *f;
		unsigned number = (round / 8) % KEYS;
		struct cache_key key = key_number(number, text);
		bool leave_early = (round + me->seed) % 7 == 0;
		waiter_init(&w, &me->box, &mail);
		switch (flight_join(me->shared->flights, me->shared->tier, &key, STR_NONE, &w, 0, &f)) {
		case FLIGHT_JOIN_LEAD:
			lead(me->shared, f, number);
			box_wait(&me->box);
			follow(me, &w, number, false);
			break;
		case FLIGHT_JOIN_WAIT:
			if (leave_early) {
				atomic_fetch_add(&me->shared->left, 1);
				break;
			}
			box_wait(&me->box);
			ck_assert_int_eq(f->state, FLIGHT_SHARED);
			follow(me, &w, number, false);
			break;
		case FLIGHT_JOIN_READY:
			follow(me, &w, number, leave_early);
			break;
		case FLIGHT_JOIN_PASSES:
			ck_abort_msg("nothing passes here");
		}
		flight_leave(f, &w);
		flight_release(&f);
	}
	return NULL;
}

START_TEST(threads_join_lead_follow_and_leave)
{
	struct memory_options o = {1 << 20, 0, 8};
	struct shared s = {.tier = memory_tier_new(&o), .flights = flights_new()};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.shared = &s, .seed = i};
		pthread_mutex_init(&workers[i].box.lock, NULL);
		pthread_cond_init(&workers[i].box.posted, NULL);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_ptr_null(workers[i].box.first);
		pthread_mutex_destroy(&workers[i].box.lock);
		pthread_cond_destroy(&workers[i].box.posted);
	}
	ck_assert_uint_gt(s.led, 0);
	ck_assert_uint_ge(s.shared, s.led);
	flights_free(&s.flights);
	tier_close(&s.tier);
}
END_TEST

START_TEST(who_comes_for_a_key_that_passes_goes_alone)
{
	struct memory_options o = {1 << 20, 0, 8};
	struct tier *tier = memory_tier_new(&o);
	struct flights *flights = flights_new();
	struct flight_waiter w;
	struct mail mail = {0};
	struct box box = {0};
	struct flight *f;
	char text[32];
	waiter_init(&w, &box, &mail);
	pthread_mutex_init(&box.lock, NULL);
	struct cache_key key = key_number(1, text);
	struct recall_note note = {.at_ms = 1000, .reason = REASON_NOT_PRIVATE, .pass_until_ms = 2000};
	recall_write(flights_recall(flights), &key, &note);
	ck_assert_int_eq(flight_join(flights, tier, &key, STR_NONE, &w, 1999, &f), FLIGHT_JOIN_PASSES);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(flight_join(flights, tier, &key, STR_NONE, &w, 2000, &f), FLIGHT_JOIN_LEAD);
	flight_close(f);
	flight_leave(f, &w);
	flight_release(&f);
	pthread_mutex_destroy(&box.lock);
	flights_free(&flights);
	tier_close(&tier);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flight");
	TCase *t = tcase_create("flight");
	tcase_add_test(t, threads_join_lead_follow_and_leave);
	tcase_add_test(t, who_comes_for_a_key_that_passes_goes_alone);
	suite_add_tcase(s, t);
	return suite_run(s);
}
