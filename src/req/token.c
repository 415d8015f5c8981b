/* What an application answers is the word of a peer, not of a stranger; yet it ends up in pages, so nothing but a token gets through. */
#include "req/token.h"

#include <cjson/cJSON.h>

#include "base/decode.h"
#include "base/mem.h"
#include "http/hole.h"

/* The blanks of a text file's end, and of JSON (RFC 8259 2). */
static struct str trim_lines(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		s = str_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || (s.p[s.n - 1] >= '\t' && s.p[s.n - 1] <= '\r')))
		s.n--;
	return s;
}

static struct str media_type(struct str content_type)
{
	return str_trim(str_take(content_type, str_index(content_type, ';')));
}

enum token_form token_form_of(const struct http_response *answer, const char **why)
{
	struct str type = media_type(headers_get(&answer->headers, STR("Content-Type")));
	struct str coding = headers_get(&answer->headers, STR("Content-Encoding"));
	*why = NULL;
	if (answer->status != 200)
		*why = "its status is not 200";
	else if (!decode_is_identity(coding))
		*why = "it has a content coding, though none was asked for";
	else if (str_eq_nocase(type, STR("text/plain")))
		return TOKEN_TEXT;
	else if (str_eq_nocase(type, STR("application/json")))
		return TOKEN_JSON;
	else
		*why = "its Content-Type is neither text/plain nor application/json";
	return TOKEN_NO_FORM;
}

static bool is_of_token(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
	       c == '=' || c == '-' || c == '_' || c == '.' || c == '~';
}

static int take(struct str text, struct arena *a, struct str *out, const char **why)
{
	if (text.n < HOLE_MIN || text.n > HOLE_MAX) {
		*why = "what it tells is not 16 to 512 characters long";
		return ERR_INVALID;
	}
	for (size_t i = 0; i < text.n; i++)
		if (!is_of_token(text.p[i])) {
			*why = "what it tells has other characters than letters, digits and + / = - _ . ~";
			return ERR_INVALID;
		}
	*out = arena_str(a, text);
	return ERR_OK;
}

static int take_member(struct str body, struct arena *a, struct str *out, const char **why)
{
	static const char *const names[] = {"token", "csrf_token", "_token"};
	const char *end = NULL;
	int err = ERR_INVALID;
	*why = "its body is no JSON object with a token, csrf_token or _token";
	cJSON *json = cJSON_ParseWithLengthOpts(body.n > 0 ? body.p : "", body.n, &end, false);
	if (!json)
		return ERR_INVALID;
	/* More behind the value makes it no JSON. */
	if (trim_lines(str_skip(body, (size_t)(end - body.p))).n == 0)
		for (unsigned i = 0; i < COUNT_OF(names); i++) {
			const cJSON *member = cJSON_GetObjectItemCaseSensitive(json, names[i]);
			if (!cJSON_IsString(member))
				continue;
			err = take(str_of(member->valuestring), a, out, why);
			break;
		}
	cJSON_Delete(json);
	return err;
}

int token_read(enum token_form form, struct str body, struct arena *a, struct str *out, const char **why)
{
	return form == TOKEN_JSON ? take_member(body, a, out, why) : take(trim_lines(body), a, out, why);
}
