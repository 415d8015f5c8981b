/* Inside liblarder: what a backend is, and what the front (cache.c) and all of them share. A backend keeps values as JSON text under keys, and
 * never ends the process: base/mem.h and what is built on it are not for this folder. */
#ifndef LARDER_LIB_LIB_H
#define LARDER_LIB_LIB_H

#include "base/err.h"
#include "base/list.h"
#include "base/str.h"
#include "redis/url.h"

#include "larder.h"

/* Owned memory of malloc's. A NUL follows the n bytes. */
struct text {
	char *p;
	size_t n;
};

/* What is stored: all borrowed. */
struct lib_value {
	struct str json;
	int64_t ttl_ms; /* 0: for ever */
	const struct str *tags;
	size_t n_tags;
};

/* As larder_open was told, made whole. Strings end with a NUL. */
struct lib_settings {
	struct str path, url, name_space, prefix, pages_prefix;
	size_t max_entries;
	int64_t timeout_ms;
	struct redis_tls tls;
};

struct lib_backend;

/* Each returns a status of larder.h and told the thread why (lib_fail) when that is an error. Any thread. Keys and tags are checked. */
struct lib_ops {
	int (*get)(struct lib_backend *b, struct str key, struct text *out);
	int (*set)(struct lib_backend *b, struct str key, const struct lib_value *v);
	int (*has)(struct lib_backend *b, struct str key); /* OK or MISSING */
	int (*forget)(struct lib_backend *b, struct str key);
	int (*flush)(struct lib_backend *b);
	int (*incr)(struct lib_backend *b, struct str key, int64_t amount, int64_t ttl_ms, int64_t *result);
	int (*forget_tag)(struct lib_backend *b, struct str tag);
	void (*close)(struct lib_backend *b);
	/* Around fork(), with all other calls of its process standing still or not: hold and let go of what is short (NULL: nothing). */
	void (*fork_prepare)(struct lib_backend *b);
	void (*fork_done)(struct lib_backend *b, bool child);
};

struct lib_backend {
	const struct lib_ops *ops;
};

/* NULL, with *status: which. They copy what they keep of s. */
struct lib_backend *memory_backend_open(const struct lib_settings *s, int *status);
struct lib_backend *file_backend_open(const struct lib_settings *s, int *status);
struct lib_backend *redis_backend_open(const struct lib_settings *s, int *status);

/* Keeps a sentence for larder_last_error and returns the status. */
int lib_fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with a path (shortened in its middle where it is long; empty: none) and what errno says; ENOMEM and rights choose the status, else
 * LARDER_IO. */
int lib_fail_errno(const char *what, struct str name);
int lib_no_memory(void);
/* Puts the name of the operation that the program asked for (under 32 bytes) before the sentence that a backend left, if `status` is an error;
 * returns the status. */
int lib_told(const char *operation, int status);

/* The sum, or LARDER_NOT_INTEGER: `json` is no integer (empty: 0), or it would not fit. */
int lib_sum(struct str json, int64_t amount, int64_t *sum);
/* An integer as JSON. */
struct str lib_int_text(int64_t v, char room[24]);

/* The wall clock, and for tests another one (NULL: the wall clock again). */
int64_t lib_now_ms(void);
void lib_set_clock(int64_t (*now_ms)(void));

/* Bytes as JSON: a string, or {"base64": "..."}. LARDER_OK, LARDER_NO_MEMORY, LARDER_TOO_LARGE. */
int lib_encode(struct str bytes, struct text *out);
/* The bytes of a JSON value, in place: the characters of a string, what was base64, else the text as it is. */
void lib_decode(struct text *t);

/* Who is told of forks (fork.c): prepare takes short locks, done lets go of them, in the parent and in the child. */
struct lib_forker {
	struct list link;
	void (*prepare)(void *ctx);
	void (*done)(void *ctx, bool child);
	void *ctx;
};
/* LARDER_OK or LARDER_NO_MEMORY. */
int lib_fork_watch(struct lib_forker *f);
void lib_fork_unwatch(struct lib_forker *f);

#endif
