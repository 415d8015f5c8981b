/* The steps of loading, for each other, the tests and the fuzz target. Private to conf/. */
#ifndef LARDER_CONF_LOAD_H
#define LARDER_CONF_LOAD_H

#include "conf/given.h"

struct loader {
	struct conf *conf;
	struct arena *arena; /* of conf */
	struct problems problems;
	struct conf_origin *first, **last; /* sections, in the order of the file */
};

/* conf_load with the text of the file already read: file NULL means that there is none. */
int conf__load_text(const struct conf_source *source, const char *file, struct str text, struct conf **out,
    struct buf *errors) MUST_CHECK;

/* gather.c: which sections there are and what was given for them. */
void loader_gather_file(struct loader *l, struct str text);
void loader_gather_environment(struct loader *l, char **environment);
void loader_gather_flags(struct loader *l, const struct conf_flag *flags, unsigned n);
/* What other programs call the same things, where nothing but the file has a value; after all others. */
void loader_gather_aliases(struct loader *l, char **environment);
/* The section, made when it is not there; for [upstream] the label is "default". */
struct conf_origin *loader_section(struct loader *l, enum section_id id, struct str label);

/* check.c: what no single value can tell. */
void loader_check(struct loader *l);
/* What max_object may not exceed, and the name of the option that says so. */
size_t loader_object_bound(const struct conf_cache *c, const char **name);
/* A problem of the section where one of its options is given, else of the section as a whole. option may be NULL. */
void loader_complain(struct loader *l, const struct conf_origin *s, const char *option, bool warning, struct str text);
/* The same about routes, once the table is made. */
void loader_check_order(struct loader *l);

/* check_tokens.c: a route that caches. */
void loader_check_tokens(struct loader *l, const struct conf_origin *s);
void loader_check_guard(struct loader *l, const struct conf_origin *s);

#endif
