/* Statuses, and the sentence that goes with the last one, a thread each. The sentence's room is in the memory that every thread has from its
 * start (initial-exec): other thread-local memory of a library that was loaded late is allocated at its first use, and the C library ends
 * the process where it cannot. */
#include "lib/lib.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/json.h"

enum { OPERATION = 32, PATH_SHOWN = 160, SENTENCE = 384 };

static _Thread_local __attribute__((tls_model("initial-exec"))) char sentence[SENTENCE];

const char *larder_strerror(int status)
{
	switch (status) {
#define TEXT(name, number, text)                                                                                       \
	case number:                                                                                                   \
		return text;
		LARDER_STATUS_MAP(TEXT)
#undef TEXT
	default:
		return status > 0 ? "an error of the program's own" : "an unknown error";
	}
}

const char *larder_last_error(void)
{
	return sentence;
}

const char *larder_version(void)
{
	return LARDER_VERSION;
}

int lib_fail(int status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	return status;
}

int lib_no_memory(void)
{
	return lib_fail(LARDER_NO_MEMORY, "%s", larder_strerror(LARDER_NO_MEMORY));
}

int lib_told(const char *operation, int status)
{
	char rest[SENTENCE];
	if (status >= LARDER_OK || status == LARDER_MISSING)
		return status;
	memcpy(rest, sentence, sizeof(rest));
	return lib_fail(status, "%.*s: %.*s", OPERATION, operation, SENTENCE - OPERATION - 3, rest);
}

/* What a path begins and ends with tells most: the directory, and the file. */
static struct str shorten(struct str path, char room[PATH_SHOWN])
{
	static const struct str dots = STR("...");
	if (path.n <= PATH_SHOWN)
		return path;
	size_t head = PATH_SHOWN / 2, tail = PATH_SHOWN - head - dots.n;
	str_put(str_put(str_put(room, str_take(path, head)), dots), str_make(path.p + path.n - tail, tail));
	return str_make(room, PATH_SHOWN);
}

int lib_fail_errno(const char *what, struct str name)
{
	char reason[96], room[PATH_SHOWN];
	int error = errno;
	if (error == ENOMEM)
		return lib_no_memory();
	const char *text = strerror_r(error, reason, sizeof(reason));
	struct str shown = shorten(name, room);
	return lib_fail(error == EACCES || error == EPERM || error == EROFS ? LARDER_DENIED : LARDER_IO, "%s%s%.*s: %s",
	    what, name.n > 0 ? " " : "", (int)shown.n, shown.n > 0 ? shown.p : "", text);
}

int lib_sum(struct str json, int64_t amount, int64_t *sum)
{
	int64_t now = 0;
	if (json.n > 0 && !json_int(json, &now))
		return lib_fail(LARDER_NOT_INTEGER, "the value is no integer of 64 bits");
	if (__builtin_add_overflow(now, amount, sum))
		return lib_fail(
		    LARDER_NOT_INTEGER, "%lld and %lld do not fit into 64 bits", (long long)now, (long long)amount);
	return LARDER_OK;
}

struct str lib_int_text(int64_t v, char room[24])
{
	int n = snprintf(room, 24, "%lld", (long long)v);
	return str_make(room, (size_t)n);
}
