/* The follower: a thread with a connection of its own that reads the stream of purges, and what it knows.
 *
 *            +--------------------------- any failure -------------------------+
 *            v                                                                 |
 *   apart --join--> the same incarnation, our last record still there --> following: XREAD from the position, blocking
 *            |                                                            each record: ledger, told (foreign ones), position
 *            +--> another one --> all is read for the ledger; everything is told to be gone
 *
 * Position. Everything up to it is in the ledger and was told. It moves by one: a record further on means that some are missing (the
 * stream is cut at 100,000): then everything is told to be gone, and what is labelled before counts as purged. Own purges come with the
 * answer of the script that made them, so that what begins after one is labelled behind it at once, unless another's comes between; so
 * two threads move the position, under `applying`, but only the follower moves it past what has to be told.
 *
 * Incarnation. The order is lost by FLUSHALL, by eviction of its keys, by a failover to a replica that lacked the last purges. The first two
 * leave no id. The third shows by a seq below our position, or, after a new connection, by another record at its place; then who sees it
 * makes a new id. Pages carry the id under which they were labelled, and those of another one are void. seq only grows: who joins raises it
 * to his position.
 *
 * Trust. A purge made elsewhere is missed by us as long as we are cut off from the stream. Nobody can tell that at once; the bound is
 * REDIS_BOUND_MS. Beyond it there are two cases. Redis does not answer us at all: then we cannot know, and pages in memory are served on, as
 * if no Redis were there. Redis has answered anybody of us (a lookup, a join) within the bound: then we could know, and what is in memory
 * is not trusted until the follower has everything. So an outage costs no hit, and the moment it is over no hit is given that a purge of
 * that time covers. Of an outage that is not seen as one - our way to Redis is cut, that of others is not - their purges wait until ours
 * is there again: each page in memory keeps within its own lifetime and windows.
 *   trusted = had everything within the bound, or nobody of us has heard of Redis within the bound
 *
 * What is tried at start: a tier that reaches Redis within the bound after its start joins silently; one that comes later has served
 * meanwhile, and is told that everything is gone. Tiers above that outlive the process (files) are not trusted until then, and are told of all
 * purges since the mark that the last process has left (redis_mark.h); of everything where there is none, or the order does not reach back to
 * it. The mark is the position of the heartbeat before: what was told by then has been carried out. */
#include "tier/redis_follow.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "redis/sync.h"
#include "tier/purge_log.h"
#include "tier/redis_mark.h"
#include "tier/redis_purge.h"
#include "tier/redis_receipt.h"
#include "tier/redis_record.h"
#include "tier/redis_scripts.h"

enum {
	CHUNK = 1000,
	BLOCK_MS = 250,	     /* a silent stream is looked at that often, so it is known to be there */
	ACK_MS = 10,	     /* acknowledgements, while purges flow */
	HEARTBEAT_MS = 1000, /* and while none do */
	SOCKET_MS = 1000,
	RETRY_MS = 50,
};

struct redis_follow {
	struct redis_tier *r;
	struct redis_sync *sync;
	struct ledger *ledger;
	pthread_t thread;
	bool running;
	struct pause pause;
	pthread_mutex_t applying; /* guards the moves of the next three */
	pthread_cond_t caught_up; /* for who waits at the start */
	_Atomic uint64_t id, position;
	uint64_t print; /* of the record at the position; 0: not known */
	_Atomic int64_t caught_up_us;
	int64_t started_us, acked_us;
	uint64_t acked;
	bool joined, was_down;
	struct redis_mark mark, next_mark; /* that was written, and that is to be; with mark_path */
	int64_t marked_us;
};

struct ledger *redis_follow__ledger(struct redis_follow *f)
{
	return f->ledger;
}

uint64_t redis_follow__id(const struct redis_follow *f)
{
	return atomic_load_explicit(&f->id, memory_order_acquire);
}

uint64_t redis_follow__position(const struct redis_follow *f)
{
	return atomic_load_explicit(&f->position, memory_order_acquire);
}

bool redis_follow__is_fresh(const struct redis_follow *f, int64_t now_us)
{
	int64_t at = atomic_load_explicit(&f->caught_up_us, memory_order_acquire);
	return at != 0 && now_us - at <= REDIS_BOUND_MS * 1000;
}

bool redis_follow__is_starting(const struct redis_follow *f, int64_t now_us)
{
	return atomic_load_explicit(&f->caught_up_us, memory_order_acquire) == 0 &&
	       now_us - f->started_us <= REDIS_BOUND_MS * 1000;
}

/* Telling and applying */

static void tell(struct redis_tier *r, const struct tier_heard *what)
{
	if (r->tier.heard)
		r->tier.heard(r->tier.heard_ctx, what);
	else if (what->invalidates)
		purge_log__invalidate(r->tier.purges, &what->purge.key);
	else
		purge_log__add(r->tier.purges, &what->purge);
}

static void tell_everything(struct redis_tier *r)
{
	tell(r, &(struct tier_heard){.purge = {.kind = PURGE_ALL}, .everything = true});
}

/* Locked. */
static void move(struct redis_follow *f, uint64_t seq, uint64_t print)
{
	f->print = print;
	atomic_store_explicit(&f->position, seq, memory_order_release);
}

/* Own records move the position on any thread. Locked. False: it is not the next one, nor an old one; or it is another's. */
static bool apply_own(struct redis_follow *f, const struct record *rec)
{
	uint64_t position = redis_follow__position(f);
	if (rec->seq <= position)
		return true;
	if (rec->seq != position + 1 || !rec->own)
		return false;
	ledger_add(f->ledger, rec->seq, &rec->purge);
	move(f, rec->seq, rec->print);
	return true;
}

/* The follower's thread. Telling may take long (a purge of everything in memory), so the lock is let go: nobody else moves past a record
 * of another instance. */
static void apply(struct redis_follow *f, const struct record *rec)
{
	pthread_mutex_lock(&f->applying);
	bool applied = apply_own(f, rec);
	uint64_t position = redis_follow__position(f);
	pthread_mutex_unlock(&f->applying);
	if (applied)
		return;
	if (rec->seq != position + 1) { /* what lies between will never be known */
		log_warning("redis", "purges were missed: everything in memory is dropped");
		ledger_forget(f->ledger, rec->seq - 1);
		tell_everything(f->r);
	}
	ledger_add(f->ledger, rec->seq, &rec->purge);
	if (!rec->own)
		tell(f->r, &(struct tier_heard){.purge = rec->purge, .invalidates = rec->invalidates});
	pthread_mutex_lock(&f->applying);
	move(f, rec->seq, rec->print);
	pthread_mutex_unlock(&f->applying);
}

static bool parse_id(struct str text, uint64_t *id)
{
	*id = 0;
	for (size_t i = 0; i < text.n; i++) {
		int digit = char_hex(text.p[i]);
		if (digit < 0)
			return false;
		*id = *id << 4 | (unsigned)digit;
	}
	return text.n == REDIS_ID_MAX - 1 && *id != 0;
}

uint64_t redis_follow__feed(struct redis_follow *f, const struct tier_purge *op, const struct redisReply *reply)
{
	struct redisReply **v = redis__array(reply, 3);
	uint64_t id;
	int64_t seq = v ? redis__number(v[1]) : -1;
	if (seq <= 0 || !parse_id(redis__text(v[0]), &id) || !redis__array(v[2], 0))
		return 0;
	struct tier_purge known = *op;
	if (op->kind == PURGE_URL) /* as it will be read by everybody: by its text */
		known.key = key_of_text(op->key.text, f->r->key_seed);
	ledger_add(f->ledger, (uint64_t)seq, &known); /* at once, though the position may not get there yet */
	pthread_mutex_lock(&f->applying);
	bool on = id == redis_follow__id(f); /* else the thread joins anew, soon */
	for (size_t i = 0; on && i < v[2]->elements; i++) {
		struct record rec;
		on = record__read(v[2]->element[i], f->r, &rec) && apply_own(f, &rec);
	}
	pthread_mutex_unlock(&f->applying);
	return (uint64_t)seq;
}

static uint64_t random_id(void)
{
	uint64_t id = 0;
	int err = random_u64(&id);
	assert(err == ERR_OK); /* the server got bits before */
	(void)err;
	return id | 1;
}

void redis_follow__say_purge(struct redis_follow *f, struct words *w, const struct tier_purge *op, bool invalidates)
{
	words__purges_key(w, f->r, ":id");
	words__purges_key(w, f->r, ":seq");
	words__purges_key(w, f->r, "");
	words__add(w, arena_printf(&w->arena, REDIS_ID, (unsigned long long)random_id()));
	words__number(w, (int64_t)redis_follow__position(f));
	words__add(w, str_of(record__kind(op, invalidates)));
	words__add(w, op->kind == PURGE_URL ? op->key.text : op->arg);
	words__add(w, op->soft ? STR("1") : STR("0"));
	words__add(w, str_of(f->r->mark));
	words__add(w, str_of(f->r->instance));
}

/* Asking */

static int judged(struct redis_follow *f, int err, struct redisReply **reply)
{
	if (err)
		return err;
	redis__reached(f->r);
	err = redis__judge(f->r, *reply);
	if (err) {
		freeReplyObject(*reply);
		*reply = NULL;
	}
	return err;
}

int redis_follow__ask(struct redis_follow *f, const struct words *w, struct redisReply **out)
{
	struct redis_command command = words__command(w);
	*out = NULL;
	return judged(f, redis_sync_call(f->sync, &command, false, 0, out), out);
}

/* Joining */

struct joined {
	uint64_t id, seq;
	bool lost; /* the known incarnation is there, but not what we know of it */
};

/* Is what we knew of this incarnation, when we asked, what is there? */
static bool goes_on(struct redis_follow *f, uint64_t position, uint64_t print, struct redisReply *const *v)
{
	struct record at, first;
	if (redis__number(v[2]) < (int64_t)position)
		return false;
	if (print == 0)
		return true;
	if (record__read(v[3], f->r, &at))
		return at.print == print;
	return record__read(v[4], f->r, &first) && first.seq > position; /* cut off in front */
}

static int ask_to_join(struct redis_follow *f, bool lost, struct joined *out)
{
	pthread_mutex_lock(&f->applying);
	uint64_t known = redis_follow__id(f), position = redis_follow__position(f), print = f->print;
	pthread_mutex_unlock(&f->applying);
	struct redisReply *reply;
	struct words w;
	words__init(&w, &redis__join);
	words__purges_key(&w, f->r, ":id");
	words__purges_key(&w, f->r, ":seq");
	words__purges_key(&w, f->r, "");
	words__add(&w, known ? arena_printf(&w.arena, REDIS_ID, (unsigned long long)known) : STR(""));
	words__add(&w, arena_printf(&w.arena, REDIS_ID, (unsigned long long)random_id()));
	words__number(&w, (int64_t)position);
	words__add(&w, lost ? STR("1") : STR("0"));
	int err = redis_follow__ask(f, &w, &reply);
	words__free(&w);
	if (err)
		return err;
	struct redisReply **v = redis__array(reply, 5);
	int64_t seq = v ? redis__number(v[1]) : -1;
	err = seq >= 0 && parse_id(redis__text(v[0]), &out->id) ? ERR_OK : ERR_PROTOCOL;
	out->seq = seq >= 0 ? (uint64_t)seq : 0;
	out->lost = err == ERR_OK && out->id == known && !goes_on(f, position, print, v);
	freeReplyObject(reply);
	return err;
}

/* The records from `from` on, at most CHUNK of them, into the ledger; those behind `told` are told. *from moves behind them; how many. */
static int read_chunk(struct redis_follow *f, uint64_t told, uint64_t *from, uint64_t *print, size_t *n)
{
	struct redisReply *reply;
	struct words w;
	words__init(&w, NULL);
	words__add(&w, STR("XRANGE"));
	words__purges_key(&w, f->r, "");
	words__number(&w, (int64_t)*from);
	words__add(&w, STR("+"));
	words__add(&w, STR("COUNT"));
	words__number(&w, CHUNK);
	int err = redis_follow__ask(f, &w, &reply);
	words__free(&w);
	if (err)
		return err;
	*n = redis__array(reply, 0) ? reply->elements : 0;
	for (size_t i = 0; i < *n; i++) {
		struct record rec;
		if (!record__read(reply->element[i], f->r, &rec))
			continue;
		if (*from == 0 && rec.seq > 1) /* what was before the first is not known */
			ledger_forget(f->ledger, rec.seq - 1);
		ledger_add(f->ledger, rec.seq, &rec.purge);
		if (rec.seq > told)
			tell(f->r, &(struct tier_heard){.purge = rec.purge, .invalidates = rec.invalidates});
		*from = rec.seq + 1;
		*print = rec.print;
	}
	freeReplyObject(reply);
	return ERR_OK;
}

/* Up to where the tiers above that outlive the process were told. False: nobody knows, or nobody knows what came since. */
static bool was_told(const struct redis_follow *f, const struct joined *to, uint64_t *seq)
{
	struct redis_mark mark;
	bool is_known = redis_mark__read(f->r->mark_path, &mark) && mark.id == to->id && mark.seq <= to->seq;
	*seq = is_known ? mark.seq : 0;
	return is_known && mark.seq >= ledger_forgotten(f->ledger);
}

/* The first time, for tiers that were there before. */
static int tell_what_was_missed(struct redis_follow *f, const struct joined *to)
{
	uint64_t told, from, print;
	size_t n = CHUNK;
	if (f->r->above_is_new) {
		redis_mark__write(f->r->mark_path, &(struct redis_mark){to->id, to->seq});
		return ERR_OK;
	}
	if (!was_told(f, to, &told)) {
		tell_everything(f->r);
		return ERR_OK;
	}
	from = told + 1;
	while (n == CHUNK) {
		int err = read_chunk(f, told, &from, &print, &n);
		if (err)
			return err;
	}
	return ERR_OK;
}

/* Another incarnation than the one we knew, or the first. */
static int adopt(struct redis_follow *f, const struct joined *to)
{
	uint64_t from = 0, print = 0;
	size_t n = CHUNK;
	while (n == CHUNK) {
		int err = read_chunk(f, UINT64_MAX, &from, &print, &n);
		if (err)
			return err;
	}
	if (from == 0)
		ledger_forget(f->ledger, to->seq);
	uint64_t position = from > to->seq ? from - 1 : to->seq;
	if (redis_follow__id(f) != 0 || clock_mono_us() - f->started_us > REDIS_BOUND_MS * 1000)
		tell_everything(f->r);
	else if (f->r->mark_path) {
		int err = tell_what_was_missed(f, to);
		if (err)
			return err;
	}
	pthread_mutex_lock(&f->applying);
	move(f, position, position + 1 == from ? print : 0);
	atomic_store_explicit(&f->id, to->id, memory_order_release);
	pthread_mutex_unlock(&f->applying);
	return ERR_OK;
}

static int join(struct redis_follow *f)
{
	struct joined to;
	uint64_t known = redis_follow__id(f);
	int err = ask_to_join(f, false, &to);
	if (err == ERR_OK && to.lost) {
		log_warning("redis", "the server has lost purges: all pages are void");
		err = ask_to_join(f, true, &to);
	}
	if (err == ERR_OK && to.id != known)
		err = adopt(f, &to);
	f->joined = err == ERR_OK;
	f->acked_us = 0; /* what was acknowledged may be lost as well */
	return err;
}

/* Following */

static void write_mark(struct redis_follow *f)
{
	if (f->next_mark.id != 0 && (f->next_mark.id != f->mark.id || f->next_mark.seq != f->mark.seq)) {
		redis_mark__write(f->r->mark_path, &f->next_mark);
		f->mark = f->next_mark;
	}
	f->next_mark = (struct redis_mark){redis_follow__id(f), redis_follow__position(f)};
}

static int acknowledge(struct redis_follow *f, int64_t now_us)
{
	uint64_t position = redis_follow__position(f);
	int err = redis__acknowledge(f->r, position);
	f->acked_us = now_us;
	if (err)
		return err == ERR_FULL ? ERR_OK : err; /* the server has no memory: following goes on */
	f->acked = position;
	return ERR_OK;
}

/* In how many ms it is due; 0: now. */
static int64_t acknowledgement_due(const struct redis_follow *f, int64_t now_us)
{
	int64_t every_ms = f->acked != redis_follow__position(f) ? ACK_MS : HEARTBEAT_MS;
	int64_t past_ms = (now_us - f->acked_us) / 1000;
	return f->acked_us == 0 || past_ms >= every_ms ? 0 : every_ms - past_ms;
}

/* What XREAD has brought; how many. */
static size_t take(struct redis_follow *f, const struct redisReply *reply)
{
	struct redisReply **streams = redis__array(reply, 1);
	struct redisReply **stream = streams ? redis__array(streams[0], 2) : NULL;
	size_t n = stream && redis__array(stream[1], 0) ? stream[1]->elements : 0;
	for (size_t i = 0; i < n; i++) {
		struct record rec;
		if (record__read(stream[1]->element[i], f->r, &rec))
			apply(f, &rec);
	}
	return n;
}

/* Asks for what is behind `from`, waiting up to block_ms (0: not at all), and then whether it is the order we know. */
static int read_stream(struct redis_follow *f, uint64_t from, int64_t block_ms, struct redisReply *replies[2])
{
	struct words read, check;
	words__init(&read, NULL);
	words__init(&check, NULL);
	words__add(&read, STR("XREAD"));
	words__add(&read, STR("COUNT"));
	words__number(&read, CHUNK);
	if (block_ms > 0) {
		words__add(&read, STR("BLOCK"));
		words__number(&read, block_ms);
	}
	words__add(&read, STR("STREAMS"));
	words__purges_key(&read, f->r, "");
	words__add(&read, arena_printf(&read.arena, "%llu-0", (unsigned long long)from));
	words__add(&check, STR("MGET"));
	words__purges_key(&check, f->r, ":id");
	words__purges_key(&check, f->r, ":seq");
	struct redis_command commands[] = {words__command(&read), words__command(&check)};
	int err = redis_sync_calls(f->sync, commands, COUNT_OF(commands), false, replies);
	words__free(&read);
	words__free(&check);
	return err;
}

/* Is it the incarnation we know, and not set back? */
static bool is_known(struct redis_follow *f, const struct redisReply *reply, uint64_t from)
{
	uint64_t id;
	struct redisReply **v = redis__array(reply, 2);
	return v && parse_id(redis__text(v[0]), &id) && id == redis_follow__id(f) &&
	       redis__number(v[1]) >= (int64_t)from;
}

static void set_caught_up(struct redis_follow *f)
{
	bool first = atomic_exchange_explicit(&f->caught_up_us, clock_mono_us(), memory_order_acq_rel) == 0;
	if (!first)
		return;
	pthread_mutex_lock(&f->applying);
	pthread_cond_broadcast(&f->caught_up);
	pthread_mutex_unlock(&f->applying);
}

void redis_follow__await(struct redis_follow *f)
{
	int64_t until_us = f->started_us + REDIS_BOUND_MS * 1000;
	struct timespec until = {.tv_sec = until_us / 1000000, .tv_nsec = until_us % 1000000 * 1000};
	pthread_mutex_lock(&f->applying);
	while (f->running && atomic_load(&f->caught_up_us) == 0 &&
	       pthread_cond_timedwait(&f->caught_up, &f->applying, &until) == 0)
		;
	pthread_mutex_unlock(&f->applying);
}

static int follow(struct redis_follow *f)
{
	struct redis_tier *r = f->r;
	int64_t now_us = clock_mono_us(), due_ms = acknowledgement_due(f, now_us);
	redis_backlog__send(r);
	if (due_ms == 0) {
		int err = acknowledge(f, now_us);
		if (err)
			return err;
		due_ms = HEARTBEAT_MS;
	}
	if (r->mark_path && now_us - f->marked_us >= HEARTBEAT_MS * 1000) {
		f->marked_us = now_us;
		write_mark(f);
	}
	struct redisReply *replies[2];
	uint64_t from = redis_follow__position(f);
	int64_t block_ms = redis_follow__is_fresh(f, now_us) ? (due_ms < BLOCK_MS ? due_ms : BLOCK_MS) : 0;
	int err = read_stream(f, from, block_ms, replies);
	if (err)
		return err;
	redis__reached(r);
	err = redis__judge(r, replies[0]);
	size_t n = err ? 0 : take(f, replies[0]);
	if (err == ERR_OK && !is_known(f, replies[1], from))
		f->joined = false;
	else if (err == ERR_OK && n < CHUNK)
		set_caught_up(f);
	freeReplyObject(replies[0]);
	freeReplyObject(replies[1]);
	return err;
}

static void *run(void *arg)
{
	struct redis_follow *f = arg;
	int err = ERR_OK;
	do {
		err = f->joined ? follow(f) : join(f);
		if (err && err != ERR_CANCELLED) { /* one line when it begins, and one when it is over */
			if (!f->was_down)
				log_warning(
				    "redis", "the stream of purges cannot be followed: %s", redis_sync_error(f->sync));
			f->was_down = true;
		} else if (!err && f->was_down && redis_follow__is_fresh(f, clock_mono_us())) {
			log_info("redis", "the stream of purges is followed again");
			f->was_down = false;
		}
		f->joined = f->joined && err == ERR_OK;
	} while (err == ERR_OK ? !pause__is_ended(&f->pause) : pause__for(&f->pause, RETRY_MS));
	return NULL;
}

struct redis_follow *redis_follow__new(struct redis_tier *r, const struct redis_url *url)
{
	struct redis_follow *f = mem_zalloc(sizeof *f);
	f->r = r;
	f->sync = redis_sync_new(url, r->timeout_ms < SOCKET_MS ? r->timeout_ms : SOCKET_MS);
	f->ledger = ledger_new();
	pthread_mutex_init(&f->applying, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->caught_up, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pause__init(&f->pause);
	return f;
}

void redis_follow__start(struct redis_follow *f)
{
	f->started_us = clock_mono_us();
	f->running = f->sync && pthread_create(&f->thread, NULL, run, f) == 0;
	if (!f->running)
		log_error("redis", "no thread to follow purges: Redis is not used");
}

void redis_follow__end(struct redis_follow *f)
{
	if (!f->running)
		return;
	pause__end(&f->pause);
	redis_sync_cancel(f->sync);
	pthread_join(f->thread, NULL);
	f->running = false;
}

void redis_follow__free(struct redis_follow *f)
{
	redis_sync_free(&f->sync);
	ledger_free(&f->ledger);
	pthread_cond_destroy(&f->caught_up);
	pthread_mutex_destroy(&f->applying);
	pause__destroy(&f->pause);
	free(f);
}
