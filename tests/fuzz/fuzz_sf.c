/* Structured fields: each input is read as item, list and dictionary. What parses writes back to text that parses to the same
 * text again; bytes that no structured field has never parse; a line more makes a list one member longer. */
#include "fuzz.h"

#include "../unit/http/sf_text.h"

#include <assert.h>

#define TEXT_MAX (1 << 24)

enum kind { ITEM, LIST, DICTIONARY };

/* Parses as that kind and writes what came out. */
static int rewrite(enum kind kind, struct str in, struct buf *out)
{
	struct arena arena;
	struct sf_item item;
	struct sf_list list;
	struct sf_dictionary dictionary;
	arena_init(&arena, 0);
	buf_init(out, TEXT_MAX);
	int err;
	switch (kind) {
	case ITEM:
		err = sf_item_read(in, &arena, &item);
		if (err == ERR_OK)
			sf_text_item(out, &item);
		break;
	case LIST:
		err = sf_list_read(in, &arena, &list);
		assert(err < 0 || list.n <= SF_MEMBERS_MAX);
		if (err == ERR_OK)
			sf_text_members(out, list.v, list.n);
		break;
	default:
		err = sf_dictionary_read(in, &arena, &dictionary);
		assert(err < 0 || dictionary.n <= SF_MEMBERS_MAX);
		if (err == ERR_OK)
			sf_text_members(out, dictionary.v, dictionary.n);
		for (uint32_t i = 0; err == ERR_OK && i < dictionary.n; i++)
			assert(sf_dictionary_find(&dictionary, dictionary.v[i].key) == &dictionary.v[i]);
		break;
	}
	assert(err == ERR_OK || err == ERR_INVALID || err == ERR_TOO_LARGE);
	assert(!out->overflow);
	arena_free(&arena);
	return err;
}

static void check_rewritten(enum kind kind, struct str in)
{
	struct buf once, twice;
	if (rewrite(kind, in, &once) == ERR_OK) {
		for (size_t i = 0; i < in.n; i++)
			assert(in.p[i] == '\t' || (in.p[i] >= 0x20 && in.p[i] <= 0x7e));
		int err = rewrite(kind, buf_str(&once), &twice);
		assert(err == ERR_OK && str_eq(buf_str(&once), buf_str(&twice)));
		buf_free(&twice);
	}
	buf_free(&once);
}

/* Lines joined (RFC 9651 4.2): an item behind a list that is not empty is one more member of it. */
static void check_joined(struct str in)
{
	struct buf alone, joined, both;
	bool is_list = rewrite(LIST, in, &alone) == ERR_OK && alone.n > 0;
	buf_init(&joined, TEXT_MAX);
	(void)buf_add(&joined, in);
	(void)buf_add(&joined, STR(", last"));
	int err = rewrite(LIST, buf_str(&joined), &both);
	assert(!is_list || err == ERR_TOO_LARGE || (err == ERR_OK && str_ends(buf_str(&both), STR(", last"))));
	buf_free(&both);
	buf_free(&joined);
	buf_free(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_make((const char *)data, size);
	check_rewritten(ITEM, in);
	check_rewritten(LIST, in);
	check_rewritten(DICTIONARY, in);
	check_joined(in);
	return 0;
}
