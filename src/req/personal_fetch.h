/* struct personal_fetch as personal.c, which fills it while a body comes, and personal_leader.c, which reads it for the visitor who
 * caused the fetch, see it; everybody else has personal.h. */
#ifndef LARDER_REQ_PERSONAL_FETCH_H
#define LARDER_REQ_PERSONAL_FETCH_H

#include "base/decode.h"
#include "policy/cutter.h"
#include "req/personal.h"

/* What the leader gets in a hole. */
struct personal_fill {
	uint64_t at; /* in the body */
	struct str bytes;
};

struct personal_fetch {
	struct personal what;
	struct storable_out kept; /* cut: what is to be stored */
	struct str *own;	  /* of each value the leader's; p == NULL: none that fits */
	bool cuts, has_own, coded;
	bool ending, fed_last; /* all has come; the cutter knows */
	int err;	       /* what came cannot be decoded */
	struct cutter *cutter;
	struct decode *decode; /* NULL: it is not coded */
	uint64_t decoded;
	const struct personal_secret *found;
	/* cut */
	char *in;
	struct str rest; /* of what came: not decoded yet */
	struct buf out;	 /* what had no room in the body */
	struct hole *holes;
	struct personal_fill *fills;
	unsigned n, cap;
	struct str *forms; /* what the fields of forms held */
	unsigned n_forms, forms_cap;
	bool filled; /* since the leader was woken */
};

#endif
