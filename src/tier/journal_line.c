/* JSON with a sum behind it:
 *
 *   {"journal":1,"base":1,"forgotten":0,"complete":11,"sum":"..."}
 *   {"seq":12,"kind":"tag","arg":"post-1","soft":false,"invalidates":false,"from":"host-123-1","at":1790000000000,"sum":"..."}
 *
 * The sum is that of all bytes before `,"sum"`, in sixteen hexadecimal digits: a flipped bit in a tag would make another tag of it, and
 * the purge would be lost without a trace. An argument may be any bytes; those that JSON or the eye would stumble over, and '%', are
 * written as %XX. */
#include "tier/journal_line.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"

static const char *const kinds[] = PURGE_KIND_NAMES;

enum { VERSION = 1, SUM_SIZE = sizeof(",\"sum\":\"0123456789abcdef\"}") - 1 };

static void sum_of(struct str s, char out[SUM_SIZE + 1])
{
	snprintf(out, SUM_SIZE + 1, ",\"sum\":\"%016" PRIx64 "\"}", hash128_str(s, 0).lo);
}

static void add_end(struct buf *to, size_t start)
{
	char sum[SUM_SIZE + 1];
	sum_of(str_skip(buf_str(to), start), sum);
	buf_add(to, str_make(sum, SUM_SIZE));
	buf_addc(to, '\n');
}

void journal_line__add_head(struct buf *to, uint64_t base, uint64_t forgotten, uint64_t complete)
{
	size_t start = to->n;
	buf_addf(to, "{\"journal\":%d,\"base\":%" PRIu64 ",\"forgotten\":%" PRIu64 ",\"complete\":%" PRIu64, VERSION,
	    base, forgotten, complete);
	add_end(to, start);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
}

static void add_escaped(struct buf *to, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (is_plain(c))
			buf_addc(to, s.p[i]);
		else
			buf_addf(to, "%%%02X", c);
	}
}

static struct str text_of(const struct tier_purge *op)
{
	return op->kind == PURGE_URL ? op->key.text : op->arg;
}

struct tier_purge journal_line__op(const struct tier_purge *op)
{
	if (op->kind == PURGE_ALL || text_of(op).n > JOURNAL_ARG_MAX)
		return (struct tier_purge){.kind = PURGE_ALL, .arg = STR(""), .soft = op->soft};
	return (struct tier_purge){.kind = op->kind, .arg = text_of(op), .key = op->key, .soft = op->soft};
}

void journal_line__add(
    struct buf *to, uint64_t seq, const struct tier_purge *op, bool invalidates, struct str from, int64_t at_ms)
{
	size_t start = to->n;
	struct tier_purge as = journal_line__op(op);
	buf_addf(to, "{\"seq\":%" PRIu64 ",\"kind\":\"%s\",\"arg\":\"", seq, kinds[as.kind]);
	add_escaped(to, as.arg);
	buf_addf(to, "\",\"soft\":%s,\"invalidates\":%s,\"from\":\"%.*s\",\"at\":%" PRId64, as.soft ? "true" : "false",
	    invalidates && as.kind == PURGE_URL ? "true" : "false", STR_ARG(from), at_ms);
	add_end(to, start);
}

/* --- reading --- */

static bool read_arg(const cJSON *json, struct journal_line *out)
{
	const char *p = cJSON_GetStringValue(json);
	if (!p)
		return false;
	/* Not longer than the line was, even where cJSON unescaped something. */
	for (out->n_arg = 0; *p; out->n_arg++) {
		if (out->n_arg == sizeof(out->arg))
			return false;
		if (*p != '%') {
			out->arg[out->n_arg] = *p++;
			continue;
		}
		int high = char_hex(p[1]), low = high >= 0 ? char_hex(p[2]) : -1;
		if (low < 0)
			return false;
		out->arg[out->n_arg] = (char)(high << 4 | low);
		p += 3;
	}
	return out->n_arg <= JOURNAL_ARG_MAX;
}

static bool read_kind(const cJSON *json, enum purge_kind *out)
{
	struct str name = str_of(cJSON_GetStringValue(json));
	for (size_t i = 0; name.p && i < COUNT_OF(kinds); i++) {
		if (str_eq(name, str_of(kinds[i]))) {
			*out = (enum purge_kind)i;
			return true;
		}
	}
	return false;
}

static bool read_seq(const cJSON *json, uint64_t *out)
{
	double number = cJSON_IsNumber(json) ? cJSON_GetNumberValue(json) : -1;
	if (!(number >= 0 && number <= (double)JOURNAL_SEQ_MAX))
		return false;
	*out = (uint64_t)number;
	return true;
}

static bool read_bool(const cJSON *json, bool *out)
{
	*out = cJSON_IsTrue(json);
	return cJSON_IsBool(json);
}

static const cJSON *member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static bool read_head(const cJSON *json, struct journal_line *out)
{
	uint64_t version;
	return read_seq(member(json, "journal"), &version) && version == VERSION &&
	       read_seq(member(json, "base"), &out->base) && read_seq(member(json, "forgotten"), &out->forgotten) &&
	       read_seq(member(json, "complete"), &out->complete) && out->base <= out->complete;
}

static bool read_record(const cJSON *json, struct journal_line *out)
{
	out->of_program = str_starts(str_of(cJSON_GetStringValue(member(json, "from"))), STR(JOURNAL_PROGRAM));
	return read_seq(member(json, "seq"), &out->seq) && out->seq > 0 &&
	       read_kind(member(json, "kind"), &out->kind) && read_arg(member(json, "arg"), out) &&
	       read_bool(member(json, "soft"), &out->soft) &&
	       read_bool(member(json, "invalidates"), &out->invalidates) &&
	       (!out->invalidates || out->kind == PURGE_URL);
}

static bool has_its_sum(struct str line)
{
	char sum[SUM_SIZE + 1];
	if (line.n < SUM_SIZE || line.n >= JOURNAL_LINE_MAX)
		return false;
	sum_of(str_take(line, line.n - SUM_SIZE), sum);
	return str_ends(line, str_make(sum, SUM_SIZE));
}

int journal_line__read(struct str line, struct journal_line *out)
{
	if (!has_its_sum(line))
		return ERR_INVALID;
	const char *end;
	cJSON *json = cJSON_ParseWithLengthOpts(line.p, line.n, &end, false);
	out->is_head = member(json, "journal") != NULL;
	bool good = json && end == line.p + line.n && (out->is_head ? read_head(json, out) : read_record(json, out));
	cJSON_Delete(json);
	return good ? ERR_OK : ERR_INVALID;
}
