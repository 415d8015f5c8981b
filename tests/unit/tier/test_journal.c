/* The journal among threads, among instances of one process, and among processes: this program started again as a helper. */
#include "suite.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/log.h"
#include "tier/journal_cut.h"
#include "tier/journal_line.h"
#include "tier/journal_side.h"
#include "tier/purge_log.h"

extern char **environ;

/* --- a helper process --- */

struct helper {
	pid_t pid;
	int to, from;
};

static const char *self;

static struct helper helper_start(const struct place *p)
{
	int in[2], out[2];
	struct helper h;
	posix_spawn_file_actions_t actions;
	char helper[] = "helper";
	char *argv[] = {(char *)(uintptr_t)self, helper, (char *)(uintptr_t)p->path, NULL};
	must(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "no pipes");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], 0);
	posix_spawn_file_actions_adddup2(&actions, out[1], 1);
	must(posix_spawn(&h.pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0, "no process");
	posix_spawn_file_actions_destroy(&actions);
	close(in[0]);
	close(out[1]);
	h.to = in[1];
	h.from = out[0];
	return h;
}

static void helper_read(struct helper *h, void *to, size_t n)
{
	struct pollfd ready = {.fd = h->from, .events = POLLIN};
	must(poll(&ready, 1, PATIENCE_S * 1000) == 1, "a helper does not answer");
	must(read(h->from, to, n) == (ssize_t)n, "a helper is gone");
}

/* What a helper says of a purge. */
struct said {
	uint64_t seq;
	int64_t us; /* when it began */
};

static struct said helper_purge(struct helper *h)
{
	struct said said;
	must(write(h->to, "p", 1) == 1, "a helper does not listen");
	helper_read(h, &said, sizeof(said));
	return said;
}

static void helper_end(struct helper *h, int with_signal)
{
	close(h->to);
	if (with_signal)
		kill(h->pid, with_signal);
	must(waitpid(h->pid, NULL, 0) == h->pid, "a helper does not end");
	close(h->from);
}

static int help(const char *path)
{
	struct side *s = side_open(path, "helper");
	struct said said = {.seq = 0};
	char command;
	ssize_t told = write(1, &said, sizeof(said));
	while (told > 0 && read(0, &command, 1) == 1) {
		said.us = now_us();
		said.seq = side_purge(s, PURGE_TAG, "helped");
		told = write(1, &said, sizeof(said));
	}
	side_close(s);
	return EXIT_SUCCESS;
}

static struct helper helper_open(const struct place *p)
{
	struct helper h = helper_start(p);
	struct said opened;
	helper_read(&h, &opened, sizeof(opened));
	return h;
}

/* --- order, and who is told what --- */

START_TEST(records_are_told_in_order_and_once)
{
	struct place p = place_make();
	struct side *a = side_open(p.path, "a"), *b = side_open(p.path, "b");
	uint64_t base = journal_position(a->journal), seq = 0;
	ck_assert_uint_gt(base, 0);
	ck_assert_uint_eq(journal_position(b->journal), base);
	for (unsigned i = 1; i <= 200; i++) {
		char tag[20];
		snprintf(tag, sizeof(tag), "tag-%u", i);
		seq = side_purge(i % 2 ? a : b, PURGE_TAG, tag);
		must(seq == base + i, "the %uth came out of turn", i);
		must(journal_position((i % 2 ? a : b)->journal) == seq, "its own record moves its position");
	}
	side_until(a, 100, 0);
	side_until(b, 100, 0);
	for (unsigned i = 0; i < 100; i++) {
		char tag[20];
		size_t n = (size_t)snprintf(tag, sizeof(tag), "tag-%u", 2 * i + 2);
		must(a->heard[i].seq == base + 2 * i + 2 && b->heard[i].seq == base + 2 * i + 1, "heard out of order");
		must(a->heard[i].n_arg == n && memcmp(a->heard[i].arg, tag, n) == 0, "heard of another tag");
		must(a->heard[i].position < a->heard[i].seq, "the position moved before it was told");
		must(side_judge(a, a->heard[i].seq - 1, tag) == LEDGER_HARD, "what was heard is not in the ledger");
		must(side_judge(b, a->heard[i].seq - 1, tag) == LEDGER_HARD, "an own one is not in the ledger");
		must(side_judge(b, a->heard[i].seq, tag) == LEDGER_CLEAN, "purged after the purge");
	}
	side_close(a);
	side_close(b);
	struct side *c = side_open(p.path, "c");
	ck_assert_uint_eq(journal_position(c->journal), seq);
	ck_assert_int_eq(side_judge(c, base, "tag-1"), LEDGER_HARD);
	ck_assert_int_eq(side_judge(c, base + 1, "tag-1"), LEDGER_CLEAN);
	ck_assert_msg(c->n == 0 && c->everything == 0, "what is read at the start was told");
	side_close(c);
	place_clear(&p);
}
END_TEST

static const char any_bytes[] = "\"\\%41\n\x01\x7f\xff\xc3\xa9";
static char too_long[4000];

static const struct {
	const char *what;
	enum purge_kind kind;
	const char *arg;
	bool soft, invalidates;
	enum purge_kind heard;
} forms[] = {
    {"a URL", PURGE_URL, "GET http://h/p?a=%20", false, false, PURGE_URL},
    {"a soft prefix", PURGE_PREFIX, "/p", true, false, PURGE_PREFIX},
    {"a glob", PURGE_GLOB, "http://*/p", false, false, PURGE_GLOB},
    {"a tag of any bytes", PURGE_TAG, any_bytes, false, false, PURGE_TAG},
    {"nothing as a tag", PURGE_TAG, "", false, false, PURGE_TAG},
    {"everything", PURGE_ALL, "", true, false, PURGE_ALL},
    {"an invalidation", PURGE_URL, "GET http://h/q", false, true, PURGE_URL},
    {"what is too long", PURGE_TAG, too_long, false, false, PURGE_ALL},
    {"an invalidation that is too long", PURGE_URL, too_long, false, true, PURGE_ALL},
};

START_TEST(every_form_comes_over)
{
	struct place p = place_make();
	struct side *a = side_open(p.path, ""), *b = side_open(p.path, "");
	memset(too_long, 'x', sizeof(too_long) - 1);
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct str arg = str_of(forms[i].arg);
		struct tier_purge op = {.kind = forms[i].kind, .arg = arg, .soft = forms[i].soft};
		uint64_t seq;
		if (op.kind == PURGE_URL)
			op.key = key_of_text(arg, 7);
		must(journal_append(a->journal, &op, forms[i].invalidates, &seq) == ERR_OK, "%s", forms[i].what);
		side_until(b, i + 1, 0);
		must(b->heard[i].kind == forms[i].heard, "%s: the kind", forms[i].what);
		must(b->heard[i].soft == forms[i].soft, "%s: soft", forms[i].what);
		must(b->heard[i].invalidates == (forms[i].invalidates && forms[i].heard == PURGE_URL),
		    "%s: invalidates", forms[i].what);
		if (forms[i].heard == PURGE_ALL)
			continue;
		must(str_eq(str_make(b->heard[i].arg, b->heard[i].n_arg), arg), "%s: the argument", forms[i].what);
		if (op.kind == PURGE_URL)
			must(b->heard[i].key.hi == op.key.hi && b->heard[i].key.lo == op.key.lo, "%s: the key",
			    forms[i].what);
	}
	side_close(a);
	side_close(b);
	place_clear(&p);
}
END_TEST

/* --- holds --- */

struct appender {
	struct side *s;
	uint64_t seq;
	_Atomic bool done;
	pthread_mutex_t lock;
	pthread_cond_t begun;
	bool has_begun;
};

static void *append_one(void *ctx)
{
	struct appender *a = ctx;
	pthread_mutex_lock(&a->lock);
	a->has_begun = true;
	pthread_cond_signal(&a->begun);
	pthread_mutex_unlock(&a->lock);
	a->seq = side_purge(a->s, PURGE_TAG, "t");
	atomic_store(&a->done, true);
	return NULL;
}

START_TEST(nobody_appends_while_somebody_holds)
{
	struct place p = place_make();
	struct side *s = side_open(p.path, "a"), *other = side_open(p.path, "b");
	struct journal_hold first, second;
	uint64_t seq, again;
	pthread_t thread;
	struct appender a = {.s = other, .lock = PTHREAD_MUTEX_INITIALIZER, .begun = PTHREAD_COND_INITIALIZER};
	ck_assert_int_eq(journal_hold(s->journal, &first, &seq), ERR_OK);
	ck_assert_int_eq(journal_hold(s->journal, &second, &again), ERR_OK);
	ck_assert_uint_eq(seq, again);
	journal_let_go(s->journal, &second);
	pthread_create(&thread, NULL, append_one, &a);
	pthread_mutex_lock(&a.lock);
	while (!a.has_begun)
		pthread_cond_wait(&a.begun, &a.lock);
	pthread_mutex_unlock(&a.lock);
	/* A lock that did not hold would let it through in a moment. */
	must(poll(NULL, 0, 30) == 0 && !atomic_load(&a.done), "appended while it was held");
	ck_assert_uint_eq(journal_position(other->journal), seq);
	journal_let_go(s->journal, &first);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(a.seq, seq + 1);
	ck_assert_int_eq(journal_hold(s->journal, &first, &again), ERR_OK);
	ck_assert_msg(again == a.seq, "a hold did not see what was appended before");
	journal_let_go(s->journal, &first);
	side_close(s);
	side_close(other);
	place_clear(&p);
}
END_TEST

/* Two instances, each with two that hold and one that appends. */
enum { RACED = 300 };

struct racer {
	struct side *own, *other;
};

static void *race_holding(void *ctx)
{
	struct racer *r = ctx;
	for (unsigned i = 0; i < 2 * RACED; i++) {
		struct journal_hold hold;
		uint64_t seq;
		must(journal_hold(r->own->journal, &hold, &seq) == ERR_OK, "no hold");
		must(journal_position(r->other->journal) <= seq, "somebody else is ahead of who holds");
		must(journal_position(r->own->journal) == seq, "the position moved under a hold");
		journal_let_go(r->own->journal, &hold);
	}
	return NULL;
}

static void *race_appending(void *ctx)
{
	struct racer *r = ctx;
	uint64_t last = 0;
	for (unsigned i = 0; i < RACED; i++) {
		uint64_t seq = side_purge(r->own, PURGE_URL, "GET http://h/p");
		must(seq > last, "its own records come in order");
		last = seq;
	}
	return NULL;
}

START_TEST(many_hold_and_append)
{
	struct place p = place_make();
	/* As small as can be: it is shortened between. */
	struct side *sides[] = {side_open(p.path, "a"), side_open(p.path, "b")};
	struct racer racers[] = {{sides[0], sides[1]}, {sides[1], sides[0]}};
	uint64_t base = journal_position(sides[0]->journal);
	pthread_t threads[6];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_create(&threads[i], NULL, i < 4 ? race_holding : race_appending, &racers[i % 2]);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2; i++) {
		struct journal_hold hold;
		uint64_t seq;
		must(journal_hold(sides[i]->journal, &hold, &seq) == ERR_OK, "no hold");
		journal_let_go(sides[i]->journal, &hold);
		must(seq == base + 2 * RACED, "records got lost");
		must(sides[i]->n == RACED || sides[i]->everything > 0, "not told once each");
		for (size_t k = 1; k < sides[i]->n; k++)
			must(sides[i]->heard[k].seq > sides[i]->heard[k - 1].seq, "told out of order");
	}
	side_close(sides[0]);
	side_close(sides[1]);
	place_clear(&p);
}
END_TEST

/* --- damage --- */

static char content[1 << 16], changed[1 << 16];

START_TEST(a_cut_line_is_as_if_it_had_never_been)
{
	struct place p = place_make();
	struct side *s = side_open(p.path, "a");
	uint64_t base = journal_position(s->journal);
	side_purge(s, PURGE_TAG, "first");
	size_t whole = place_read(&p, content, sizeof(content));
	side_purge(s, PURGE_TAG, "second");
	size_t n = place_read(&p, content, sizeof(content));
	side_close(s);
	for (size_t cut = whole; cut < n; cut += 3) {
		place_write(&p, content, cut);
		s = side_open(p.path, "a");
		must(journal_position(s->journal) == base + 1, "cut at %zu: the position", cut);
		must(side_judge(s, base, "second") == LEDGER_CLEAN, "cut at %zu: it counts", cut);
		must(side_purge(s, PURGE_TAG, "third") == base + 2, "cut at %zu: the next seq", cut);
		side_close(s);
		s = side_open(p.path, "a");
		must(journal_position(s->journal) == base + 2, "cut at %zu: read again", cut);
		must(ledger_forgotten(s->ledger) == base, "cut at %zu: something was forgotten", cut);
		must(side_judge(s, base, "first") == LEDGER_HARD, "cut at %zu: the one before", cut);
		must(side_judge(s, base + 1, "third") == LEDGER_HARD, "cut at %zu: the one after", cut);
		side_close(s);
	}
	place_clear(&p);
}
END_TEST

START_TEST(no_flipped_bit_loses_a_purge)
{
	struct place p = place_make();
	struct side *s = side_open(p.path, "a");
	uint64_t base = journal_position(s->journal);
	const char *tags[] = {"first", "second", "third"};
	for (size_t i = 0; i < COUNT_OF(tags); i++)
		side_purge(s, PURGE_TAG, tags[i]);
	side_close(s);
	size_t n = place_read(&p, content, sizeof(content));
	for (size_t at = 0; at < n; at += content[at] == '\n' || content[at + 1] == '\n' ? 1 : 5) {
		memcpy(changed, content, n);
		changed[at] = (char)(changed[at] ^ (1 << at % 8));
		place_write(&p, changed, n);
		s = side_open(p.path, "a");
		for (size_t i = 0; i < COUNT_OF(tags); i++)
			must(side_judge(s, base + i, tags[i]) == LEDGER_HARD, "byte %zu: %s", at, tags[i]);
		uint64_t position = journal_position(s->journal);
		must(position > base + 3, "byte %zu: not seen", at);
		must(side_purge(s, PURGE_TAG, "next") == position + 1, "byte %zu: nothing can be added", at);
		side_close(s);
	}
	place_clear(&p);
}
END_TEST

static void damage_remove(const struct place *p)
{
	must(unlink(p->journal) == 0, "not removed");
}

static void damage_empty(const struct place *p)
{
	must(truncate(p->journal, 0) == 0, "not emptied");
}

static void damage_half(const struct place *p)
{
	size_t n = place_read(p, content, sizeof(content));
	must(truncate(p->journal, (off_t)(n / 2)) == 0, "not cut");
}

static void damage_garbage(const struct place *p)
{
	memset(changed, 'x', sizeof(changed));
	place_write(p, changed, sizeof(changed));
}

static void damage_foreign(const struct place *p)
{
	unlink(p->journal);
	place_write(p, "[hello]\n", 8);
}

/* What it was before the last purge, under another inode. */
static void damage_backup(const struct place *p)
{
	size_t n = place_read(p, content, sizeof(content));
	for (n--; n > 0 && content[n - 1] != '\n'; n--)
		;
	unlink(p->journal);
	place_write(p, content, n);
}

static void damage_twice(const struct place *p)
{
	size_t n = place_read(p, content, sizeof(content));
	memcpy(content + n, content, n);
	place_write(p, content, 2 * n);
}

static void damage_directory(const struct place *p)
{
	char acks[80];
	snprintf(acks, sizeof(acks), "%s/acks/a", p->path);
	unlink(p->journal);
	must(unlink(acks) == 0, "no file of receipts");
}

static const struct {
	const char *what;
	void (*damage)(const struct place *p);
} damages[] = {
    {"removed", damage_remove},
    {"emptied", damage_empty},
    {"cut in half", damage_half},
    {"overwritten", damage_garbage},
    {"replaced by something else", damage_foreign},
    {"replaced by an older copy", damage_backup},
    {"written twice", damage_twice},
    {"removed, and a receipt with it", damage_directory},
};

START_TEST(what_cannot_be_read_counts_as_everything)
{
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		struct place p = place_make();
		struct side *a = side_open(p.path, "a"), *b = side_open(p.path, "b");
		for (unsigned k = 0; k < 5; k++)
			side_purge(a, PURGE_TAG, "before");
		side_until(b, 5, 0);
		uint64_t before = journal_position(a->journal);
		damages[i].damage(&p);
		side_until(a, 0, 1);
		side_until(b, 0, 1);
		uint64_t seq = side_purge(a, PURGE_TAG, "after");
		must(seq > before + 1, "%s: the order goes on as if nothing had been", damages[i].what);
		side_until(b, 6, 0);
		must(b->heard[5].seq == seq, "%s: what came after it", damages[i].what);
		must(side_judge(a, before, "x") == LEDGER_HARD && side_judge(b, before, "x") == LEDGER_HARD,
		    "%s: what was stored before", damages[i].what);
		must(side_judge(b, seq - 1, "x") == LEDGER_CLEAN, "%s: what was stored after it", damages[i].what);
		struct side *c = side_open(p.path, "c");
		must(side_judge(c, before, "x") == LEDGER_HARD, "%s: for who comes later", damages[i].what);
		must(journal_position(c->journal) == seq, "%s: the position", damages[i].what);
		side_close(a);
		side_close(b);
		side_close(c);
		place_clear(&p);
	}
}
END_TEST

START_TEST(a_directory_that_is_gone_is_an_error)
{
	struct place p = place_make();
	struct side *s = side_open(p.path, "a");
	uint64_t before = journal_position(s->journal), seq;
	struct journal_hold hold;
	struct place away;
	snprintf(away.path, sizeof(away.path), "%s-away", p.path);
	must(rename(p.path, away.path) == 0, "not moved");
	ck_assert_int_eq(side_try(s, PURGE_ALL, STR(""), false, &seq), ERR_IO);
	ck_assert_int_eq(journal_hold(s->journal, &hold, &seq), ERR_IO);
	must(mkdir(p.path, 0700) == 0, "not made");
	ck_assert_uint_gt(side_purge(s, PURGE_TAG, "t"), before + 1);
	ck_assert_int_eq(side_judge(s, before, "x"), LEDGER_HARD);
	side_close(s);
	place_clear(&p);
	place_clear(&away);

	const char *why = NULL;
	struct journal *journal;
	struct ledger *ledger = ledger_new();
	const struct journal_options o = {.path = STR("/dev/null/nowhere"), .ledger = ledger};
	ck_assert_int_eq(journal_open(&o, &journal, &why), ERR_IO);
	ck_assert_ptr_nonnull(why);
	ledger_free(&ledger);
}
END_TEST

START_TEST(a_full_disk_is_an_error_and_leaves_no_trace)
{
	struct place p = place_make();
	struct side *a = side_open(p.path, "a"), *b = side_open(p.path, "b");
	uint64_t first = side_purge(a, PURGE_TAG, "first"), seq;
	off_t size = (off_t)place_read(&p, content, sizeof(content));
	struct rlimit limit, before;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	struct stat st;
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = (rlim_t)size + 20;
	sigaction(SIGXFSZ, &ignore, &old);
	setrlimit(RLIMIT_FSIZE, &limit);
	int err = side_try(a, PURGE_TAG, STR("second"), false, &seq);
	setrlimit(RLIMIT_FSIZE, &before);
	sigaction(SIGXFSZ, &old, NULL);
	ck_assert_int_eq(err, ERR_IO);
	ck_assert_msg(stat(p.journal, &st) == 0 && st.st_size == size, "half a line stays");
	ck_assert_msg(side_judge(a, first, "second") == LEDGER_CLEAN, "it was remembered all the same");
	ck_assert_uint_eq(side_purge(a, PURGE_TAG, "third"), first + 1);
	side_until(b, 2, 0);
	ck_assert_uint_eq(b->heard[1].seq, first + 1);
	ck_assert_uint_eq(side_everything(b), 0);
	side_close(a);
	side_close(b);
	place_clear(&p);
}
END_TEST

/* --- shortening --- */

START_TEST(a_long_journal_is_shortened)
{
	enum { N = 400, SIZE = JOURNAL_SIZE_MIN / JOURNAL_CUT_AT };
	struct place p = place_make();
	struct side *a = side_open(p.path, "a"), *quick = side_open(p.path, "b"), *slow = side_open(p.path, "c");
	uint64_t base = journal_position(a->journal), seq;
	struct stat st;
	side_purge(a, PURGE_TAG, "long-ago");
	ck_assert_int_eq(side_try(a, PURGE_PREFIX, STR("/p"), true, &seq), ERR_OK);
	side_until(slow, 2, 0);
	side_block(slow, true);
	for (unsigned i = 1; i <= N; i++) {
		seq = side_purge(a, PURGE_URL, "GET http://h/p");
		must(seq == base + 2 + i, "the %uth is out of turn", i);
		side_until(quick, 2 + i, 0);
		must(stat(p.journal, &st) == 0 && st.st_size < SIZE + 2000, "it grows beyond its bound");
	}
	ck_assert_msg(side_everything(quick) == 0, "who keeps pace has missed nothing");
	for (unsigned i = 0; i < N; i++)
		must(quick->heard[2 + i].seq == base + 3 + i, "the %uth was told out of turn", i);
	side_block(slow, false);
	side_until(slow, 0, 1);
	seq = side_purge(a, PURGE_TAG, "last");
	pthread_mutex_lock(&slow->lock);
	while (slow->n == 0 || slow->heard[slow->n - 1].seq != seq)
		side_wait(slow);
	pthread_mutex_unlock(&slow->lock);
	ck_assert_int_eq(side_judge(slow, base, "long-ago"), LEDGER_HARD);

	struct side *late = side_open(p.path, "d");
	ck_assert_uint_eq(journal_position(late->journal), seq);
	ck_assert_uint_eq(ledger_forgotten(late->ledger), base);
	ck_assert_int_eq(side_judge(late, base, "long-ago"), LEDGER_HARD);
	ck_assert_msg(side_judge(late, base + N + 2, "long-ago") == LEDGER_CLEAN, "purged since");
	struct cache_key key = key_of_text(STR("GET http://h/path"), 7);
	ck_assert_int_eq(ledger_judge(late->ledger, base + 1, &key, NULL, 0), LEDGER_SOFT);
	ck_assert_int_eq(ledger_judge(late->ledger, base + 2, &key, NULL, 0), LEDGER_CLEAN);
	side_close(late);
	side_close(a);
	side_close(quick);
	side_close(slow);
	place_clear(&p);
}
END_TEST

static size_t size_of(const struct place *p)
{
	struct stat st;
	must(stat(p->journal, &st) == 0, "no journal");
	return (size_t)st.st_size;
}

/* The `i`th of many; the longest that are remembered come among them. */
static const char *name_tag(unsigned i, char *to, size_t max)
{
	snprintf(to, max, "%0*u", i % 50 == 0 ? PURGE_LOG_ARG_MAX : 60, i);
	return to;
}

START_TEST(what_is_remembered_is_bounded_as_well)
{
	enum { N = 2000 };
	struct place p = place_make();
	struct side *a = side_open(p.path, "a"), *quick = side_open(p.path, "b");
	uint64_t base = journal_position(a->journal), seq = base;
	char tag[PURGE_LOG_ARG_MAX + 1];
	for (unsigned i = 1; i <= N; i++) {
		seq = side_purge(a, PURGE_TAG, name_tag(i, tag, sizeof(tag)));
		must(size_of(&p) <= JOURNAL_SIZE_MIN, "it takes %zu bytes after %u purges", size_of(&p), i);
		side_until(quick, i, 0);
	}
	struct side *late = side_open(p.path, "c"), *sides[] = {a, quick, late};
	for (size_t i = 0; i < COUNT_OF(sides); i++) {
		uint64_t forgotten = ledger_forgotten(sides[i]->ledger);
		must(forgotten > base && forgotten < seq, "%zu: forgotten up to %" PRIu64 " of %" PRIu64 " to %" PRIu64,
		    i, forgotten, base, seq);
		must(side_judge(sides[i], base, name_tag(1, tag, sizeof(tag))) == LEDGER_HARD, "a purge is lost");
		must(side_judge(sides[i], base, "never-purged") == LEDGER_HARD, "what nobody can tell is trusted");
		must(side_judge(sides[i], forgotten, "never-purged") == LEDGER_CLEAN, "nothing is trusted");
		must(side_judge(sides[i], forgotten, name_tag(N, tag, sizeof(tag))) == LEDGER_HARD, "the last is lost");
	}
	ck_assert_msg(side_everything(quick) == 0, "who keeps pace has missed nothing");
	side_close(a);
	side_close(quick);
	side_close(late);
	place_clear(&p);
}
END_TEST

/* In the bound and its copy, whoever cannot make the copy. */
START_TEST(one_that_cannot_be_shortened_ends)
{
	enum { TRIES = 2000 };
	struct place p = place_make();
	char copy[sizeof(p.path) + 16];
	struct side *a = side_open(p.path, "a"), *b = side_open(p.path, "b");
	uint64_t seq;
	snprintf(copy, sizeof(copy), "%s/journal.new", p.path);
	ck_assert_int_eq(mkdir(copy, 0700), 0);
	unsigned n = 0;
	int err = ERR_OK;
	while (n < TRIES && err == ERR_OK) {
		err = side_try(a, PURGE_URL, STR("GET http://h/p"), false, &seq);
		n += err == ERR_OK;
	}
	ck_assert_int_eq(err, ERR_IO);
	ck_assert_uint_le(size_of(&p), 2 * JOURNAL_SIZE_MIN);
	ck_assert_uint_gt(size_of(&p), JOURNAL_SIZE_MIN);
	side_until(b, n, 0);
	ck_assert_int_eq(rmdir(copy), 0);
	int64_t until = now_us() + (int64_t)PATIENCE_S * 1000000;
	while (side_try(a, PURGE_TAG, STR("again"), false, &seq) != ERR_OK) {
		must(now_us() < until, "it never goes on");
		poll(NULL, 0, 10);
	}
	ck_assert_uint_le(size_of(&p), JOURNAL_SIZE_MIN);
	side_until(b, n + 1, 0);
	side_close(a);
	side_close(b);
	place_clear(&p);
}
END_TEST

/* Nobody needs to add something. */
START_TEST(a_lower_bound_holds_soon)
{
	struct place p = place_make();
	struct side *a = side_open_sized(p.path, "a", 64 * JOURNAL_SIZE_MIN);
	char tag[PURGE_LOG_ARG_MAX + 1];
	uint64_t seq = 0;
	while (size_of(&p) < 2 * JOURNAL_SIZE_MIN)
		seq = side_purge(a, PURGE_TAG, name_tag((unsigned)seq, tag, sizeof(tag)));
	journal_resize(a->journal, 0);
	int64_t until = now_us() + (int64_t)PATIENCE_S * 1000000;
	while (size_of(&p) > JOURNAL_SIZE_MIN) {
		must(now_us() < until, "it stays long");
		poll(NULL, 0, 10);
	}
	ck_assert_uint_eq(journal_position(a->journal), seq);
	ck_assert_uint_eq(side_purge(a, PURGE_TAG, "next"), seq + 1);
	side_close(a);
	place_clear(&p);
}
END_TEST

/* --- receipts --- */

struct receipts {
	unsigned n, acknowledged;
	bool has_own;
};

static void take_receipt(void *ctx, const struct tier_receipt *r)
{
	struct receipts *got = ctx;
	must(r->ms >= -1 && r->ms < PATIENCE_S * 1000, "%lld ms", (long long)r->ms);
	got->n++;
	got->acknowledged += r->ms >= 0;
	got->has_own = got->has_own || str_eq(r->instance, STR("own"));
}

static struct receipts await(struct side *s, uint64_t seq, int64_t timeout_ms, int want)
{
	struct receipts got = {.n = 0};
	int err = journal_await(s->journal, seq, timeout_ms, take_receipt, &got);
	must(err == want, "await: %s", err_name(err));
	return got;
}

START_TEST(receipts_of_all_who_live)
{
	struct place p = place_make();
	struct side *own = side_open(p.path, "own"), *same = side_open(p.path, "own"),
		    *odd = side_open(p.path, "../o\xff");
	struct helper helper = helper_open(&p);
	struct receipts got = await(own, side_purge(own, PURGE_TAG, "t"), PATIENCE_S * 1000, ERR_OK);
	ck_assert_msg(got.n == 4 && got.acknowledged == 4 && got.has_own, "%u receipts", got.n);

	int status;
	kill(helper.pid, SIGSTOP);
	must(waitpid(helper.pid, &status, WUNTRACED) == helper.pid && WIFSTOPPED(status), "a helper does not stop");
	got = await(own, side_purge(own, PURGE_TAG, "t"), 100, ERR_TIMEOUT);
	ck_assert_msg(got.n == 4 && got.acknowledged == 3, "one that hangs: %u of %u", got.acknowledged, got.n);
	kill(helper.pid, SIGCONT);
	got = await(own, journal_position(own->journal), PATIENCE_S * 1000, ERR_OK);
	ck_assert_uint_eq(got.acknowledged, 4);

	helper_end(&helper, SIGKILL);
	got = await(own, side_purge(own, PURGE_TAG, "t"), PATIENCE_S * 1000, ERR_OK);
	ck_assert_msg(got.n == 3, "one that is dead: %u receipts", got.n);
	side_close(same);
	got = await(own, side_purge(own, PURGE_TAG, "t"), PATIENCE_S * 1000, ERR_OK);
	ck_assert_msg(got.n == 2, "one that left: %u receipts", got.n);
	got = await(own, journal_position(own->journal) + 1, 0, ERR_TIMEOUT);
	ck_assert_msg(got.n == 2 && got.acknowledged == 0, "of what is not there yet");
	side_close(own);
	side_close(odd);
	place_clear(&p);
}
END_TEST

/* --- how soon --- */

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

START_TEST(another_process_hears_soon)
{
	enum { N = 300 };
	static int64_t us[N];
	struct place p = place_make();
	struct helper helper = helper_open(&p);
	struct side *s = side_open(p.path, "own");
	for (unsigned i = 0; i < N; i++) {
		struct said said = helper_purge(&helper);
		side_until(s, i + 1, 0);
		must(s->heard[i].seq == said.seq, "heard of another");
		us[i] = s->heard[i].us - said.us;
	}
	qsort(us, N, sizeof(us[0]), by_size);
	printf("a purge is heard after %lld us (median), %lld us (99th percentile)\n", (long long)us[N / 2],
	    (long long)us[N * 99 / 100]);
	ck_assert_msg(us[N * 99 / 100] < 50000, "heard after %lld us", (long long)us[N * 99 / 100]);
	helper_end(&helper, 0);
	side_close(s);
	place_clear(&p);
}
END_TEST

START_TEST(one_that_is_killed_lets_go)
{
	struct place p = place_make();
	struct side *s = side_open(p.path, "own");
	for (unsigned i = 0; i < 3; i++) {
		struct helper helper = helper_open(&p);
		for (unsigned k = 0; k < 20; k++)
			helper_purge(&helper);
		must(write(helper.to, "pppppppppp", 10) == 10, "a helper does not listen");
		helper_end(&helper, SIGKILL);
		uint64_t seq = side_purge(s, PURGE_TAG, "t");
		must(journal_position(s->journal) == seq, "the order does not go on");
	}
	ck_assert_uint_eq(side_everything(s), 0);
	side_close(s);
	place_clear(&p);
}
END_TEST

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 3 && strcmp(argv[1], "helper") == 0)
		return help(argv[2]);
	log_set_level(LOG_ERROR); /* journals are damaged by the dozen here */
	Suite *s = suite_create("tier/journal");
	TCase *t = tcase_create("journal");
	tcase_set_timeout(t, 60);
	tcase_add_test(t, records_are_told_in_order_and_once);
	tcase_add_test(t, every_form_comes_over);
	tcase_add_test(t, nobody_appends_while_somebody_holds);
	tcase_add_test(t, many_hold_and_append);
	tcase_add_test(t, a_cut_line_is_as_if_it_had_never_been);
	tcase_add_test(t, no_flipped_bit_loses_a_purge);
	tcase_add_test(t, what_cannot_be_read_counts_as_everything);
	tcase_add_test(t, a_directory_that_is_gone_is_an_error);
	tcase_add_test(t, a_full_disk_is_an_error_and_leaves_no_trace);
	tcase_add_test(t, a_long_journal_is_shortened);
	tcase_add_test(t, what_is_remembered_is_bounded_as_well);
	tcase_add_test(t, one_that_cannot_be_shortened_ends);
	tcase_add_test(t, a_lower_bound_holds_soon);
	tcase_add_test(t, receipts_of_all_who_live);
	tcase_add_test(t, another_process_hears_soon);
	tcase_add_test(t, one_that_is_killed_lets_go);
	suite_add_tcase(s, t);
	return suite_run(s);
}
