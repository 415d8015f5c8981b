/* From the text of a value to what is stored of it. Private to conf/. */
#ifndef LARDER_CONF_VALUE_H
#define LARDER_CONF_VALUE_H

#include "conf/option.h"

struct value {
	struct arena *arena;	 /* of the settings */
	const struct conf *conf; /* the upstreams are there when a route is read */
	const struct option *option;
	struct str text;
	void *slot;	    /* where it is stored, of the type of the option */
	struct str wrong;   /* out: what is wrong with it */
	struct str nearest; /* out: what may have been meant, or STR_NONE */
};

/* 0, or ERR_INVALID with v->wrong set. */
int value_read(struct value *v) MUST_CHECK;

/* "not a size; allowed: a number of bytes ... (did you mean "12G"?)" */
void value_explain(const struct value *v, struct buf *out);

/* For the readers. */
int conf__wrong(struct value *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
int conf__wrong_near(struct value *v, struct str nearest, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool conf__is_none(struct str s);
int conf__time(struct value *v, struct str text, int64_t *ms) MUST_CHECK;

#define VALUE(type, reader, allowed) int reader(struct value *v);
#include "conf/values.def"
#undef VALUE

#endif
