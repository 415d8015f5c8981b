/* Slots, and what the nodes of a cluster say of them. */
#include "redis/slots.h"

#include <hiredis/hiredis.h>

/* Of one byte, without a table: a key has some forty bytes, and each of them costs eight shifts, less than a microsecond in all. */
static unsigned crc16_add(unsigned crc, unsigned char byte)
{
	crc ^= (unsigned)byte << 8;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
	return crc & 0xffff;
}

unsigned slot_of(struct str key)
{
	size_t open = str_index(key, '{');
	if (open < key.n) {
		struct str inside = str_skip(key, open + 1);
		size_t n = str_index(inside, '}');
		if (n > 0 && n < inside.n)
			key = str_take(inside, n);
	}
	unsigned crc = 0;
	for (size_t i = 0; i < key.n; i++)
		crc = crc16_add(crc, (unsigned char)key.p[i]);
	return crc % SLOTS;
}

static bool port_of(struct str text, unsigned *out)
{
	uint64_t v;
	if (str_to_u64(text, 65535, &v) != ERR_OK || v == 0)
		return false;
	*out = (unsigned)v;
	return true;
}

/* The port stands behind the last colon: an IPv6 address has its own. */
static bool place_of(struct str text, struct str *host, unsigned *port)
{
	size_t colon = text.n;
	while (colon > 0 && text.p[colon - 1] != ':')
		colon--;
	if (colon == 0 || !port_of(str_skip(text, colon), port))
		return false;
	*host = str_take(text, colon - 1);
	if (host->n > 2 && host->p[0] == '[' && host->p[host->n - 1] == ']')
		*host = str_make(host->p + 1, host->n - 2);
	return true;
}

int redirection_of(struct str error, struct redirection *out)
{
	struct str word, number;
	uint64_t slot;
	str_cut(&error, ' ', &word);
	out->ask = str_eq(word, STR("ASK"));
	if (!out->ask && !str_eq(word, STR("MOVED")))
		return ERR_MISSING;
	if (!error.p || !str_cut(&error, ' ', &number) || !error.p)
		return ERR_INVALID;
	if (str_to_u64(number, SLOTS - 1, &slot) != ERR_OK || !place_of(error, &out->host, &out->port))
		return ERR_INVALID;
	out->slot = (unsigned)slot;
	return ERR_OK;
}

static bool is_array(const struct redisReply *r, size_t at_least)
{
	return r && r->type == REDIS_REPLY_ARRAY && r->elements >= at_least;
}

static bool is_number(const struct redisReply *r, long long max)
{
	return r && r->type == REDIS_REPLY_INTEGER && r->integer >= 0 && r->integer <= max;
}

/* [first, last, [host, port, id ...], replicas ...]; the host may be nil or "?" when the node does not know its own name. */
static bool read_range(const struct redisReply *r,
    void (*range)(void *ctx, unsigned first, unsigned last, struct str host, unsigned port), void *ctx)
{
	if (!is_array(r, 3) || !is_number(r->element[0], SLOTS - 1) || !is_number(r->element[1], SLOTS - 1))
		return false;
	const struct redisReply *node = r->element[2];
	if (r->element[0]->integer > r->element[1]->integer || !is_array(node, 2))
		return false;
	const struct redisReply *name = node->element[0], *port = node->element[1];
	if (!is_number(port, 65535) || port->integer == 0)
		return false;
	struct str host = STR("");
	if (name->type == REDIS_REPLY_STRING && !str_eq(str_make(name->str, name->len), STR("?")))
		host = str_make(name->str, name->len);
	else if (name->type != REDIS_REPLY_STRING && name->type != REDIS_REPLY_NIL)
		return false;
	range(ctx, (unsigned)r->element[0]->integer, (unsigned)r->element[1]->integer, host, (unsigned)port->integer);
	return true;
}

int slots_read(const struct redisReply *reply,
    void (*range)(void *ctx, unsigned first, unsigned last, struct str host, unsigned port), void *ctx)
{
	if (!is_array(reply, 0))
		return ERR_INVALID;
	for (size_t i = 0; i < reply->elements; i++) {
		if (!read_range(reply->element[i], range, ctx))
			return ERR_INVALID;
	}
	return ERR_OK;
}
