/* One request from its head to its last byte: its steps (steps.c draws them), each returning the next or REQ_PARK, driven by
 * ten lines. client.c (or a test) calls in, the port calls out.
 *
 * Life:  req_new -> req_begin -> [parked: port.resume] -> answer is there -> the client sends it, reading a stream with
 * req_read -> req_free.   req_gone at any time when the client left. */
#ifndef LARDER_REQ_REQ_H
#define LARDER_REQ_REQ_H

#include "base/siphash.h"
#include "http/message.h"
#include "metrics/accesslog.h"
#include "metrics/metrics.h"
#include "req/port.h"
#include "tier/tier.h"

struct flights;	 /* req/flight.h: the fetches under way, of all workers */
struct look;	 /* req/lookup.h */
struct visitors; /* req/visitor.h: the tokens of their sessions */

enum { REQ_LOOKS = 256 };

/* What all requests of a worker share. */
struct req_env {
	void *worker;
	const struct req_port *port;
	struct conf *conf; /* current snapshot; a request takes its reference at req_new */
	struct tier *tier;
	struct flights *flights;
	struct metrics_worker *metrics;
	struct accesslog *access; /* NULL: off */
	uint64_t key_seed;
	struct siphash_key tag_key; /* of what is filled in, in entity tags */
	uint32_t instance;	    /* of the process: tells its own requests in Via, should they come back */
	uint64_t id_seed;	    /* request ids: worker number and a counter over random bits */
	uint64_t requests;
	struct look *looks[REQ_LOOKS]; /* those under way below the memory, by key */
	unsigned active;	       /* fetches under way on this worker: it must not end before they do */
	int64_t complained_ms;	       /* when a failed fetch was logged last */
	/* Only to tell what would happen (req/why.c): visitors' tokens are looked up here, and nobody is asked for one. */
	struct visitors *dry;
	/* Told each step a request takes, by name; NULL: nobody listens. */
	void (*trace)(void *ctx, const struct req *r, const char *step);
	void *trace_ctx;
	/* Requests that have ended, kept for the next ones with their memory and their reference to the settings. */
	struct req *spare;
	unsigned n_spare, max_spare; /* 0: none is kept */
};

/* Lets go of the spare requests: the settings have changed, or the worker ends. */
void req_env_trim(struct req_env *env);

enum answer_kind { ANSWER_NONE, ANSWER_WHOLE, ANSWER_FILE, ANSWER_PARTS, ANSWER_STREAM, ANSWER_TEXT };

/* A hit that is the same for all with the same entry, status and these: what was made for one can be sent to another. */
struct answer_plain {
	bool is;
	const struct conf *conf;
	const struct route *route;
	int64_t age_s, ttl_s; /* as its fields tell them */
};

/* What the client gets. Valid until req_free. */
struct answer {
	enum answer_kind kind; /* NONE: there is no answer yet */
	int status;
	struct headers headers; /* all end-to-end fields; the client adds framing and Connection */
	struct answer_plain plain;
	bool is_personal; /* has values of this visitor: policy_personal_headers is the last to change its fields */
	struct str personal_tag; /* its entity tag then, empty for none */
	int64_t length;		 /* Content-Length as it would be for GET; -1: not known (chunked, or until close) */
	bool bodyless;		 /* HEAD, 204, 304: no body bytes, whatever the length says */
	struct entry *
	    entry; /* WHOLE: body_segments of entry->body; FILE: body_file; PARTS: what its slices borrow from, or NULL: req_read has it too */
	uint64_t offset;	  /* FILE: where in it the body begins; it is `length` bytes */
	const struct str *slices; /* PARTS: the body, piece by piece; none is empty */
	unsigned n_slices;
	struct str text; /* TEXT */
	bool close;	 /* close the connection afterwards */
};

struct req_client { /* where it came from; strings live as long as the connection */
	const struct sockaddr *address;
	struct str address_text; /* "127.0.0.1", "unix" */
	struct str local_text;	 /* "127.0.0.1:8080" */
};

struct req *req_new(struct req_env *env, const struct req_client *client, void *owner);
/* The arena and the message to be filled before req_begin. */
struct arena *req_arena(struct req *r);
struct http_request *req_message(struct req *r);
void *req_owner(const struct req *r); /* what req_new was given: the client's own connection struct */

/* Takes the whole head. True: the answer is there. False: parked, port.resume follows. */
bool req_begin(struct req *r);
/* A malformed request: makes a 400 (or other status) that closes. `why`: static sentence. */
void req_refuse(struct req *r, int status, const char *why);
/* The answer that is there cannot be sent: its head is too large for the client side. Makes a 502 of it. */
void req_too_large(struct req *r);
/* NULL while parked. */
const struct answer *req_answer(struct req *r);
/* The same; but if it is plain its fields may not be made yet. */
const struct answer *req_answer_bare(struct req *r);

/* Upload bytes from the client: returns how many were taken now (0: wait for port.resume). Bytes after the answer is
 * there are swallowed. req_upload_end: the body is whole. */
size_t req_upload(struct req *r, const char *p, size_t n);
void req_upload_end(struct req *r);

/* STREAM: copies the next bytes, up to max. > 0: bytes. 0: none now, port.resume follows. ERR_EOF: whole. Other: broken off. */
int64_t req_read(struct req *r, char *p, size_t max);

/* For req/fill.c: the upload bytes that wait (0, ERR_AGAIN, or ERR_EOF), and how many of them went out. */
int req__upload_peek(struct req *r, const char **p, size_t *n) MUST_CHECK;
void req__upload_used(struct req *r, size_t n);

/* The client left: nothing more will be called but req_free. */
void req_gone(struct req *r);
/* The end: counts, logs and frees. `sent`: body bytes given to the system. `whole`: the answer went out completely. */
void req_free(struct req **r, uint64_t sent, bool whole);

#endif
