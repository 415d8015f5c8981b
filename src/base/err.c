/* Names and sentences of the errors, made from err.def. */
#include "base/err.h"

#include <stddef.h>

static const struct {
	const char *name;
	const char *text;
} rows[] = {
    {"OK", "no error"},
#define X(name, text) {#name, text},
#include "base/err.def"
#undef X
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* The row of an error, ROWS when there is none. -(long) so that INT_MIN does not overflow. */
static size_t row_of(int err)
{
	if (err > 0)
		return ROWS;
	size_t row = (size_t)(-(long)err);
	return row < ROWS ? row : ROWS;
}

const char *err_name(int err)
{
	size_t row = row_of(err);
	return row < ROWS ? rows[row].name : "UNKNOWN";
}

const char *err_text(int err)
{
	size_t row = row_of(err);
	return row < ROWS ? rows[row].text : "unknown error";
}
