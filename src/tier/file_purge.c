/* Purges and invalidations. All go into the journal, which tells them to the other processes and to the ledger of this one: from then on no
 * lookup gives what they cover, in whatever process. What is done besides frees the disk, and counts.
 *
 * A URL: its leaf is locked and its files are looked at, so that also what another process has stored is gone, and counted. Marked softly, a
 * page is written anew: the ledger need not remember it. The journal is written under the lock of the leaf; who holds the journal never waits
 * for a leaf.
 *
 * Many: the index is walked. What it does not know is not counted; it is removed when it is next looked at, by a lookup or by the background
 * pass.
 *
 * A page whose fetch began after the purge (its epoch tells, in the process that stored it) stays. Its label is older than the purge's place
 * in the order, though, since the journal was written a moment later: so the index notes that it is untouched, if no other record stands between
 * the two. Else it goes: that is a miss and no more. */
#include "tier/file_private.h"

#include <errno.h>
#include <stdlib.h>

#include "base/mem.h"

/* What cannot be written into the journal holds in this process at least. */
static int append(struct file_tier *t, struct tier_purge *op, bool invalidates, uint64_t *seq)
{
	int err = journal_append(t->journal, op, invalidates, seq);
	if (!err) {
		op->seq = *seq;
		return ERR_OK;
	}
	*seq = journal_position(t->journal) + 1;
	ledger_add(t->ledger, *seq, op);
	return file__failed(t, "write the journal");
}

/* A variant of the URL, before the purge. */
struct found {
	uint64_t variant, id, seq, epoch;
	bool purged; /* hard: by an earlier purge, softly: at all */
};

static bool look(struct file_tier *t, struct file_leaf *leaf, const struct file_name *name, const struct tier_purge *op,
    struct found *out)
{
	struct file_form f;
	int err = file_form__read(t, leaf, name->sha, name->variant, &f);
	if (!err) {
		struct file_page_state state = file_index__look(&t->index, &op->key, f.variant, f.id);
		uint64_t seq = state.seq > f.form.more.seq ? state.seq : f.form.more.seq;
		enum ledger_verdict verdict = file_read__judge(t, seq, &f.form);
		bool soft = op->soft && (verdict == LEDGER_SOFT || f.form.more.purged || state.soft);
		*out = (struct found){.variant = f.variant,
		    .id = f.id,
		    .seq = seq,
		    .epoch = state.epoch,
		    .purged = state.doomed || verdict == LEDGER_HARD || soft};
	}
	if (err == ERR_INVALID)
		file__damaged(t, name->sha, name->variant);
	if (err == ERR_IO)
		(void)file__failed(t, "read a page");
	file_form__free(&f);
	return err == ERR_OK;
}

static void drop(
    struct file_tier *t, struct file_leaf *leaf, const char *sha, uint64_t variant, const struct cache_key *key)
{
	file_leaf__remove(t, leaf, sha, variant, 0, true);
	file_index__drop(&t->index, key, variant, 0);
}

static void soften(
    struct file_tier *t, struct file_leaf *leaf, const char *sha, const struct found *page, const struct cache_key *key)
{
	struct file_form f;
	int err = file_form__read(t, leaf, sha, page->variant, &f);
	if (!err)
		err = file_write__soft(t, leaf, &f);
	file_form__free(&f);
	if (err)
		drop(t, leaf, sha, page->variant, key);
	else
		file_index__mark(&t->index, key, page->variant, page->id, 0, true);
}

static void act(struct file_tier *t, struct file_leaf *leaf, const char *sha, const struct found *page,
    struct tier_purge *op, uint64_t seq)
{
	bool began_after = page->epoch >= op->epoch;
	if (began_after && page->seq + 1 >= seq) {
		file_index__mark(&t->index, &op->key, page->variant, page->id, seq, false);
		return;
	}
	if (!page->purged)
		op->count++;
	if (!op->soft)
		drop(t, leaf, sha, page->variant, &op->key);
	else if (!page->purged)
		soften(t, leaf, sha, page, &op->key);
}

static int purge_leaf(
    struct file_tier *t, struct file_leaf *leaf, const char *sha, struct tier_purge *op, bool invalidates)
{
	struct found *pages = mem_alloc((leaf->names.n > 0 ? leaf->names.n : 1) * sizeof(*pages));
	size_t n = 0;
	uint64_t seq;
	for (size_t i = 0; i < leaf->names.n; i++) {
		const struct file_name *name = &leaf->names.v[i];
		if (!name->body && look(t, leaf, name, op, &pages[n]))
			n++;
	}
	int err = append(t, op, invalidates, &seq);
	for (size_t i = 0; i < n; i++)
		act(t, leaf, sha, &pages[i], op, seq);
	free(pages);
	return err;
}

int file_purge__url(struct file_tier *t, struct tier_purge *op, bool invalidates)
{
	char sha[SHA256_HEX + 1];
	struct file_leaf leaf;
	uint64_t seq;
	sha256_hex(op->key.text, sha);
	int err = file_leaf__open(t, file_leaf__of(sha), LEAF_LOCK, sha, &leaf);
	if (err == ERR_IO)
		(void)file__failed(t, "open a directory");
	if (err)
		return append(t, op, invalidates, &seq);
	err = purge_leaf(t, &leaf, sha, op, invalidates);
	file_leaf__close(t, &leaf);
	return err;
}

int file_purge__many(struct file_tier *t, struct tier_purge *op)
{
	uint64_t seq;
	struct file_walk walk = {0};
	int err = append(t, op, false, &seq);
	while (!file_index__purge(&t->index, op, seq, &walk))
		;
	file_fill__bury_soon(t);
	return err;
}

void file_purge__foreign(struct file_tier *t, struct tier_purge *op)
{
	struct file_walk walk = {0};
	while (!file_index__purge(&t->index, op, op->seq, &walk))
		;
	file_fill__bury_soon(t);
}
