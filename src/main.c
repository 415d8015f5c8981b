/* The program: the command line, then either the proxy until it is told to stop, or one command. */
#include <stdio.h>
#include <unistd.h>

#include "base/heap.h"
#include "cli/argv.h"
#include "cli/cli.h"
#include "worker/server.h"

enum { TEXT_MAX = 1 << 20 };

static int print_help(const struct argv *argv)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	argv_write_help(argv->command, &text);
	int status = cli_print(&text);
	buf_free(&text);
	return status;
}

static int print_versions(void)
{
	struct buf text;
	buf_init(&text, TEXT_MAX);
	cli_write_versions(&text);
	int status = cli_print(&text);
	buf_free(&text);
	return status;
}

static int run(const struct argv *argv)
{
	struct conf_source source = {argv->path, environ, argv->flags, argv->n_flags};
	struct conf *conf = cli_load(&source);
	if (!conf)
		return EXIT_FAILED;
	return server_run(conf, &source);
}

int main(int argc, char **argv)
{
	struct argv given;
	struct buf wrong;
	heap_setup();
	buf_init(&wrong, TEXT_MAX);
	int status;
	if (argv_read(argc, argv, &given, &wrong) != ERR_OK)
		status = cli_complain(EXIT_USAGE, "%.*s; see larder --help", STR_ARG(buf_str(&wrong)));
	else if (given.version)
		status = print_versions();
	else if (given.help)
		status = print_help(&given);
	else
		status = given.command == COMMAND_RUN ? run(&given) : cli_run(&given, environ);
	buf_free(&wrong);
	argv_free(&given);
	return status;
}
