/* Flights: joining, deciding, leaving, keys that pass; and all of it from several threads at once. */
#include "suite.h"

#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "req/flight.h"
#include "tier/memory.h"
#include "must.h"

enum { THREADS = 4, ROUNDS = 400, KEYS = 8, BODY = 20000 };

/* A mailbox with a thread behind it. */
struct box {
	pthread_mutex_t lock;
	pthread_cond_t posted;
	struct list letters;
};

static void box_init(struct box *b)
{
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->posted, NULL);
	list_init(&b->letters);
}

static void box_free(struct box *b)
{
	ck_assert(list_is_empty(&b->letters));
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->posted);
}

static void box_post(void *w, struct mail *m)
{
	struct box *b = w;
	pthread_mutex_lock(&b->lock);
	if (!m->queued) {
		m->queued = true;
		list_add_first(&b->letters, &m->link);
		pthread_cond_signal(&b->posted);
	}
	pthread_mutex_unlock(&b->lock);
}

static void box_unpost(void *w, struct mail *m)
{
	struct box *b = w;
	pthread_mutex_lock(&b->lock);
	if (m->queued) {
		list_remove(&m->link);
		m->queued = false;
	}
	pthread_mutex_unlock(&b->lock);
}

static void box_wait(struct box *b)
{
	pthread_mutex_lock(&b->lock);
	while (list_is_empty(&b->letters))
		pthread_cond_wait(&b->posted, &b->lock);
	struct mail *m = LIST_FIRST(&b->letters, struct mail, link);
	list_remove(&m->link);
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

/* Decides the flight with an entry and lets its body grow in steps: every byte is the key's number. That of an odd one is held: its
 * leader may read at once, the others when it is whole. */
static void lead(struct shared *s, struct flight *f, unsigned number)
{
	struct body *body = body_new(-1, NULL, NULL, NULL);
	struct stored stored = {.status = 200, .lifetime_ms = 1000};
	struct headers none = {0};
	struct entry_spec spec = {.key = f->key, .stored = &stored, .headers = &none, .epoch = f->epoch};
	f->body = body_ref(body);
	must(entry_new(&spec, &body, NULL, &f->entry) == ERR_OK, "no entry");
	struct body *growing = body_ref(f->body);
	bool held = number % 2 == 1;
	if (held)
		flight_tell_leader(f, 1);
	else
		flight_decide(f, FLIGHT_SHARED);
	for (size_t sent = 0; sent < BODY;) {
		char *p;
		size_t n;
		must(body_space(growing, &p, &n) == ERR_OK, "no room");
		n = n < 1500 ? n : 1500;
		n = n < BODY - sent ? n : BODY - sent;
		memset(p, (int)number, n);
		body_filled(growing, n);
		sent += n;
	}
	body_end(growing, ERR_OK);
	body_release(&growing);
	if (held)
		flight_decide(f, FLIGHT_SHARED);
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
		must(err == ERR_OK, "%s", err_name(err));
		size_t right = 0; /* an assertion a byte would take minutes: Check writes a line for each */
		while (right < n && p[right] == (char)number)
			right++;
		must(right == n, "wrong bytes");
		got += n;
		body_read_done(&w->reader, n);
	}
	must(got == BODY, "%zu bytes", (size_t)got);
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
			w.leads = true;
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
			must(f->state == FLIGHT_SHARED, "not shared");
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
	struct shared s = {.tier = memory_tier_new(&o), .flights = flights_new(0)};
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.shared = &s, .seed = i};
		box_init(&workers[i].box);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		box_free(&workers[i].box);
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
	struct flights *flights = flights_new(0);
	struct flight_waiter w;
	struct mail mail = {0};
	struct box box;
	struct flight *f;
	char text[32];
	waiter_init(&w, &box, &mail);
	box_init(&box);
	struct cache_key key = key_number(1, text);
	struct recall_note note = {.at_ms = 1000, .reason = REASON_NOT_PRIVATE, .pass_until_ms = 2000};
	recall_write(flights_recall(flights), &key, &note);
	ck_assert_int_eq(flight_join(flights, tier, &key, STR_NONE, &w, 1999, &f), FLIGHT_JOIN_PASSES);
	ck_assert_ptr_null(f);
	ck_assert_int_eq(flight_join(flights, tier, &key, STR_NONE, &w, 2000, &f), FLIGHT_JOIN_LEAD);
	flight_close(f);
	flight_leave(f, &w);
	flight_release(&f);
	box_free(&box);
	flights_free(&flights);
	tier_close(&tier);
}
END_TEST

/* A table of flights, and waiters with a box each that nobody empties but the test. */
struct scene {
	struct tier *tier;
	struct flights *flights;
	struct box box[3];
	struct mail mail[3];
	struct flight_waiter w[3];
	struct cache_key key;
	char text[32];
};

static void scene_open(struct scene *s)
{
	struct memory_options o = {1 << 20, 0, 8};
	*s = (struct scene){.tier = memory_tier_new(&o), .flights = flights_new(0)};
	s->key = key_number(1, s->text);
	for (unsigned i = 0; i < 3; i++) {
		waiter_init(&s->w[i], &s->box[i], &s->mail[i]);
		box_init(&s->box[i]);
	}
}

static void scene_close(struct scene *s)
{
	for (unsigned i = 0; i < 3; i++)
		box_free(&s->box[i]);
	flights_free(&s->flights);
	tier_close(&s->tier);
}

static enum flight_join scene_join(struct scene *s, unsigned i, struct flight **f)
{
	return flight_join(s->flights, s->tier, &s->key, STR_NONE, &s->w[i], 0, f);
}

static bool reads(const struct flight_waiter *w)
{
	return w->reader.body != NULL;
}

/* Of a held flight: when who is told what, by what it is decided to be at last. */
static const struct {
	const char *name;
	enum flight_state state;
	bool follower_reads;
} held_rows[] = {
    {"a clean page is for all who waited", FLIGHT_SHARED, true},
    {"a page of the leader's own is read by him alone", FLIGHT_ALONE, false},
    {"of a page that broke off nobody else gets a piece", FLIGHT_FAILED, false},
};

START_TEST(a_held_flight_tells_the_leader_first)
{
	struct scene s;
	struct flight *f[3];
	struct body *body = body_new(-1, NULL, NULL, NULL);
	scene_open(&s);
	ck_assert_int_eq(scene_join(&s, 0, &f[0]), FLIGHT_JOIN_LEAD);
	s.w[0].leads = true;
	ck_assert_int_eq(scene_join(&s, 1, &f[1]), FLIGHT_JOIN_WAIT);
	f[0]->body = body_ref(body);
	flight_tell_leader(f[0], 1);
	ck_assert_msg(reads(&s.w[0]) && s.mail[0].queued, "%s: the leader is told at once", held_rows[_i].name);
	ck_assert_msg(!reads(&s.w[1]) && !s.mail[1].queued, "%s: the other waits", held_rows[_i].name);
	ck_assert_int_eq(scene_join(&s, 2, &f[2]), FLIGHT_JOIN_WAIT);
	ck_assert(flight_is_open(s.flights, &s.key));
	body_end(body, ERR_OK);
	flight_decide(f[0], held_rows[_i].state);
	ck_assert_msg(reads(&s.w[0]), "%s: the leader reads on", held_rows[_i].name);
	for (unsigned i = 1; i < 3; i++) {
		ck_assert_msg(s.mail[i].queued, "%s: all are told", held_rows[_i].name);
		ck_assert_msg(reads(&s.w[i]) == held_rows[_i].follower_reads, "%s", held_rows[_i].name);
	}
	flight_close(f[0]);
	for (unsigned i = 0; i < 3; i++) {
		flight_leave(f[i], &s.w[i]);
		flight_release(&f[i]);
	}
	body_release(&body);
	scene_close(&s);
}
END_TEST

START_TEST(a_leader_that_left_is_not_told)
{
	struct scene s;
	struct flight *f[2];
	scene_open(&s);
	ck_assert_int_eq(scene_join(&s, 0, &f[0]), FLIGHT_JOIN_LEAD);
	s.w[0].leads = true;
	ck_assert_int_eq(scene_join(&s, 1, &f[1]), FLIGHT_JOIN_WAIT);
	flight_leave(f[0], &s.w[0]);
	flight_tell_leader(f[0], 1);
	ck_assert(!s.mail[0].queued && !s.mail[1].queued);
	flight_decide(f[0], FLIGHT_FAILED);
	ck_assert(!s.mail[0].queued && s.mail[1].queued);
	flight_leave(f[1], &s.w[1]);
	flight_release(&f[1]);
	flight_release(&f[0]);
	scene_close(&s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("flight");
	TCase *t = tcase_create("flight");
	tcase_add_test(t, threads_join_lead_follow_and_leave);
	tcase_add_test(t, who_comes_for_a_key_that_passes_goes_alone);
	tcase_add_loop_test(t, a_held_flight_tells_the_leader_first, 0, COUNT_OF(held_rows));
	tcase_add_test(t, a_leader_that_left_is_not_told);
	suite_add_tcase(s, t);
	return suite_run(s);
}
