/* What this process knows of the pages on disk: some 150 bytes each. It is there for what no lookup needs: which page leaves next
 * (SIEVE, tier/sieve.h), which have expired, how many a purge covers. Pages that it does not know (another process has stored them, or the
 * background pass has not come to them) are found all the same, by their files.
 *
 *   put -> live -> doomed -> buried
 *
 * Live pages are in the table and in the list of eviction. A page that is to leave the disk is doomed at once, which only takes this lock: from
 * then on no lookup gives it, though its files are still there. Somebody with time for the disk takes it off the list of the doomed, unlinks
 * its files and buries it. So a purge of everything, a sweep or a removal is quick and exact, and the unlinking comes after.
 *
 * One mutex guards all. Nothing waits for a disk under it; walks look at a bounded number of buckets a hold, and begin anew when the
 * table has grown meanwhile. Tags are kept as hashes: two with the same one would make a page leave too early, no more. */
#include "tier/file_private.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tier/private.h"
#include "tier/purge_log.h"

#define WALK_BUCKETS 1024
#define EVICT_STEPS  4096

static struct file_page *page_of(struct table_node *node)
{
	return CONTAINER_OF(node, struct file_page, node);
}

static size_t page_size(uint32_t n_tags, size_t key_n)
{
	return sizeof(struct file_page) + n_tags * sizeof(uint64_t) + key_n;
}

struct str file_page__key(const struct file_page *page)
{
	return str_make((const char *)(page->tags + page->n_tags), page->key_n);
}

static struct cache_key key_of(const struct file_page *page)
{
	return (struct cache_key){.hi = page->hi, .lo = page->node.hash, .text = file_page__key(page)};
}

void file_index__init(struct file_index *ix, uint64_t seed)
{
	*ix = (struct file_index){.seed = seed};
	pthread_mutex_init(&ix->lock, NULL);
	table__init(&ix->pages);
}

void file_index__free(struct file_index *ix)
{
	for (size_t i = 0; i < table__n_buckets(&ix->pages); i++) {
		for (struct table_node *node; (node = table__bucket(&ix->pages, i));) {
			table__remove(&ix->pages, node);
			free(page_of(node));
		}
	}
	table__free(&ix->pages);
	pthread_mutex_destroy(&ix->lock);
}

/* Under the lock, as all the static ones that follow. id 0: any that is not doomed. */
static struct file_page *find(struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id)
{
	for (struct table_node *node = table__chain(&ix->pages, key->lo); node; node = node->next) {
		struct file_page *page = page_of(node);
		if (node->hash == key->lo && page->hi == key->hi && page->variant == variant &&
		    (id ? page->id == id : !page->doomed) && str_eq(file_page__key(page), key->text))
			return page;
	}
	return NULL;
}

static void add(struct file_index *ix, struct file_page *page)
{
	sieve__add(&ix->evict, &page->evict);
	table__add(&ix->pages, &page->node);
	atomic_fetch_add_explicit(&ix->n, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&ix->bytes, tier__cost(page_size(page->n_tags, page->key_n)), memory_order_relaxed);
}

/* Out of the list of eviction. */
static void detach(struct file_index *ix, struct file_page *page)
{
	if (ix->sweep == &page->evict)
		ix->sweep = page->evict.newer;
	sieve__remove(&ix->evict, &page->evict);
	atomic_fetch_sub_explicit(&ix->n, 1, memory_order_relaxed);
}

static void release(struct file_index *ix, struct file_page *page)
{
	table__remove(&ix->pages, &page->node);
	atomic_fetch_sub_explicit(&ix->bytes, tier__cost(page_size(page->n_tags, page->key_n)), memory_order_relaxed);
	free(page);
}

static void doom(struct file_index *ix, struct file_page *page)
{
	detach(ix, page);
	page->doomed = true;
	page->next_doomed = ix->doomed;
	ix->doomed = page;
}

static struct file_page *page_new(struct file_index *ix, const struct file_page_spec *spec)
{
	struct file_page *page = mem_zalloc(page_size(spec->n_tags, spec->key->text.n));
	page->node.hash = spec->key->lo;
	page->hi = spec->key->hi;
	page->variant = spec->variant;
	page->id = spec->id;
	page->seq = spec->seq;
	page->epoch = spec->epoch;
	page->soft = spec->soft;
	page->useless_ms = entry__useless_from(spec->stored);
	page->n_tags = spec->n_tags;
	page->key_n = (uint32_t)spec->key->text.n;
	for (unsigned i = 0; i < spec->n_tags; i++)
		page->tags[i] = hash_str(spec->tags[i], ix->seed);
	str_put((char *)(page->tags + page->n_tags), spec->key->text);
	return page;
}

void file_index__put(struct file_index *ix, const struct file_page_spec *spec)
{
	struct file_page *page = page_new(ix, spec);
	struct table_spare spare = {.n_buckets = table__wants(&ix->pages)};
	if (spare.n_buckets > 0)
		spare.buckets = mem_zalloc(spare.n_buckets * sizeof(struct table_node *));
	pthread_mutex_lock(&ix->lock);
	if (spare.n_buckets > 0 && table__grow(&ix->pages, &spare))
		ix->generation++;
	struct file_page *old = find(ix, spec->key, spec->variant, 0);
	bool known = find(ix, spec->key, spec->variant, spec->id) || (old && old->id > spec->id);
	if (!known) {
		add(ix, page);
		page = NULL;
		if (old) {
			detach(ix, old);
			release(ix, old);
		}
	}
	pthread_mutex_unlock(&ix->lock);
	free(page);
	free(spare.buckets);
}

struct file_page_state file_index__look(
    struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id)
{
	struct file_page_state state = {0};
	pthread_mutex_lock(&ix->lock);
	struct file_page *page = find(ix, key, variant, id);
	if (page) {
		state = (struct file_page_state){
		    .known = true, .seq = page->seq, .epoch = page->epoch, .soft = page->soft, .doomed = page->doomed};
		if (!page->doomed)
			sieve__hit(&page->evict);
	}
	pthread_mutex_unlock(&ix->lock);
	return state;
}

void file_index__drop(struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id)
{
	pthread_mutex_lock(&ix->lock);
	struct file_page *page = find(ix, key, variant, id);
	if (page && !page->doomed) {
		detach(ix, page);
		release(ix, page);
	}
	pthread_mutex_unlock(&ix->lock);
}

/* Also where the index knows only an earlier or a later one. */
void file_index__doom(struct file_index *ix, const struct file_page_spec *spec)
{
	struct file_page *fresh = page_new(ix, spec);
	pthread_mutex_lock(&ix->lock);
	struct file_page *page = find(ix, spec->key, spec->variant, spec->id);
	if (!page) {
		page = fresh;
		fresh = NULL;
		add(ix, page);
	}
	if (!page->doomed)
		doom(ix, page);
	pthread_mutex_unlock(&ix->lock);
	free(fresh);
}

void file_index__mark(
    struct file_index *ix, const struct cache_key *key, uint64_t variant, uint64_t id, uint64_t seq, bool soft)
{
	pthread_mutex_lock(&ix->lock);
	struct file_page *page = find(ix, key, variant, id);
	if (page) {
		page->seq = seq > page->seq ? seq : page->seq;
		page->soft = page->soft || soft;
	}
	pthread_mutex_unlock(&ix->lock);
}

/* In the order of their coming, from the place where the last call ended. */
unsigned file_index__sweep(struct file_index *ix, int64_t now_ms, unsigned max)
{
	unsigned dropped = 0;
	pthread_mutex_lock(&ix->lock);
	struct sieve_node *node = ix->sweep ? ix->sweep : ix->evict.oldest;
	for (unsigned looked = 0; node && looked < max; looked++) {
		struct file_page *page = CONTAINER_OF(node, struct file_page, evict);
		node = node->newer;
		if (page->useless_ms > now_ms)
			continue;
		doom(ix, page);
		dropped++;
	}
	ix->sweep = node;
	pthread_mutex_unlock(&ix->lock);
	return dropped;
}

static bool covers(const struct tier_purge *op, const struct file_page *page, uint64_t tag)
{
	if (op->kind != PURGE_TAG) {
		struct cache_key key = key_of(page);
		return purge__covers(op, &key, NULL, 0);
	}
	for (uint32_t i = 0; i < page->n_tags; i++) {
		if (page->tags[i] == tag)
			return true;
	}
	return false;
}

static void purge_page(struct file_index *ix, struct file_page *page, struct tier_purge *op, uint64_t seq)
{
	if (page->seq >= seq)
		return; /* stored since */
	if (page->epoch >= op->epoch) {
		/* It began after this purge, and no other stands between them. */
		if (page->seq + 1 == seq)
			page->seq = seq;
	} else if (!op->soft) {
		doom(ix, page);
		op->count++;
	} else if (!page->soft) {
		page->soft = true;
		op->count++;
	}
}

bool file_index__purge(struct file_index *ix, struct tier_purge *op, uint64_t seq, struct file_walk *w)
{
	uint64_t tag = op->kind == PURGE_TAG ? hash_str(op->arg, ix->seed) : 0;
	pthread_mutex_lock(&ix->lock);
	if (w->generation != ix->generation)
		w->bucket = 0;
	w->generation = ix->generation;
	size_t n = table__n_buckets(&ix->pages), end = w->bucket + WALK_BUCKETS < n ? w->bucket + WALK_BUCKETS : n;
	for (; w->bucket < end; w->bucket++) {
		for (struct table_node *node = table__bucket(&ix->pages, w->bucket); node; node = node->next) {
			struct file_page *page = page_of(node);
			if (!page->doomed && covers(op, page, tag))
				purge_page(ix, page, op, seq);
		}
	}
	bool whole = w->bucket >= n;
	pthread_mutex_unlock(&ix->lock);
	return whole;
}

struct file_page *file_index__next_doomed(struct file_index *ix)
{
	pthread_mutex_lock(&ix->lock);
	struct file_page *page = ix->doomed;
	if (page)
		ix->doomed = page->next_doomed;
	pthread_mutex_unlock(&ix->lock);
	return page;
}

struct file_page *file_index__evict(struct file_index *ix)
{
	struct file_page *page = NULL;
	pthread_mutex_lock(&ix->lock);
	/* The first lap takes the marks, the second finds; when neither was long enough, any will do. */
	for (unsigned lap = 0; lap < 3 && !page; lap++) {
		struct sieve_search search = {.any = lap == 2, .steps = EVICT_STEPS};
		struct sieve_node *node = sieve__victim(&ix->evict, &search);
		if (node)
			page = CONTAINER_OF(node, struct file_page, evict);
	}
	if (page) {
		detach(ix, page);
		page->doomed = true;
	}
	pthread_mutex_unlock(&ix->lock);
	return page;
}

void file_index__buried(struct file_index *ix, struct file_page *page)
{
	pthread_mutex_lock(&ix->lock);
	release(ix, page);
	if (table__shrink(&ix->pages) > 0)
		ix->generation++;
	pthread_mutex_unlock(&ix->lock);
}
