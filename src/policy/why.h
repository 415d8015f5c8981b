/* What would happen to a request now, and why: plain values, found by req/why.c and told by admin/why.c. All strings and arrays
 * lie in the arena that the finder was given; the route and what it holds live as long as its settings. */
#ifndef LARDER_POLICY_WHY_H
#define LARDER_POLICY_WHY_H

#include "conf/conf.h"
#include "http/message.h"
#include "http/stored.h"
#include "policy/reason.h"

/* The request that is asked about. The host and each field are valid; Host is none of the fields. */
struct why_ask {
	struct conf *conf;
	struct str method, scheme, host, target; /* target: path and query as a client would send it */
	struct headers headers;
	int64_t now_ms;
};

enum why_kind {
	WHY_STORED,	/* answered from what is stored */
	WHY_STORED_OLD, /* the same, and one fetch renews it behind */
	WHY_VALIDATE,	/* the origin is asked whether what is stored is still good */
	WHY_FETCH,	/* the origin is asked for the page, which may be stored */
	WHY_PASS,	/* the request goes to the origin as if there were no cache */
	WHY_REFUSE	/* answered by us, with an error */
};

/* A nominated field in which a stored variant and the request differ; p NULL: absent. */
struct why_field {
	struct str name, stored, asked;
};

/* What is filled in for each visitor, and in how many places. */
struct why_hole {
	enum hole_kind kind;
	struct str cookie; /* TOKEN: its name */
	unsigned places;
};

struct why_variant {
	struct stored stored; /* without its holes, which are told below */
	enum reason reason;   /* what it would be good for, were it asked for */
	int64_t age_ms, ttl_ms;
	size_t size;
	struct str *tags;
	unsigned n_tags;
	bool purged;  /* softly */
	bool matches; /* its nominated fields are the request's */
	bool chosen;  /* the one that answers, or is validated */
	struct why_field *differs;
	unsigned n_differs;
	struct why_hole *holes;
	unsigned n_holes;
};

/* Why something that was stored is there no more; what cannot be told apart is one. */
enum why_gone { WHY_NOT_GONE, WHY_GONE_PURGED, WHY_GONE_EXPIRED, WHY_GONE_DROPPED };

/* The answer to the key that was seen last; reason NONE: none is remembered. */
struct why_last {
	enum reason reason;
	int status;	       /* 0: there was none */
	int64_t ago_ms;	       /* when it was judged */
	int64_t passes_ms;     /* how much longer requests for the key pass; 0: they do not */
	int64_t fresh_left_ms; /* STORED: of its freshness, negative when that has ended */
	struct str cause;      /* the field that decided */
	enum why_gone gone;
};

struct why {
	struct str method, scheme, host, path, query; /* as understood; query.p NULL: none */
	struct str key;				      /* empty when it is never looked up */
	bool scheme_ignored; /* https was asked for, but no peer is trusted to say so: all requests are http */
	const struct conf *conf;
	const struct route *route;
	bool undecided;		/* the route's regex met its limits: nothing is looked up */
	bool has_body;		/* the request's own */
	struct headers request; /* end-to-end fields that the origin would see */

	enum why_kind kind;
	enum reason reason;
	int status;	 /* STORED, REFUSE: of the answer */
	bool may_store;	 /* what the origin answers may be stored */
	bool asks_token; /* STORED: the token of the visitor's session is asked for first, at the route's token_path */
	enum reason stands_in; /* the stored page would be served, should the origin fail; NONE: it would not */
	bool is_fetched;       /* somebody fetches the page at this moment: the request would wait for that */
	struct why_variant *variants;
	unsigned n_variants;
	struct why_last last;
};

#endif
