/* The head, then what the ledger remembers from before the newest records, then those as they stand in the old file:
 *
 *   old    head | remembered | records ........................... |
 *   new    head | remembered, the newest: 1/2 | records: 1/16 |          of max_size
 *
 * The oldest purges that have no room count as one of everything up to the last of them, as in a ledger that is full. */
#include "tier/journal_cut.h"

#include <errno.h>
#include <unistd.h>

#include "tier/journal_line.h"

/* --- the newest records --- */

/* Where they begin, and the seq before the first. */
static off_t find_kept(const struct journal_cut *c, uint64_t *complete)
{
	char room[2 * JOURNAL_LINE_MAX];
	struct journal_line line;
	off_t kept = (off_t)(c->max_size / JOURNAL_CUT_KEPT);
	off_t from = c->end - c->dense_at > kept ? c->end - kept : c->dense_at;
	*complete = c->position;
	ssize_t n = pread(c->fd, room, sizeof(room), from);
	struct str rest = str_take(str_make(room, n > 0 ? (size_t)n : 0), (size_t)(c->end - from));
	size_t start = str_index(rest, '\n') + 1;
	struct str first = str_skip(rest, start);
	if (journal_line__read(str_take(first, str_index(first, '\n')), &line) || line.is_head)
		return c->end;
	*complete = line.seq - 1;
	return from + (off_t)start;
}

static int add_kept(const struct journal_cut *c, off_t from, struct buf *to)
{
	size_t n = (size_t)(c->end - from);
	if (buf_reserve(to, n))
		return ERR_TOO_LARGE;
	ssize_t got = n > 0 ? pread(c->fd, to->p + to->n, n, from) : 0;
	if (got != (ssize_t)n)
		return ERR_IO;
	to->n += n;
	return ERR_OK;
}

/* --- what is remembered --- */

struct remembered {
	struct buf lines; /* the newest */
	size_t room;
	struct str from;
	uint64_t complete;
	uint64_t forgotten; /* seq of the newest that was dropped */
};

static void drop_oldest(struct remembered *r)
{
	struct journal_line last;
	if (r->lines.n <= r->room)
		return;
	size_t begin = 0, end = 0;
	for (struct str s = buf_str(&r->lines); r->lines.n - end > r->room; s = str_skip(s, end - begin)) {
		begin = end;
		end += str_index(s, '\n') + 1;
	}
	if (journal_line__read(str_make(r->lines.p + begin, end - begin - 1), &last) == ERR_OK)
		r->forgotten = last.seq;
	buf_consume(&r->lines, end);
}

static void remember(void *ctx, uint64_t seq, const struct tier_purge *op)
{
	struct remembered *r = ctx;
	if (seq > r->complete)
		return;
	journal_line__add(&r->lines, seq, op, false, r->from, 0);
	if (r->lines.n > 2 * r->room)
		drop_oldest(r);
}

static int add_remembered(const struct journal_cut *c, uint64_t complete, struct buf *to, uint64_t *forgets)
{
	struct remembered r = {
	    .room = c->max_size / JOURNAL_CUT_REMEMBERED, .from = c->from, .complete = complete, .forgotten = 0};
	buf_init(&r.lines, 2 * r.room + JOURNAL_LINE_MAX);
	ledger_each(c->ledger, remember, &r);
	drop_oldest(&r);
	uint64_t forgotten = ledger_forgotten(c->ledger);
	*forgets = r.forgotten > forgotten ? r.forgotten : forgotten;
	journal_line__add_head(to, c->base, *forgets, complete);
	buf_add(to, buf_str(&r.lines));
	bool overflow = r.lines.overflow || to->overflow;
	buf_free(&r.lines);
	return overflow ? ERR_TOO_LARGE : ERR_OK;
}

int journal_cut__write(const struct journal_cut *c, struct buf *out, uint64_t *forgets)
{
	uint64_t complete;
	buf_init(out, c->max_size);
	off_t kept = find_kept(c, &complete);
	errno = EFBIG;
	int err = add_remembered(c, complete, out, forgets);
	return err ? err : add_kept(c, kept, out);
}
