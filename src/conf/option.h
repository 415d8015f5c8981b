/* The one table, as the code sees it. Private to conf/. */
#ifndef LARDER_CONF_OPTION_H
#define LARDER_CONF_OPTION_H

#include "conf/conf.h"

enum section_id {
#define SECTION(id, keyword, shape, help) SECTION_##id,
#define OPTION(section, name, type, member, preset, text, low, high, flags, help)
#define FLAG(flag, section, name)
#define ALIAS(variable, section, name)
#include "conf/options.def"
#undef SECTION
#undef OPTION
#undef FLAG
#undef ALIAS
	SECTION_COUNT
};

enum section_shape {
	SECTION_ONE,	   /* [cache] */
	SECTION_DEFAULTED, /* [upstream], [upstream NAME] */
	SECTION_NAMED	   /* [route NAME] */
};

enum value_type {
#define VALUE(type, reader, allowed) VALUE_##type,
#include "conf/values.def"
#undef VALUE
	VALUE_COUNT_OF_TYPES
};

enum { OPTION_RESTART = 1, OPTION_SECRET = 2, OPTION_REPEAT = 4 };

struct section {
	const char *keyword;
	enum section_shape shape;
	const char *help;
	size_t size; /* of its struct */
};

struct option {
	enum section_id section;
	const char *name;
	enum value_type type;
	size_t offset;	    /* in the struct of its section */
	const char *preset; /* NULL: none */
	const char *text;   /* words of CHOICE, WORD, FLAGS; else an example, or NULL */
	int64_t low, high;  /* 0, 0: no bounds */
	unsigned flags;
	const char *help;
};

extern const struct section sections[SECTION_COUNT];
extern const struct option options[];
extern const unsigned n_options;

/* NULL when there is none. */
const struct section *section_find(struct str keyword);
const struct option *option_find(enum section_id section, struct str name);

/* "LARDER_CACHE_MEMORY_SIZE", "LARDER_UPSTREAM_API_URL"; label may be empty. */
void option_env_name(const struct option *o, struct str label, struct buf *out);
/* Its i-th other name in the environment; NULL behind the last. */
const char *option_alias(const struct option *o, unsigned i);
/* "--listen" where it has a short name, else "--cache-memory-size". */
void option_flag_name(const struct option *o, struct buf *out);
/* "a number of bytes with K, M or G, such as 256M, from 1M to 1024G" */
void option_allowed(const struct option *o, struct buf *out);
/* The member of the i-th word of o->text, or STR_NONE behind the last. */
struct str option_word(const struct option *o, unsigned i);

/* "90s", "16K": the largest unit that leaves a whole number. */
void write_time(int64_t ms, struct buf *out);
void write_size(uint64_t bytes, struct buf *out);
/* "1%", "0.05%": of 10,000. */
void write_percent(int64_t of_10000, struct buf *out);

#endif
