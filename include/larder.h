/* liblarder: a cache of values in memory, in a directory of files, or in Redis, behind one interface. liblarder(3) says the same
 * at length; examples/remember.c is a program to begin with. C and C++.
 *
 *     larder_options options;
 *     larder_options_init(&options);
 *     options.backend = "file";
 *     options.path = "/var/cache/shop";
 *     larder_cache *cache;
 *     if (larder_open(&options, &cache) != LARDER_OK)
 *             complain(larder_last_error());
 *     larder_set(cache, "greeting", "hello", 5, 60.0);
 *
 * Threads: every function may be called by any thread at any time, also for the same cache, but for larder_close, which must be the
 * last call for its cache. Blocking: memory never waits but for another thread's copy of a value; files wait for the disk, and to write
 * for whoever writes a value of the same name; Redis waits for the server, as long as options.timeout allows. fork(): a child may go on
 * with the caches of its parent; it makes connections of its own.
 *
 * The library never ends its program, prints nothing, and changes no signal's handling. Out of memory is LARDER_NO_MEMORY like any other
 * error.
 *
 * A key is text of 1 to LARDER_KEY_MAX bytes. A value is bytes, or JSON. Both kinds lie in the cache as JSON, so that other programs can
 * read them: bytes that are UTF-8 as a string, other bytes as {"base64": "..."}. Hence larder_get of a JSON string gives its characters,
 * and of any other JSON value its text. A ttl is in seconds, to the millisecond; 0 is for ever; below 0, or above LARDER_TTL_MAX, is
 * LARDER_INVALID. */
#ifndef LARDER_H
#define LARDER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LARDER_API __attribute__((visibility("default")))
#else
#define LARDER_API
#endif

/* What functions return: X(name, number, text of larder_strerror). Numbers never change. */
#define LARDER_STATUS_MAP(X)                                                                                           \
	X(OK, 0, "done")                                                                                               \
	X(MISSING, -1, "there is no such value")                                                                       \
	X(NO_MEMORY, -2, "out of memory")                                                                              \
	X(INVALID, -3, "an argument is not valid")                                                                     \
	X(TOO_LARGE, -4, "larger than the limit")                                                                      \
	X(NOT_INTEGER, -5, "the value is no integer, or would not fit into 64 bits")                                   \
	X(IO, -6, "reading or writing a file failed")                                                                  \
	X(CONNECT, -7, "Redis cannot be reached")                                                                      \
	X(TIMEOUT, -8, "Redis did not answer in time")                                                                 \
	X(DENIED, -9, "no permission")                                                                                 \
	X(SERVER, -10, "Redis refused the command")                                                                    \
	X(UNSUPPORTED, -11, "not supported by this build")                                                             \
	X(DEADLOCK, -12, "the value is being computed by this very thread")

enum larder_status {
#define LARDER_STATUS_ENUM(name, number, text) LARDER_##name = number,
	LARDER_STATUS_MAP(LARDER_STATUS_ENUM)
#undef LARDER_STATUS_ENUM
};

#define LARDER_KEY_MAX	 16384		    /* bytes of a key, of a tag */
#define LARDER_VALUE_MAX (64 * 1024 * 1024) /* bytes of a value as JSON */
#define LARDER_TTL_MAX	 3000000000.0	    /* seconds: 95 years */
#define LARDER_TAGS_MAX	 64		    /* of one value */

typedef struct larder_cache larder_cache;

/* Where and how. Strings are copied by larder_open. */
typedef struct larder_options {
	size_t size;	     /* of this struct as the program knows it: larder_options_init fills it in */
	const char *backend; /* "memory" (default), "file" or "redis" */
	const char *path;    /* file: the directory; made if it is missing, but not its parent */
	/* redis: redis://[[user]:password@]host[:port][/db], unix:///path/to/socket, redis+sentinel://host,host/group,
	 * redis+cluster://host,host; with TLS to all of them rediss://, rediss+sentinel://, rediss+cluster:// */
	const char *url;
	/* Values of another namespace or prefix are not seen, and not flushed. "larder" and "cache" by default; may be empty. Those who
	 * want to share values must use the same. No part of it may be longer than 255 bytes. */
	const char *name_space;
	const char *prefix;
	/* How many values there may be; then the least valuable leave, of files and in Redis a sixteenth at once. 0 is the default of 10000.
	 *
	 * memory   never more; those that were not read lately leave (SIEVE).
	 * file     never more, of all threads and processes together that share the directory, namespace and prefix and have the same
	 *          limit; those leave that were not read since the last time some had to. Values of other programs count once they were read
	 *          through liblarder. A set that meets the limit looks through the directory.
	 * redis    when no set is under way, never more, of all that share the Redis, namespace and prefix; meanwhile one more for each that
	 *          is. Those leave that were not used for the longest time. A use is noted once a minute at most, more often when values come
	 *          and go quickly. Values of other programs neither count nor leave, unless liblarder has written them as well. Where Redis
	 *          refuses the keys for it (larder-used:*, larder-ends:*), there is no limit. */
	size_t max_entries;
	double timeout; /* redis: seconds, to connect and of each answer; 0 is the default of 5 */
	/* redis: the `redis_prefix` of the proxies whose pages larder_forget_tag shall reach; "larder" by default. Empty: none. */
	const char *pages_prefix;
	/* redis with TLS: names of PEM files. The CA certificates that are trusted (NULL: the system's); our own certificate and its key, where
	 * the server asks for one (the key may be in the certificate's file). They are read by larder_open. */
	const char *tls_ca, *tls_cert, *tls_key;
	/* Not 0: whoever answers is believed to be the server, which gives all that is stored, and the password, to who can get in between. */
	int tls_accept_any_server;
} larder_options;

/* Defaults. Use the macro, not the function. */
#define larder_options_init(options) larder_options_init_size((options), sizeof(*(options)))
LARDER_API void larder_options_init_size(larder_options *options, size_t size);

/* Opens a cache. LARDER_OK with *cache, which larder_close closes. Else *cache is NULL, and LARDER_INVALID (an unknown backend, a url that
 * is none, files of TLS that cannot be used), LARDER_IO, LARDER_DENIED (the directory), LARDER_UNSUPPORTED (a list of backends; rediss:// where it was left out), LARDER_NO_MEMORY;
 * larder_last_error says more. Redis is not asked yet: a server that is away is an error of the calls that need it, until it is back. */
LARDER_API int larder_open(const larder_options *options, larder_cache **cache);

/* Closes it and frees what belongs to it. What files and Redis hold stays. NULL is allowed. No other thread may be in a call. */
LARDER_API void larder_close(larder_cache *cache);

/* --- values ---
 * All may return, besides what is said: LARDER_INVALID (key, ttl), LARDER_NO_MEMORY; of files LARDER_IO and LARDER_DENIED; of Redis
 * LARDER_CONNECT, LARDER_TIMEOUT, LARDER_DENIED, LARDER_SERVER. */

/* Stores bytes; replaces what was there, its ttl and its tags. `value` is copied (NULL when n is 0). LARDER_TOO_LARGE. */
LARDER_API int larder_set(larder_cache *cache, const char *key, const void *value, size_t n, double ttl);
/* Stores JSON: one value of any kind, as UTF-8. LARDER_INVALID when it is not JSON, or nested deeper than 512. */
LARDER_API int larder_set_json(larder_cache *cache, const char *key, const char *json, size_t n, double ttl);
/* The same with tags (at most LARDER_TAGS_MAX), for larder_forget_tag. */
LARDER_API int larder_set_tagged(larder_cache *cache, const char *key, const void *value, size_t n, double ttl,
    const char *const *tags, size_t n_tags);
LARDER_API int larder_set_json_tagged(larder_cache *cache, const char *key, const char *json, size_t n, double ttl,
    const char *const *tags, size_t n_tags);

/* LARDER_OK with the bytes in *value and their number in *n; the caller frees *value with larder_free. A NUL, not counted, follows them. Else
 * *value is NULL and *n 0: LARDER_MISSING when it is not there, has expired or is damaged. `n` may be NULL. */
LARDER_API int larder_get(larder_cache *cache, const char *key, void **value, size_t *n);
/* The same, but LARDER_OK with a copy of the default where larder_get gives LARDER_MISSING. */
LARDER_API int larder_get_or(
    larder_cache *cache, const char *key, const void *otherwise, size_t n_otherwise, void **value, size_t *n);
/* The value as JSON text, whatever it is: a string with its quotes. Ends with a NUL; freed with larder_free. */
LARDER_API int larder_get_json(larder_cache *cache, const char *key, char **json, size_t *n);
/* For what larder_get and others gave. NULL is allowed. */
LARDER_API void larder_free(void *value);

/* 1: there is such a value. 0: there is none. Else an error (below 0, and never LARDER_MISSING). */
LARDER_API int larder_has(larder_cache *cache, const char *key);
/* LARDER_OK: it was there, and is no more. LARDER_MISSING: it was not there. */
LARDER_API int larder_forget(larder_cache *cache, const char *key);
/* Drops all values of this cache's namespace and prefix. Of files: those that were written through this library, or read by it at least
 * once, since the names of others are hashes. */
LARDER_API int larder_flush(larder_cache *cache);

/* Adds `amount` (which may be negative) to a value that is an integer, and gives the sum in *result (may be NULL). Atomic: between threads,
 * between processes, on files too. What is not there counts as 0 and gets this ttl; else the ttl stays as it is. LARDER_NOT_INTEGER: the value
 * is something else, or the sum would not fit; nothing was changed. */
LARDER_API int larder_incr(larder_cache *cache, const char *key, int64_t amount, double ttl, int64_t *result);

/* Where a computation leaves its value. */
typedef struct larder_result larder_result;
/* Copies the value into the result; the last one counts. LARDER_OK, LARDER_NO_MEMORY, LARDER_TOO_LARGE, LARDER_INVALID (no JSON). */
LARDER_API int larder_result_set(larder_result *result, const void *value, size_t n);
LARDER_API int larder_result_set_json(larder_result *result, const char *json, size_t n);

/* Computes a value: sets `result`, returns 0. Anything else is a failure: larder_remember returns it as it is, so numbers above 0 tell
 * the program's errors from the library's. A C++ function must not let an exception out. It may use the cache. */
typedef int larder_compute(void *context, larder_result *result);

/* As larder_get; what is not there is computed by `fn(context, ...)` on this thread and stored with `ttl`. Of the threads of this process
 * that ask for one key of one cache at a time, one computes and the others wait and get the same value. If fn fails, its error goes to
 * its own caller alone, nothing is stored, and one of those who wait computes in its turn. LARDER_DEADLOCK: this thread is computing this
 * key already. A cache that cannot be read or written does not stand in the way: the value is computed and given, with LARDER_OK;
 * larder_last_error tells. */
LARDER_API int larder_remember(
    larder_cache *cache, const char *key, double ttl, larder_compute *fn, void *context, void **value, size_t *n);

/* Drops the values of this cache that carry the tag, and purges the pages that carry it, where a proxy (larder) shares the directory or
 * the Redis (options.pages_prefix). LARDER_OK also when there was none. On an error some may have been dropped: call it again. */
LARDER_API int larder_forget_tag(larder_cache *cache, const char *tag);

/* --- errors --- */

/* What a status means, in static text. Any number may be given. */
LARDER_API const char *larder_strerror(int status);
/* What went wrong in this thread's last call that did not succeed, with names and reasons, in one line. Valid until this thread's next
 * call. Never NULL, never a password. */
LARDER_API const char *larder_last_error(void);
/* The version of the library, such as "0.1.0". Static. */
LARDER_API const char *larder_version(void);

#ifdef __cplusplus
}
#endif

#endif
