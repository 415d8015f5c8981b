/* A response body as it grows: one producer, many readers on any thread, every reader woken when there is more.
 *
 *   producer   body_space -> fill -> body_filled ... body_end(ERR_OK | error)
 *   reader     body_reader_open -> body_read / body_read_done ... ERR_AGAIN arms the wake ... ERR_EOF or the error
 *
 * While the body `retains`, all chunks are kept and new readers may start at the front: this is what a stored entry
 * holds. body_stop_retaining makes it a window instead: chunks that every reader has passed are freed, and the
 * producer gets ERR_AGAIN from body_space while the slowest reader lags more than the window behind; it is woken when there is
 * room. A retained body charges its chunks to the budget, a window never holds more than its size. */
#ifndef LARDER_TIER_BODY_H
#define LARDER_TIER_BODY_H

#include "base/budget.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/str.h"

struct body;

/* `expect`: the length when known, or how much can come at most (one chunk of that is made when retaining, and trimmed at the end),
 * else -1. `budget` may be NULL (no charge).
 * `wake` is told the producer that there is room again; any thread, under the body's lock: it may only post to a mailbox.
 * Returns a body with one reference, retaining. */
struct body *body_new(int64_t expect, struct budget *budget, void (*wake)(void *ctx), void *ctx);
/* A complete body over a copy of `s`; NULL when the budget has no room. */
struct body *body_of(struct str s, struct budget *budget);
/* A complete body that lies in a file: bytes [0, size) of `fd`, which is taken and closed with the last reference. It has no segments
 * and no readers; who sends it uses the descriptor. `sum`: its XXH3 128 with seed 0, as the caller has found it. */
struct body *body_of_file(int fd_take, uint64_t size, struct hash128 sum);
/* A complete body in memory is a copy of this file, which is taken: it is used as others in memory, but body_is_current looks at the
 * file. The producer, after body_end; nobody else has the body yet. */
void body_copies_file(struct body *b, int fd_take);
/* The descriptor of one that has no copy in memory, borrowed; -1: it has segments. */
int body_file(const struct body *b);
/* What was told of one that has no copy in memory. */
struct hash128 body_file_sum(const struct body *b);
/* Has it a file, with or without a copy? */
bool body_has_file(const struct body *b);
/* How many files are held open by bodies, in the process. */
unsigned body_files(void);
/* Is the file still what it was when it was given: linked, and not written to since (fstat; it does not wait for a disk)? So a
 * process notices by each hit that another one has replaced or purged the entry. True for bodies without a file. */
bool body_is_current(const struct body *b);
/* Can it be sent without waiting for a disk? Looks whether pieces all over the file are in the page cache; true where that cannot be told, and
 * for bodies in memory. */
bool body_is_cached(const struct body *b);
struct body *body_ref(struct body *b);
void body_release(struct body **b);

/* Producer only (one thread). Next place to fill, at least 1 byte. ERR_AGAIN: the window is full, wait for wake. ERR_FULL: the
 * budget has no room (call body_stop_retaining and ask again). */
int body_space(struct body *b, char **p, size_t *n) MUST_CHECK;
/* n bytes were put there. Wakes armed readers. */
void body_filled(struct body *b, size_t n);
/* Nothing more comes: ERR_OK, or the error that readers get after the bytes that did come. Trims the last chunk. Once. */
void body_end(struct body *b, int err);
/* Keep only `window` bytes from now on and give the budget back. No new readers may open afterwards.
 * Needs one thread: the producer's. */
void body_stop_retaining(struct body *b, size_t window);

/* Bytes so far / whole, good and retained: all its segments are there / how many readers. Any thread. */
uint64_t body_size(struct body *b);
bool body_complete(struct body *b);
unsigned body_readers(struct body *b);

/* For a complete, retained body: its segments, valid while a reference is held. Returns how many there are, which may be more
 * than max. */
unsigned body_segments(const struct body *b, struct str *out, unsigned max);

/* The same bytes as a descriptor, borrowed: the kernel sends them from offset 0 on. -1: they have none, or are in several pieces. */
int body_memory(const struct body *b);
/* Of a body that a tier has given, which nobody changes any more: without its lock. */
uint64_t body_settled_size(const struct body *b);

struct chunk;
struct body_reader {
	struct list link;
	struct body *body;
	struct chunk *chunk;
	size_t in_chunk;
	uint64_t offset;
	bool armed;
	void (*wake)(
	    struct body_reader *r); /* any thread, under the body's lock: may only post to a mailbox; once per arming */
};

/* Starts at the front. The reader holds a reference. 0, or ERR_MISSING when the front is gone already. */
int body_reader_open(struct body_reader *r, struct body *b, void (*wake)(struct body_reader *r)) MUST_CHECK;
/* After this returns no wake comes any more. Closing twice is harmless. */
void body_reader_close(struct body_reader *r);
/* The next run of bytes, valid until body_read_done or close. ERR_AGAIN (armed: wake follows), ERR_EOF, or the error of
 * body_end. */
int body_read(struct body_reader *r, const char **p, size_t *n) MUST_CHECK;
void body_read_done(struct body_reader *r, size_t n);
/* All that is still to be read, when the body has ended in order: at most `max` runs, none empty, valid until body_read or close. False,
 * with *n unset: more is to come, it broke off, or it is in more runs than that. */
bool body_read_rest(struct body_reader *r, struct str *out, unsigned max, unsigned *n);

#endif
