/* The cookies that a visitor has, and which ones an answer leaves him (RFC 6265 5.3, as far as a server can tell). Two requests of one
 * visitor are known by it, though an application gives him his session's cookie anew with each answer. Pure. */
#ifndef LARDER_HTTP_JAR_H
#define LARDER_HTTP_JAR_H

#include "base/err.h"
#include "http/headers.h"

/* A request with more is told from no other. */
enum { JAR_MAX = 128 };

/* Fewer characters can be guessed, or are those of many: "yes", "de-AT". */
enum { JAR_LONG = 16 };

struct jar {
	struct header v[JAR_MAX]; /* name and value of a cookie; strings are borrowed */
	unsigned n;
};

/* The cookies of all Cookie fields. Those of well-known measuring scripts stay out: they change with each page, and no application
 * reads them. False: there are more than fit, or one has two values; the jar is empty. */
bool jar_read(const struct headers *request, struct jar *out) MUST_CHECK;

/* What an answer does to a session. */
enum jar_change {
	JAR_SAME, /* it sets no cookie */
	JAR_RENEWED, /* each cookie that it sets is one that the visitor had, long enough to be only his, under a new value */
	JAR_CHANGED /* anything else: the cookies may be of somebody new */
};
/* Applies the answer's Set-Cookies as the client will, for its next request of `path`. *is_long: is any value that was set JAR_LONG, so
 * that no other visitor has the same? What does not fit is dropped: then nobody is known by it. */
enum jar_change jar_apply(struct jar *j, const struct headers *answer, struct str path, int64_t now_s, bool *is_long);

/* Is there any value of JAR_LONG: can somebody be told from others by it? */
bool jar_tells(const struct jar *j);
/* "name=value;" of each in an order of its own, whatever the order was they came in. Lies in `a`. */
struct str jar_text(struct jar *j, struct arena *a);

#endif
