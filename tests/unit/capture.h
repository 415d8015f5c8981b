/* What a test makes the program say on standard error, which is its log. */
#ifndef LARDER_TESTS_CAPTURE_H
#define LARDER_TESTS_CAPTURE_H

#include "suite.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Standard error goes to a file between capture_begin and capture_end. */
static FILE *captured;
static int saved_stderr;

static inline void capture_begin(void)
{
	captured = tmpfile();
	ck_assert_ptr_nonnull(captured);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(captured), STDERR_FILENO);
}

/* Everything that was written so far, to be freed. */
static inline char *capture_text(void)
{
	off_t size = lseek(fileno(captured), 0, SEEK_END);
	char *text = mem_zalloc((size_t)size + 1);
	ck_assert_int_eq(pread(fileno(captured), text, (size_t)size, 0), size);
	return text;
}

static inline char *capture_end(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	char *text = capture_text();
	fclose(captured);
	return text;
}

/* How often a text stands in another. */
static inline unsigned capture_count(const char *text, const char *what)
{
	unsigned n = 0;
	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* In what was written so far. */
static inline unsigned capture_so_far(const char *what)
{
	char *text = capture_text();
	unsigned n = capture_count(text, what);
	free(text);
	return n;
}

#endif
