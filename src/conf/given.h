/* What was given, where, and what was wrong with it. Lives in the arena of the settings, as long as they do: `check`
 * tells from it where each value came from. Private to conf/. */
#ifndef LARDER_CONF_GIVEN_H
#define LARDER_CONF_GIVEN_H

#include "conf/option.h"

enum conf_from { FROM_FILE, FROM_ENVIRONMENT, FROM_FLAG, FROM_NOWHERE };

/* One value for one option, from one place. */
struct given {
	struct given *next; /* of the section, in the order they came: a later source behind an earlier one */
	const struct option *option;
	struct str text;
	enum conf_from from;
	unsigned line;	   /* FROM_FILE */
	struct str source; /* "proxy.ini:12", "LARDER_LOG_ACCESS", "--listen" */
	bool beaten;	   /* a stronger source gives the same option */
};

/* One section: [cache], or one of several [route NAME]. */
struct conf_origin {
	struct conf_origin *next; /* in the order of the file; the sections that it leaves out behind */
	const struct section *section;
	struct str label; /* "" for [cache], "/about" */
	unsigned line;	  /* 0: not in the file */
	void *base;	  /* its struct in the settings */
	struct given *given, **last;
};

/* The value that counts, or NULL when the default does. For options that repeat: the first of them. */
const struct given *origin_given(const struct conf_origin *s, const struct option *o);
const struct given *origin_given_name(const struct conf_origin *s, const char *name);

struct problem {
	enum conf_from from;
	unsigned line;
	unsigned order; /* in which it was found */
	bool warning;
	struct str text;
};

enum { PROBLEMS_KEPT = 200 };

/* All that is wrong, in the order of the file when it is written out. */
struct problems {
	struct arena *arena;
	struct str file; /* its name, for messages */
	unsigned n, errors, warnings;
	struct problem kept[PROBLEMS_KEPT];
};

/* About the file as a whole or one of its lines (line 0: the whole). */
void problem_at(struct problems *p, unsigned line, bool warning, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* About a value: "proxy.ini:12: [cache] memory_size = 12Q: " comes before the text; secrets are not shown. */
void problem_value(
    struct problems *p, const struct conf_origin *s, const struct given *g, bool warning, struct str text);
/* About something that stands nowhere: a missing option, a variable, a flag. */
void problem_plain(struct problems *p, enum conf_from from, bool warning, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

void problems_write(struct problems *p, struct buf *out);

/* "[route api]" */
void origin_write_name(const struct conf_origin *s, struct buf *out);
/* Untrusted bytes for a message: controls become ?, and what is longer than max is cut. */
enum { VALUE_SHOWN = 120 };
void write_clean(struct str s, size_t max, struct buf *out);

#endif
