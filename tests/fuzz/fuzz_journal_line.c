/* Lines of the journal. Input: a line without its sum (what is before `,"sum"`), which is added; so what the sum would keep away
 * from the reader is read too. */
#include "fuzz.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "tier/journal_line.h"

/* What was read and is written again reads the same. */
static void check_again(const struct journal_line *line)
{
	static struct journal_line again;
	struct buf b;
	buf_init(&b, JOURNAL_LINE_MAX);
	struct str arg = str_make(line->arg, line->n_arg);
	struct tier_purge op = {.kind = line->kind, .arg = arg, .key.text = arg, .soft = line->soft};
	if (line->is_head)
		journal_line__add_head(&b, line->base, line->forgotten, line->complete);
	else
		journal_line__add(&b, line->seq, &op, line->invalidates, STR("host-1-1"), 1);
	assert(!b.overflow && b.p[b.n - 1] == '\n');
	assert(journal_line__read(str_take(buf_str(&b), b.n - 1), &again) == ERR_OK);
	assert(again.is_head == line->is_head);
	if (line->is_head)
		assert(again.complete == line->complete && again.base == line->base);
	else
		assert(again.seq == line->seq && again.kind == line->kind && again.soft == line->soft);
	if (!line->is_head && line->kind != PURGE_ALL)
		assert(str_eq(str_make(again.arg, again.n_arg), arg));
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct journal_line line;
	struct str in = str_make((const char *)data, size);
	char sum[32];
	if (journal_line__read(in, &line) == ERR_OK)
		check_again(&line);
	if (size > 2 * JOURNAL_LINE_MAX)
		return 0;
	int n = snprintf(sum, sizeof(sum), ",\"sum\":\"%016" PRIx64 "\"}", hash128_str(in, 0).lo);
	char *text = mem_alloc(size + (size_t)n);
	str_put(str_put(text, in), str_make(sum, (size_t)n));
	if (journal_line__read(str_make(text, size + (size_t)n), &line) == ERR_OK)
		check_again(&line);
	free(text);
	return 0;
}
