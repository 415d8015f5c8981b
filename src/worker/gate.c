/* Requests in flight per upstream, see gate.h.
 *
 *   enter -> INSIDE -> leave                      a place was free and nobody waited
 *   enter -> WAITING -> (letter) INSIDE -> leave  somebody else's leave gave the place on
 *   enter -> WAITING -> leave                     waited too long, or the request was cancelled
 *
 * A place that is given on never becomes free in between, so newcomers cannot overtake the queue. One mutex guards all: it is
 * held for a few list operations. Letters are posted under it, which is what makes "no letter after leave" true;
 * a mailbox therefore never calls in here with its own lock held.
 *
 * It does not time the wait, and it does not know upstreams by address but by name: several settings snapshots share a gate. */
#include "worker/gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"

enum { BUCKETS = 64 };

struct gate {
	struct gate *next;    /* in its bucket */
	struct gate *younger; /* in the order they were made */
	struct str name;
	unsigned limit, in_flight, waiting;
	struct list queue; /* of the tickets that wait */
};

struct gates {
	pthread_mutex_t lock;
	void (*post)(void *worker, struct mail *m);
	void (*unpost)(void *worker, struct mail *m);
	struct gate *buckets[BUCKETS];
	struct gate *oldest, **youngest;
};

static struct gate **bucket_of(struct gates *g, struct str name)
{
	uint32_t h = 2166136261u; /* FNV-1a: names come from the configuration, nobody chooses them to collide */
	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * 16777619u;
	return &g->buckets[h % BUCKETS];
}

static struct gate *find(struct gates *g, struct str name)
{
	struct gate **bucket = bucket_of(g, name);
	for (struct gate *gate = *bucket; gate; gate = gate->next)
		if (str_eq(gate->name, name))
			return gate;
	struct gate *gate = mem_zalloc(sizeof(*gate));
	list_init(&gate->queue);
	gate->name = str_make(mem_dup(name.p, name.n), name.n);
	gate->next = *bucket;
	*bucket = gate;
	*g->youngest = gate;
	g->youngest = &gate->younger;
	return gate;
}

static bool has_place(const struct gate *gate)
{
	return gate->limit == 0 || gate->in_flight < gate->limit;
}

static void append(struct gate *gate, struct gate_ticket *t)
{
	list_add_last(&gate->queue, &t->link);
	gate->waiting++;
}

static void unlink_ticket(struct gate *gate, struct gate_ticket *t)
{
	list_remove(&t->link);
	gate->waiting--;
}

static void admit(struct gates *g, struct gate *gate)
{
	struct gate_ticket *t;
	while (has_place(gate) && (t = LIST_FIRST(&gate->queue, struct gate_ticket, link))) {
		unlink_ticket(gate, t);
		t->place = GATE_INSIDE;
		gate->in_flight++;
		g->post(t->worker, &t->mail);
	}
}

struct gates *gates_new(void (*post)(void *worker, struct mail *m), void (*unpost)(void *worker, struct mail *m))
{
	struct gates *g = mem_zalloc(sizeof(*g));
	pthread_mutex_init(&g->lock, NULL);
	g->post = post;
	g->unpost = unpost;
	g->youngest = &g->oldest;
	return g;
}

void gates_free(struct gates **g)
{
	if (!*g)
		return;
	for (struct gate *gate = (*g)->oldest, *younger; gate; gate = younger) {
		assert(gate->in_flight == 0 && list_is_empty(&gate->queue));
		younger = gate->younger;
		free((char *)gate->name.p);
		free(gate);
	}
	pthread_mutex_destroy(&(*g)->lock);
	free(*g);
	*g = NULL;
}

int gate_enter(struct gates *g, const struct conf_upstream *upstream, struct gate_ticket *t)
{
	assert(t->place == GATE_OUTSIDE);
	int r = ERR_OK;
	pthread_mutex_lock(&g->lock);
	struct gate *gate = find(g, upstream->name);
	t->gate = gate;
	if (gate->limit != upstream->max_in_flight) {
		gate->limit = upstream->max_in_flight;
		admit(g, gate); /* a higher limit lets those in who waited under the lower one */
	}
	if (has_place(gate) && list_is_empty(&gate->queue)) {
		t->place = GATE_INSIDE;
		gate->in_flight++;
	} else if (gate->waiting < upstream->queue) {
		t->place = GATE_WAITING;
		append(gate, t);
		r = ERR_AGAIN;
	} else {
		r = ERR_BUSY;
	}
	pthread_mutex_unlock(&g->lock);
	return r;
}

void gate_leave(struct gates *g, struct gate_ticket *t)
{
	pthread_mutex_lock(&g->lock);
	if (t->place == GATE_WAITING) {
		unlink_ticket(t->gate, t);
	} else if (t->place == GATE_INSIDE) {
		t->gate->in_flight--;
		admit(g, t->gate);
	}
	t->place = GATE_OUTSIDE;
	bool posted = t->mail.queued; /* set under the mailbox's lock, but only ever by a thread that held ours */
	pthread_mutex_unlock(&g->lock);
	if (posted)
		g->unpost(t->worker, &t->mail);
}

unsigned gates_read(struct gates *g, struct gate_figures *out, unsigned max)
{
	unsigned n = 0;
	pthread_mutex_lock(&g->lock);
	for (const struct gate *gate = g->oldest; gate; gate = gate->younger, n++)
		if (n < max)
			out[n] = (struct gate_figures){gate->name, gate->in_flight, gate->waiting, gate->limit};
	pthread_mutex_unlock(&g->lock);
	return n;
}
