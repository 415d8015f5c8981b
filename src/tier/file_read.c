/* Looking a page up.
 *
 *   names of its leaf -> each variant's JSON -> damaged? doomed? purged? -> does it match? -> the best of them -> its body, checked
 *
 * It reads the directory each time, since another process may have stored something; nothing is waited for. What is replaced or removed while it
 * is read looks damaged, or is not there: then it is looked at once more, and only what still is the same file is removed. At most two
 * JSON texts are in memory at a time. */
#include "tier/file_private.h"

#include <errno.h>

#include "tier/private.h"
#include "tier/purge_log.h"

#define TRIES 16

/* A label beyond our position is of a process that has read further than we have; when it still is after we have read all there is, it
 * is of another journal, and nobody can tell. */
enum ledger_verdict file_read__judge(struct file_tier *t, uint64_t seq, const struct form *form)
{
	if (seq > journal_position(t->journal) && (journal_read(t->journal) || seq > journal_position(t->journal)))
		return LEDGER_HARD;
	return ledger_judge(t->ledger, seq, &form->spec.key, form->spec.tags, form->spec.n_tags);
}

struct file_page_spec file_read__spec(const struct file_form *f)
{
	return (struct file_page_spec){
	    .key = &f->form.spec.key,
	    .tags = f->form.spec.tags,
	    .n_tags = f->form.spec.n_tags,
	    .stored = &f->form.stored,
	    .variant = f->variant,
	    .id = f->id,
	    .seq = f->form.more.seq,
	    .soft = f->form.more.purged,
	};
}

static void remove_damaged(struct file_tier *t, const struct file_form *f, const struct cache_key *key)
{
	if (!file_store__remove_read(t, f))
		return;
	file__damaged(t, f->sha, f->variant);
	file_index__drop(&t->index, key, f->variant, 0);
}

/* Reads one and says whether it is to be found. f is to be freed in either case. */
static bool admit(struct file_tier *t, const struct file_leaf *leaf, const struct file_name *name,
    const struct cache_key *key, struct file_form *f)
{
	int err = file_form__read(t, leaf, name->sha, name->variant, f);
	if (err == ERR_INVALID)
		remove_damaged(t, f, key);
	else if (err == ERR_IO)
		(void)file__failed(t, "read a page");
	if (err)
		return false;
	struct file_page_state state = file_index__look(&t->index, key, f->variant, f->id);
	if (state.doomed)
		return false;
	uint64_t seq = state.seq > f->form.more.seq ? state.seq : f->form.more.seq;
	enum ledger_verdict verdict = file_read__judge(t, seq, &f->form);
	if (verdict == LEDGER_HARD) {
		if (file_store__remove_read(t, f))
			file_index__drop(&t->index, key, f->variant, f->id);
		return false;
	}
	if (verdict == LEDGER_SOFT)
		f->form.more.purged = true;
	if (!state.known) {
		struct file_page_spec spec = file_read__spec(f);
		file_index__put(&t->index, &spec);
	}
	return true;
}

/* Of equal ones the last put. */
static bool is_better(const struct file_form *a, const struct file_form *b)
{
	if (entry__is_better(&a->form.stored, &b->form.stored))
		return true;
	return !entry__is_better(&b->form.stored, &a->form.stored) && a->id > b->id;
}

static bool matches(const struct file_form *f, const struct tier_get *op)
{
	struct entry_spec spec = file_form__spec(f);
	struct entry *probe;
	if (!op->match)
		return true;
	int err = entry_new(&spec, NULL, NULL, &probe);
	bool is_match = !err && op->match(op->ctx, probe);
	entry_release(&probe);
	return is_match;
}

/* ERR_OK: *best is to be freed. */
static int choose(struct file_tier *t, struct tier_get *op, const char *sha, struct file_form *best)
{
	struct file_leaf leaf;
	bool found = false;
	int err = file_leaf__open(t, file_leaf__of(sha), LEAF_READ, sha, &leaf);
	if (err == ERR_IO)
		(void)file__failed(t, "read a directory");
	if (err)
		return ERR_MISSING;
	op->other_variant = false;
	/* Two places: the best so far, and the one that is looked at. */
	struct file_form forms[2];
	struct file_form *free_one = &forms[0], *best_one = &forms[1];
	for (size_t i = 0; i < leaf.names.n; i++) {
		const struct file_name *name = &leaf.names.v[i];
		if (name->body)
			continue;
		bool better = admit(t, &leaf, name, &op->key, free_one);
		if (better) {
			better = matches(free_one, op);
			op->other_variant = op->other_variant || !better;
		}
		if (!better || (found && !is_better(free_one, best_one))) {
			file_form__free(free_one);
			continue;
		}
		if (found)
			file_form__free(best_one);
		struct file_form *swap = best_one;
		best_one = free_one;
		free_one = swap;
		found = true;
	}
	file_leaf__close(t, &leaf);
	if (!found)
		return ERR_MISSING;
	op->other_variant = false;
	file_form__move(best, best_one);
	return ERR_OK;
}

/* ERR_OK; ERR_INVALID: its body is damaged; ERR_FULL, ERR_IO. */
static int make_entry(
    struct file_tier *t, const struct file_form *f, const struct tier_get *op, uint64_t epoch, struct entry **out)
{
	struct body *body;
	int err = file_store__body(t, f, op, &body);
	if (err)
		return err == ERR_IO ? file__failed(t, "read a body") : err;
	struct entry_spec spec = file_form__spec(f);
	spec.epoch = epoch;
	err = entry_new(&spec, &body, t->tier.budget, out);
	if (err) {
		body_release(&body);
		return err;
	}
	atomic_store(&(*out)->purged, f->form.more.purged);
	atomic_store(&(*out)->file_id, f->id);
	return ERR_OK;
}

int file_read__get(struct file_tier *t, struct tier_get *op)
{
	char sha[SHA256_HEX + 1];
	uint64_t epoch = purge_log__epoch(t->tier.purges); /* before anything is looked at */
	sha256_hex(op->key.text, sha);
	int err = ERR_INVALID;
	for (unsigned i = 0; i < TRIES && err == ERR_INVALID; i++) {
		struct file_form f;
		err = choose(t, op, sha, &f);
		if (err)
			break;
		err = make_entry(t, &f, op, epoch, &op->entry);
		if (err == ERR_INVALID)
			remove_damaged(t, &f, &op->key);
		file_form__free(&f);
	}
	file__count(err ? &t->misses : &t->hits);
	return err ? ERR_MISSING : ERR_OK;
}

void file_read__variants(
    struct file_tier *t, const struct cache_key *key, void (*fn)(void *ctx, struct entry *e), void *ctx)
{
	char sha[SHA256_HEX + 1];
	struct file_leaf leaf;
	uint64_t epoch = purge_log__epoch(t->tier.purges);
	sha256_hex(key->text, sha);
	if (file_leaf__open(t, file_leaf__of(sha), LEAF_READ, sha, &leaf))
		return;
	for (size_t i = 0; i < leaf.names.n; i++) {
		struct file_form f;
		struct entry *e;
		if (leaf.names.v[i].body)
			continue;
		if (admit(t, &leaf, &leaf.names.v[i], key, &f) &&
		    make_entry(t, &f, &(struct tier_get){.with_file = true}, epoch, &e) == ERR_OK) {
			fn(ctx, e);
			entry_release(&e);
		}
		file_form__free(&f);
	}
	file_leaf__close(t, &leaf);
}
