/* The commands besides running: check, config, and those that ask the running proxy. Each prints to standard output and
 * error and returns the exit status: 0, 1 (settings wrong, refused, nobody there), 2 (usage). */
#ifndef LARDER_CLI_CLI_H
#define LARDER_CLI_CLI_H

#include "cli/argv.h"

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* Any command but COMMAND_RUN. */
int cli_run(const struct argv *argv, char **environ);

/* The settings for what the command line gave, warnings and errors printed to standard error. NULL when they are wrong. */
struct conf *cli_load(const struct conf_source *source);

/* Prints to standard output; EXIT_FAILED, with a complaint, when that does not take it all (disk full, pipe closed). */
int cli_print(const struct buf *text);
/* "larder: sentence" to standard error; returns status. Control bytes are left out. */
int cli_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* versions.c: "larder 0.1.0" and a line for each library. */
void cli_write_versions(struct buf *out);

/* ask.c: one request to the admin interface. */
struct cli_answer {
	int status;
	struct buf body;
};
/* form.p NULL: GET. 0, or an error with the complaint printed. The body is to be freed in any case. */
int cli_ask(const struct conf_admin *admin, const char *path, struct str form, struct cli_answer *out) MUST_CHECK;

/* stats.c: the answer of GET /stats as a table for people. ERR_PROTOCOL when it is none. */
int cli_write_stats(struct str json, struct buf *out) MUST_CHECK;

#endif
