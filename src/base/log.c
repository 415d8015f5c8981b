/* The operator's log. A line is made on the stack and leaves with one write(), so that lines of several threads (and of
 * several processes on one pipe: 4096 is PIPE_BUF) never mix, with no lock.
 *
 * What is logged may hold bytes from the network, so control characters are written as \xNN here, for every caller: a
 * forged line or a terminal escape cannot come out of it. */
#include "base/log.h"

#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static atomic_int log_level = LOG_INFO;

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARNING] = "warning", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

/* "2026-01-31T10:15:00.123Z", in UTC whatever TZ says. */
static size_t format_time(char *out, size_t size, int64_t now_ms)
{
	time_t s = (time_t)(now_ms / 1000);
	struct tm tm;
	gmtime_r(&s, &tm);
	size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	return n + (size_t)snprintf(out + n, size - n, ".%03dZ", (int)(now_ms % 1000));
}

/* Copies text with its control characters escaped; cuts at the end of the room, marked by "...". */
static size_t add_clean(char *out, size_t room, const char *text, bool cut)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool control = c < 0x20 || c == 0x7f;
		if (n + 4 + 3 > room) {
			cut = true;
			break;
		}
		if (!control) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	if (cut) {
		memcpy(out + n, "...", 3);
		n += 3;
	}
	return n;
}

/* A log that cannot be written is lost: there is nobody left to tell. */
static void write_line(const char *line, size_t n)
{
	ssize_t written;
	do {
		written = write(STDERR_FILENO, line, n);
	} while (written < 0 && errno == EINTR);
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
	if ((int)level > atomic_load_explicit(&log_level, memory_order_relaxed))
		return;

	int saved_errno = errno; /* a caller may log before it looks at errno */
	char line[LINE_MAX_BYTES];
	size_t n = format_time(line, sizeof(line), clock_wall_ms());
	n += (size_t)snprintf(line + n, sizeof(line) - n, " %s %.64s: ", level_names[level], area);

	char text[LINE_MAX_BYTES];
	va_list args;
	va_start(args, format);
	int wanted = vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	n += add_clean(line + n, sizeof(line) - 1 - n, text, wanted >= (int)sizeof(text));
	line[n++] = '\n';
	write_line(line, n);
	errno = saved_errno;
}
