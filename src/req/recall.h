/* What became of the last answer of each key: the memory behind "why was this page not cached?", and of the keys that pass.
 *
 * Bounded by construction: as many notes of 128 bytes as the size that it is made with holds, touched as they are needed. A set of
 * four shares a place; a new key takes the place of the oldest note there, and of one that still passes only when all four do. What falls out early
 * costs one more collapsed wait and an answer to `larder why`. Nothing is kept over a restart.
 *
 * Written when an answer was judged, never on a hit. All functions: any thread, one short mutex, nothing else is locked or
 * called under it. Keys are told apart by their 128 bits of seeded hash: no visitor can make two of them meet. */
#ifndef LARDER_REQ_RECALL_H
#define LARDER_REQ_RECALL_H

#include "http/stored.h"
#include "policy/reason.h"

enum {
	RECALL_NOTE = 128,	 /* bytes of one */
	RECALL_MIN = 256 * 1024, /* bytes: 2,048 keys */
	RECALL_MAX = 8 << 20,	 /* 65,536 keys */
	RECALL_CAUSE_MAX = 75
};

struct recall_note {
	int64_t at_ms;		/* wall clock when it was judged */
	int64_t pass_until_ms;	/* requests for the key pass until then; 0: they do not */
	int64_t fresh_until_ms; /* STORED: when its freshness ends */
	uint64_t epoch;		/* of the tier when its fetch began */
	enum reason reason;	/* STORED, or why not */
	int status;		/* 0: there was no answer */
	bool of_visitor; /* NOT_LEAK_SAMPLE: its request told who asks, the one that it was compared with did not */
	/* What decided, "Cache-Control: private"; never the value of a cookie or a credential. Ends with NUL; cut when longer. */
	char cause[RECALL_CAUSE_MAX];
};

struct recall;

/* Of that many bytes, brought between RECALL_MIN and RECALL_MAX: it is never larger. */
struct recall *recall_new(size_t bytes);
void recall_free(struct recall **r);

/* Notes the verdict on an answer. While a key passes, only a note that makes it pass too, or one of what was stored, takes the
 * place of the one that tells why it passes. */
void recall_write(struct recall *r, const struct cache_key *key, const struct recall_note *note);
/* False when nothing is known. */
bool recall_read(struct recall *r, const struct cache_key *key, struct recall_note *out);

/* Do requests for the key pass at that time? */
bool recall_passes(struct recall *r, const struct cache_key *key, int64_t now_ms);
/* They do not any more; what else is known stays. */
void recall_forget_pass(struct recall *r, const struct cache_key *key);

#endif
