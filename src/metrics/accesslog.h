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
	int64_t age_s;		       /* -1: not from the store */
	int64_t total_us, upstream_us; /* upstream -1: none */
};

/* path "stdout" or a file (opened for append, mode 0640). format: enum log_access_format of conf.h as a number. 0 or ERR_IO. */
int accesslog_open(struct str path, int format, struct accesslog **out) MUST_CHECK;
/* Writes out what waits, bounded by 1 s; ends the thread. */
void accesslog_close(struct accesslog **l);
void accesslog_reopen(struct accesslog *l);
/* Formats and appends; any thread. Control bytes and quotes are escaped: one line a request, whatever the client sent. */
void accesslog_write(struct accesslog *l, const struct access_line *line);
uint64_t accesslog_dropped(struct accesslog *l);

/* Pure formatting, for tests. */
void access_line_format(const struct access_line *line, int format, struct buf *out);

#endif
