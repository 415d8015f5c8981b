/* Patterns. Three of the four kinds are decided by bytes alone; the fourth is a PCRE2 regex, compiled once with its JIT
 * and run under limits of steps, depth and heap, because the path that it meets is chosen by a client.
 *
 * A regex that is anchored with ^ has a literal prefix, which is found here by reading it: that lets the index of route.c
 * skip it for paths that cannot fit. The reading is cautious: where a construct could make the text in front of it
 * optional or turn it into something else, the prefix ends before it. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "conf/pattern.h"

#include <assert.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "conf/ini.h"
#include "http/url.h"

/* A sane regex needs hundreds of steps for a path; a nested quantifier under attack needs millions. */
enum { MATCH_LIMIT = 100000, DEPTH_LIMIT = 1000, HEAP_LIMIT_KB = 1024, REGEX_MAX = 4096 };

/* What a match needs is kept by each thread: nothing is allocated after a thread's first one. */
struct scratch {
	pcre2_match_data *data;
	pcre2_match_context *context;
};

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;

static void free_scratch(void *p)
{
	struct scratch *s = p;
	pcre2_match_data_free(s->data);
	pcre2_match_context_free(s->context);
	free(s);
}

static void make_scratch_key(void)
{
	int err = pthread_key_create(&scratch_key, free_scratch);
	assert(err == 0);
	(void)err;
}

static void *pcre_alloc(PCRE2_SIZE n, void *ctx)
{
	return mem_alloc(n);
}

static void pcre_free(void *p, void *ctx)
{
	free(p);
}

static struct scratch *thread_scratch(void)
{
	(void)pthread_once(&scratch_once, make_scratch_key);
	struct scratch *s = pthread_getspecific(scratch_key);
	if (s)
		return s;
	s = mem_zalloc(sizeof(*s));
	/* One pair is enough: only whether it matches is asked. */
	pcre2_general_context *memory = pcre2_general_context_create(pcre_alloc, pcre_free, NULL);
	s->data = pcre2_match_data_create(1, memory);
	s->context = pcre2_match_context_create(memory);
	pcre2_general_context_free(memory);
	int err = pthread_setspecific(scratch_key, s);
	assert(err == 0);
	(void)err;
	pcre2_set_match_limit(s->context, MATCH_LIMIT);
	pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
	pcre2_set_heap_limit(s->context, HEAP_LIMIT_KB);
	return s;
}

static enum pattern_fit try_regex(const struct route_pattern *p, struct str path)
{
	struct scratch *s = thread_scratch();
	int rc = pcre2_match(p->regex, (PCRE2_SPTR)path.p, path.n, 0, 0, s->data, s->context);
	if (rc >= 0)
		return PATTERN_FITS;
	return rc == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_UNDECIDED;
}

struct str host_without_port(struct str host)
{
	size_t colon = host.n;
	while (colon > 0 && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9')
		colon--;
	bool port = colon > 0 && colon < host.n && host.p[colon - 1] == ':';
	return port ? str_take(host, colon - 1) : host;
}

enum pattern_fit pattern_try(const struct route_pattern *p, struct str host, struct str path)
{
	if (p->host_glob.n > 0 && !glob_match(p->host_glob, host) && !glob_match(p->host_glob, host_without_port(host)))
		return PATTERN_NO;
	switch (p->kind) {
	case PATTERN_EXACT:
		return path.n == p->prefix.n ? PATTERN_FITS : PATTERN_NO;
	case PATTERN_PREFIX:
		return PATTERN_FITS;
	case PATTERN_GLOB:
		return glob_match(p->glob, path) ? PATTERN_FITS : PATTERN_NO;
	case PATTERN_REGEX:
		return try_regex(p, path);
	}
	return PATTERN_NO;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* The end of the class that begins at s[at] == '[', or s.n. */
static size_t class_end(struct str s, size_t at)
{
	size_t i = at + 1;
	if (i < s.n && s.p[i] == '^')
		i++;
	if (i < s.n && s.p[i] == ']') /* the first one is a plain character */
		i++;
	for (; i < s.n && s.p[i] != ']'; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '[' && i + 1 < s.n && s.p[i + 1] == ':') {
			size_t end = i + 2 + str_find(str_skip(s, i + 2), STR(":]"));
			i = end < s.n ? end + 1 : i;
		}
	}
	return i;
}

/* True when an | outside of groups gives the regex a second way to begin, or when that cannot be told. */
static bool has_alternatives(struct str s)
{
	if (str_find(s, STR("(?#")) < s.n || str_find(s, STR("\\Q")) < s.n)
		return true;
	unsigned depth = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '[')
			i = class_end(s, i);
		else if (s.p[i] == '(')
			depth++;
		else if (s.p[i] == ')' && depth > 0)
			depth--;
		else if (s.p[i] == '|' && depth == 0)
			return true;
	}
	return false;
}

struct str pattern_regex_prefix(struct str regex, struct arena *a)
{
	if (regex.n == 0 || regex.p[0] != '^' || has_alternatives(regex))
		return STR("");
	char *out = arena_alloc(a, regex.n);
	size_t n = 0, i = 1;
	while (i < regex.n) {
		char c = regex.p[i];
		size_t width = 1;
		if (c == '\\') {
			/* An escaped letter or digit is a class, a reference or an assertion. */
			if (i + 1 == regex.n || is_alnum(regex.p[i + 1]))
				break;
			c = regex.p[i + 1];
			width = 2;
		} else if (memchr("^$.[]()|?*+{}#", c, 14) || c == ' ') {
			break;
		}
		i += width;
		out[n++] = c;
	}
	/* A quantifier that allows none takes back the character before it. */
	if (n > 0 && i < regex.n && memchr("?*{", regex.p[i], 3))
		n--;
	return str_make(out, n);
}

static int fail(struct arena *a, struct str *out, struct str text, const char *why)
{
	*out = arena_printf(a, "\"%.*s\" %s", STR_ARG(str_take(text, 120)), why);
	return ERR_INVALID;
}

static int compile(struct str regex, struct arena *a, struct route_pattern *out, struct str *wrong)
{
	int code;
	PCRE2_SIZE at;
	if (regex.n == 0 || regex.n > REGEX_MAX)
		return fail(a, wrong, regex,
		    regex.n == 0 ? "is no regular expression: nothing stands behind the ~"
				 : "... is longer than 4096 bytes");
	/* Without UTF: a path is bytes. $ is the very end, never before a newline. */
	pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex.p, regex.n,
	    PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF, &code, &at, NULL);
	if (!re) {
		PCRE2_UCHAR text[160];
		(void)pcre2_get_error_message(code, text, sizeof(text));
		*wrong = arena_printf(a, "the regular expression \"%.*s\" is wrong at its byte %zu: %s",
		    STR_ARG(str_take(regex, 120)), at + 1, (const char *)text);
		return ERR_INVALID;
	}
	/* Where memory may not be made executable there is no JIT: the interpreter gives the same answers. */
	(void)pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
	out->kind = PATTERN_REGEX;
	out->regex = re;
	out->prefix = pattern_regex_prefix(regex, a);
	return ERR_OK;
}

/* Bytes that a client must send escaped are escaped, so that /café/ may be written as it is read. */
static struct str escape(struct str s, struct arena *a)
{
	static const char hex[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, s.n * 3 + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c > ' ' && c < 0x7f) {
			out[n++] = (char)c;
			continue;
		}
		out[n++] = '%';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return str_make(out, n);
}

static void read_glob(struct str path, struct arena *a, struct route_pattern *out)
{
	path = path_normalise(escape(path, a), a);
	size_t star = str_index(path, '*');
	out->glob = path;
	out->prefix = str_take(path, star);
	out->kind = star == path.n ? PATTERN_EXACT : star == path.n - 1 ? PATTERN_PREFIX : PATTERN_GLOB;
}

static int read_host(struct str host, struct arena *a, struct route_pattern *out, struct str *wrong)
{
	char *lower = arena_alloc(a, host.n + 1);
	for (size_t i = 0; i < host.n; i++)
		lower[i] = char_lower(host.p[i]);
	struct str text = str_make(lower, host.n);
	if (!host_is_valid(text))
		return fail(a, wrong, host, "is not a host");
	if (str_index(text, '*') < text.n)
		out->host_glob = text;
	else
		out->host = host_normalise(text, STR("http"), a);
	return ERR_OK;
}

int pattern_read(struct str text, struct arena *a, struct route_pattern *out, struct str *wrong, struct str *nearest)
{
	*out = (struct route_pattern){0};
	size_t at = 0;
	while (at < text.n && text.p[at] != '/' && !(text.p[at] == '~' && (at == 0 || text.p[at - 1] <= ' ')))
		at++;
	struct str host = str_trim(str_take(text, at)), path = str_skip(text, at);
	if (path.n == 0) {
		bool is_host = host_is_valid(text) && str_index(text, '.') < text.n;
		*nearest = arena_printf(a, is_host ? "%.*s/*" : "/%.*s", STR_ARG(str_take(text, 200)));
		return fail(
		    a, wrong, text, "has neither a path, which begins with /, nor a ~ with a regular expression");
	}
	if (host.n > 0) {
		int err = read_host(host, a, out, wrong);
		if (err != ERR_OK)
			return err;
	}
	if (path.p[0] == '~')
		return compile(ini_unquote(str_trim(str_skip(path, 1))), a, out, wrong);
	size_t query = str_index(path, '?');
	if (query < path.n || str_index(path, '#') < path.n) {
		*nearest = query < path.n ? arena_str(a, str_take(text, at + query)) : STR_NONE;
		return fail(a, wrong, text, "has a query: patterns see the path alone");
	}
	read_glob(path, a, out);
	return ERR_OK;
}

void pattern_free(struct route_pattern *p)
{
	pcre2_code_free(p->regex);
	p->regex = NULL;
}
