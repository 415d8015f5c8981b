/* The stored form, from a place where others may write: the text as it is, and with a right checksum, so that the members are reached. What is
 * read can be sent (no field ends early), makes an entry, and is the same when it was written and read again. */
#include "fuzz.h"

#include "tier/form.h"
#include "tier/form_table.h"

#include <assert.h>

static void check_fields(const struct headers *h)
{
	for (uint32_t i = 0; i < h->n; i++)
		assert(h->v[i].name.n > 0 && is_field_value(h->v[i].name) && is_field_value(h->v[i].value));
}

static void check_runs(const struct form *f)
{
	const struct stored *s = &f->stored;
	uint64_t size = 0;
	for (unsigned i = 0; i < s->n_runs; i++) {
		assert(s->runs[i].first <= s->runs[i].last && (i == 0 || s->runs[i].first > s->runs[i - 1].last + 1));
		size += (uint64_t)(s->runs[i].last - s->runs[i].first + 1);
	}
	assert(s->n_runs == 0 || size == f->more.body_size);
}

static void check_holes(const struct form *f)
{
	const struct holes *h = f->stored.holes;
	uint64_t at = 0;
	for (unsigned i = 0; h && i < h->n_body; i++) {
		assert(h->body[i].at >= at && h->body[i].value < h->n_values && h->body[i].form < HOLE_FORMS);
		at = h->body[i].at;
	}
	assert(at <= f->more.body_size);
	for (unsigned i = 0; h && i < h->n_fields; i++) {
		const struct hole *p = &h->fields[i];
		assert(p->field < f->headers.n && p->at <= f->headers.v[p->field].value.n && p->value < h->n_values);
	}
}

static void write_again(const struct form *f, struct buf *out)
{
	struct body *body = body_of(STR(""), NULL);
	struct entry *e;
	buf_init(out, FORM_MAX);
	int err = entry_new(&f->spec, &body, NULL, &e);
	assert(err == ERR_OK);
	/* By way of an entry at rest: it remembers all of it. */
	struct arena a;
	struct entry_parts parts;
	arena_init(&a, 0);
	entry_open(e, &a, &parts);
	err = form_write(&parts.spec, &f->more, out);
	arena_free(&a);
	assert(err == ERR_OK || err == ERR_TOO_LARGE);
	if (err != ERR_OK)
		buf_reset(out);
	entry_release(&e);
}

static void check(struct str text)
{
	struct arena a;
	struct form f, again;
	struct buf first, second;
	arena_init(&a, 0);
	if (form_read(text, 1, &a, &f) == ERR_OK) {
		check_fields(&f.headers);
		check_fields(&f.stored.vary);
		check_runs(&f);
		check_holes(&f);
		write_again(&f, &first);
		if (first.n > 0) {
			int err = form_read(buf_str(&first), 1, &a, &again);
			assert(err == ERR_OK);
			write_again(&again, &second);
			assert(str_eq(buf_str(&first), buf_str(&second)));
			buf_free(&second);
		}
		buf_free(&first);
	}
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_make((const char *)data, size);
	struct buf right;
	char sum[FORM_SUM_DIGITS + 1];
	check(text);
	text = str_take(text, str_find(text, STR(FORM_SUM_NAME)));
	form__sum(hash128_str(text, 0), sum);
	buf_init(&right, FORM_MAX + FORM_TAIL);
	buf_add(&right, text);
	buf_addf(&right, FORM_SUM_NAME "%s" FORM_SUM_END, sum);
	check(buf_str(&right));
	buf_free(&right);
	return 0;
}
