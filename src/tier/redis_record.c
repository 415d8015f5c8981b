/* Records of the stream: "<seq>-0", then fields: kind, arg, soft, by (the mark of the tier), from (its name for people). Fields that are
 * not known are passed by, so that a later version may add some. */
#include "tier/redis_record.h"

#include "base/mem.h"

static const char *const kinds[] = PURGE_KIND_NAMES;
static const char invalidation[] = "invalidate"; /* of a URL */

const char *record__kind(const struct tier_purge *op, bool invalidates)
{
	return invalidates ? invalidation : kinds[op->kind];
}

/* What is not known counts as everything. */
static void read_kind(struct record *out, struct str name)
{
	out->invalidates = str_eq(name, str_of(invalidation));
	out->purge.kind = out->invalidates ? PURGE_URL : PURGE_ALL;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (str_eq(str_of(kinds[i]), name))
			out->purge.kind = (enum purge_kind)i;
	}
}

bool record__read(const struct redisReply *reply, const struct redis_tier *r, struct record *out)
{
	struct redisReply **v = redis__array(reply, 2);
	if (!v || !redis__array(v[1], 0))
		return false;
	struct str id = redis__text(v[0]);
	*out = (struct record){.purge.kind = PURGE_ALL};
	if (!id.p || str_to_u64(str_take(id, str_index(id, '-')), INT64_MAX, &out->seq) != ERR_OK)
		return false;
	out->print = 1;
	for (size_t i = 0; i + 1 < v[1]->elements; i += 2) {
		struct str name = redis__text(v[1]->element[i]), value = redis__text(v[1]->element[i + 1]);
		out->print = hash_str(value, hash_str(name, out->print));
		if (str_eq(name, STR("kind")))
			read_kind(out, value);
		else if (str_eq(name, STR("arg")))
			out->purge.arg = value;
		else if (str_eq(name, STR("soft")))
			out->purge.soft = str_eq(value, STR("1"));
		else if (str_eq(name, STR("by")))
			out->own = str_eq(value, str_of(r->mark));
	}
	out->print |= 1;
	if (out->purge.kind == PURGE_URL)
		out->purge.key = key_of_text(out->purge.arg, r->key_seed);
	return true;
}
