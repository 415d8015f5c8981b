/* The command line, read by the table argv.def. */
#ifndef LARDER_CLI_ARGV_H
#define LARDER_CLI_ARGV_H

#include "base/arena.h"
#include "conf/conf.h"

enum command {
#define COMMAND(id, name, arguments, help) COMMAND_##id,
#include "cli/argv.def"
	COMMAND_COUNT,
	COMMAND_ANY = COMMAND_COUNT
};

struct argv_list {
	const char **v;
	unsigned n;
};

struct argv {
	struct arena arena;
	enum command command;
	bool help, version;
	const char *path; /* NULL: no file */
	const char *prefix, *glob, *tag, *host, *method;
	struct argv_list headers;
	bool all, soft, wait, json, example, docs;
	struct conf_flag *flags;
	unsigned n_flags;
	const char **words; /* what is left: the URLs of purge and why */
	unsigned n_words;
};

/* 0, or ERR_INVALID with a sentence in `wrong`. Strings borrow from argv or lie in out->arena; out is to be freed in any case. */
int argv_read(int argc, char **argv, struct argv *out, struct buf *wrong) MUST_CHECK;
void argv_free(struct argv *a);

/* The help of a command; of the program for COMMAND_RUN. */
void argv_write_help(enum command command, struct buf *out);

#endif
