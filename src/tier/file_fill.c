/* What is done in the background, in short steps, when nobody asks for anything (io_pool_add_idle).
 *
 * Filling: one pass over all leaves that have anything in them, a leaf a step, under its lock. What is found is put into the index; what is
 * damaged, purged or left over is removed (what has expired, by the sweeps: they know the time); and the leaf's count is put right. Until then pages are found by their files.
 *
 * Burying: the files of doomed pages are unlinked, and pages evicted while there are more than a lowered bound allows. */
#include "tier/file_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

#define BURY_STEP 32

static void recount(struct file_tier *t, const struct file_leaf *leaf)
{
	uint64_t units = 1;
	for (size_t i = 0; i < leaf->names.n; i++)
		units += file__units(file_leaf__size(leaf, &leaf->names.v[i]));
	file_usage__recount(&t->usage, leaf->number, units);
}

/* Has it the body that its JSON names? */
static bool has_body(const struct file_leaf *leaf, const struct file_form *f)
{
	for (size_t i = 0; i < leaf->names.n; i++) {
		const struct file_name *name = &leaf->names.v[i];
		if (name->body && name->id == f->id && name->variant == f->variant && strcmp(name->sha, f->sha) == 0)
			return file_leaf__size(leaf, name) == f->form.more.body_size;
	}
	return false;
}

/* True: it stays. */
static bool take_in(struct file_tier *t, struct file_leaf *leaf, const struct file_form *f)
{
	if (!has_body(leaf, f)) {
		file__damaged(t, f->sha, f->variant);
		return false;
	}
	struct file_page_state state = file_index__look(&t->index, &f->form.spec.key, f->variant, f->id);
	uint64_t seq = state.seq > f->form.more.seq ? state.seq : f->form.more.seq;
	if (file_read__judge(t, seq, &f->form) == LEDGER_HARD)
		return false;
	if (!state.known && atomic_load(&t->index.bytes) < FILE_INDEX_MAX) {
		struct file_page_spec spec = file_read__spec(f);
		file_index__put(&t->index, &spec);
	}
	return true;
}

static void visit_page(struct file_tier *t, struct file_leaf *leaf, const struct file_name *name)
{
	struct file_form f;
	int err = file_form__read(t, leaf, name->sha, name->variant, &f);
	if (err == ERR_INVALID)
		file__damaged(t, name->sha, name->variant);
	if (err == ERR_INVALID || (!err && !take_in(t, leaf, &f))) {
		file_leaf__remove(t, leaf, name->sha, name->variant, 0, true);
		if (!err)
			file_index__drop(&t->index, &f.form.spec.key, f.variant, 0);
	} else if (!err) {
		file_leaf__remove(t, leaf, name->sha, name->variant, f.id, false);
	}
	file_form__free(&f);
}

static bool has_json(const struct file_leaf *leaf, const struct file_name *body)
{
	for (size_t i = 0; i < leaf->names.n; i++) {
		const struct file_name *name = &leaf->names.v[i];
		if (!name->body && name->variant == body->variant && strcmp(name->sha, body->sha) == 0)
			return true;
	}
	return false;
}

/* Somebody died before he made a leaf that is counted: made and removed again, under its lock, it is not. */
static int open_counted(struct file_tier *t, unsigned number, struct file_leaf *leaf)
{
	int err = file_leaf__open(t, number, LEAF_LOCK, NULL, leaf);
	if (err != ERR_MISSING)
		return err;
	(void)file_usage__reserve(&t->usage, 2, UINT64_MAX);
	err = file_leaf__open(t, number, LEAF_MAKE, NULL, leaf);
	file_usage__settle(&t->usage, 2, leaf->made);
	return err;
}

static void visit(struct file_tier *t, unsigned number)
{
	struct file_leaf leaf;
	if (open_counted(t, number, &leaf))
		return;
	size_t n = leaf.names.n;
	struct file_name *names = mem_alloc((n > 0 ? n : 1) * sizeof(*names)); /* as they were: the list changes */
	if (n > 0)
		memcpy(names, leaf.names.v, n * sizeof(*names));
	for (size_t i = 0; i < n; i++) {
		if (!names[i].body)
			visit_page(t, &leaf, &names[i]);
	}
	for (size_t i = 0; i < n; i++) {
		if (names[i].body && !has_json(&leaf, &names[i]))
			file_leaf__remove(t, &leaf, names[i].sha, names[i].variant, 0, false);
	}
	free(names);
	recount(t, &leaf);
	file_leaf__close(t, &leaf);
}

void file_fill__step(struct io_job *job)
{
	struct file_tier *t = CONTAINER_OF(job, struct file_tier, fill);
	t->fill_leaf = file_usage__next_leaf(&t->usage, t->fill_leaf);
	if (t->fill_leaf < FILE_LEAVES) {
		visit(t, t->fill_leaf++);
		io_pool_add_idle(t->pool, job);
	} else {
		atomic_store(&t->filled, true);
	}
}

void file_fill__begin(struct file_tier *t)
{
	if (atomic_exchange(&t->fill_waits, false))
		io_pool_add_idle(t->pool, &t->fill);
}

void file_fill__count(struct file_tier *t)
{
	char path[FILE_PATH];
	struct stat st;
	for (unsigned number = 0; number < FILE_LEAVES; number++) {
		if (number % 256 == 0) {
			snprintf(path, sizeof(path), "%s/%02x", t->pages, number >> 8);
			if (stat(path, &st)) {
				number += 255;
				continue;
			}
			if (file_usage__top_made(&t->usage, number >> 8))
				(void)file_usage__reserve(&t->usage, 1, UINT64_MAX);
		}
		struct file_leaf leaf;
		if (file_leaf__open(t, number, LEAF_LOCK, NULL, &leaf) == ERR_OK) {
			recount(t, &leaf);
			file_leaf__close(t, &leaf);
		}
	}
}

/* Burying */

static bool is_over(struct file_tier *t)
{
	return file_usage__bytes(&t->usage) > atomic_load(&t->limit);
}

void file_fill__bury_step(struct io_job *job)
{
	struct file_tier *t = CONTAINER_OF(job, struct file_tier, bury);
	atomic_store(&t->bury_waits, false);
	for (unsigned i = 0; i < BURY_STEP; i++) {
		struct file_page *page = file_index__next_doomed(&t->index);
		if (page)
			file_store__bury(t, page);
		else if (!is_over(t) || !file_write__make_room(t))
			return;
	}
	file_fill__bury_soon(t);
}

void file_fill__bury_soon(struct file_tier *t)
{
	if (atomic_exchange(&t->bury_waits, true))
		return;
	io_pool_add_idle(t->pool, &t->bury);
}
