/* The access log: workers append whole lines to a bounded buffer, one thread writes them in batches, SIGUSR1 makes it
 * open its file anew. A worker never waits: when the buffer is full the line is dropped and counted. */
#ifndef LARDER_METRICS_ACCESSLOG_H
#define LARDER_METRICS_ACCESSLOG_H

#include "base/buf.h"
#include "base/str.h"

struct accesslog;

struct access_line {
	int64_t wall_ms;
	struct str client, method, target, host, referer, user_agent, request_id, route, tier, upstream;
	int minor;
	int status;
	uint64_t bytes;
	const char *verdict;	       /* outcome name */
	const char *reason;	       /* reason code */
	struct str rule;	       /* where the option that decided was set, and its name: "larder.ini:12 cache" */
	int64_t age_s;		       /* -1: not from the store */
	int64_t total_us, upstream_us; /* upstream -1: none */
};

/* path "stdout" or a file (opened for append, mode 0640). format: enum log_access_format of conf.h as a number. 0, or ERR_IO
 * with errno set. */
int accesslog_open(struct str path, int format, struct accesslog **out) MUST_CHECK;
/* Writes out what waits, bounded by 1 s; ends the thread. No line may be under way. */
void accesslog_close(struct accesslog **l);
/* Lines appended from now on go to the file that has the name now. When it cannot be opened the old one stays. */
void accesslog_reopen(struct accesslog *l);
/* Formats and appends; any thread. Control bytes and quotes are escaped: one line a request, whatever the client sent. */
void accesslog_write(struct accesslog *l, const struct access_line *line);
/* Lines that found the buffer full, were larger than it takes, or were left at the end. Any thread. */
uint64_t accesslog_dropped(struct accesslog *l);
/* Batches that the file did not take whole (disk full). Any thread. */
uint64_t accesslog_errors(struct accesslog *l);

/* Pure formatting, in access_line.c:
 *   combined   127.0.0.1 - - [31/Jan/2026:10:15:00 +0000] "GET /a HTTP/1.1" 200 12 "referer" "agent" and the rest as key=value
 *   json       {"time":"2026-01-31T10:15:00.123Z","client":"127.0.0.1",...}, null where there is nothing
 *   keyvalue   time=2026-01-31T10:15:00.123Z client=127.0.0.1 ..., - where there is nothing */
void access_line_format(const struct access_line *line, int format, struct buf *out);

#endif
