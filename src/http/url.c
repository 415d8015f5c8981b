/* URLs and the normal form of a request target.
 *
 * The normal form is for the cache key and for routes only; the origin gets the raw target. So it may join what means
 * the same for every server (RFC 3986 6.2.2), and nothing more: repeated slashes stay, %2F stays, and a malformed %-escape
 * and all that follows it in its segment stay as they are (to decode behind it could make a new escape of what is left,
 * and a second look at the result would then give another).
 *
 * Most paths and hosts are in normal form already. That is found without copying, and the argument is returned. */
#include "http/url.h"

#include "base/mem.h"
#include "http/chars.h"

#define SOCKET_PATH_MAX 107 /* sun_path, less its NUL */
#define NO_PORT		0

/* Four numbers from 0 to 255, without leading zeros (RFC 3986 3.2.2). */
static bool is_ipv4(struct str s)
{
	struct str part;
	int parts = 0;
	while (str_cut(&s, '.', &part)) {
		uint64_t v;
		if (part.n > 3 || str_to_u64(part, 255, &v) < 0 || (part.n > 1 && part.p[0] == '0'))
			return false;
		parts++;
	}
	return parts == 4;
}

/* The groups of sixteen bits in "a:b:c", 0 for an empty s, -1 when it is malformed. The last may be an IPv4 address, which
 * counts for two, where that is allowed. */
static int count_groups(struct str s, bool ipv4_allowed)
{
	if (s.n == 0)
		return 0;
	int groups = 0;
	struct str part;
	while (str_cut(&s, ':', &part)) {
		if (!s.p && ipv4_allowed && is_ipv4(part))
			return groups + 2;
		if (part.n == 0 || part.n > 4)
			return -1;
		for (size_t i = 0; i < part.n; i++) {
			if (char_hex(part.p[i]) < 0)
				return -1;
		}
		groups++;
	}
	return groups;
}

/* The inside of the brackets: eight groups, or fewer around one "::", which stands for at least one. */
static bool is_ipv6(struct str s)
{
	size_t gap = str_find(s, STR("::"));
	if (gap == s.n)
		return count_groups(s, true) == 8;
	int before = count_groups(str_take(s, gap), false);
	int behind = count_groups(str_skip(s, gap + 2), true);
	return before >= 0 && behind >= 0 && before + behind <= 7;
}

/* Splits "host", "host:port", "[v6]", "[v6]:port" at the colon: *host with its brackets, *port p == NULL without colon. */
static void split_port(struct str authority, struct str *host, struct str *port)
{
	size_t bracket = authority.n > 0 && authority.p[0] == '[' ? str_index(authority, ']') : 0;
	size_t colon = bracket + str_index(str_skip(authority, bracket), ':');
	*host = str_take(authority, colon);
	*port = colon < authority.n ? str_skip(authority, colon + 1) : STR_NONE;
}

static bool host_part_is_valid(struct str host)
{
	if (host.n > 0 && host.p[0] == '[')
		return host.n >= 2 && host.p[host.n - 1] == ']' && is_ipv6(str_make(host.p + 1, host.n - 2));
	return host.n > 0 && http__all(host, CHAR_HOST);
}

/* 1..65535; the whole text is digits. */
static int read_port(struct str s, uint16_t *out)
{
	uint64_t port;
	if (str_to_u64(s, UINT16_MAX, &port) < 0 || port == NO_PORT)
		return ERR_INVALID;
	*out = (uint16_t)port;
	return ERR_OK;
}

bool host_is_valid(struct str host)
{
	struct str name, port;
	uint16_t number;
	split_port(host, &name, &port);
	return host_part_is_valid(name) && (!port.p || read_port(port, &number) == ERR_OK);
}

static int refuse(const char **why, const char *text)
{
	*why = text;
	return ERR_INVALID;
}

static int read_unix(struct str path, struct url *out, const char **why)
{
	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "a unix: socket needs an absolute path (unix:/run/app.sock)");
	if (path.n > SOCKET_PATH_MAX)
		return refuse(why, "the path of a socket has at most 107 bytes");
	if (memchr(path.p, '\0', path.n))
		return refuse(why, "a NUL is in the path");
	*out = (struct url){.scheme = STR("unix"), .host = path, .port = NO_PORT, .path = STR("/")};
	return ERR_OK;
}

static int read_authority(struct str authority, struct url *out, const char **why)
{
	/* RFC 9110 4.2.4: user info in an http URL is an error, and a trick more often than a wish. */
	if (str_index(authority, '@') < authority.n)
		return refuse(why, "user information before the host is not allowed");
	struct str host, port;
	split_port(authority, &host, &port);
	if (host.n == 0)
		return refuse(why, "the host is missing");
	if (!host_part_is_valid(host))
		return refuse(why, "the host is not valid");
	if (port.p && read_port(port, &out->port) < 0)
		return refuse(why, "the port is not a number from 1 to 65535");
	out->host = host.p[0] == '[' ? str_make(host.p + 1, host.n - 2) : host;
	return ERR_OK;
}

/* What follows "http://". */
static int read_http(struct str s, struct url *out, const char **why)
{
	size_t end = 0;
	while (end < s.n && s.p[end] != '/' && s.p[end] != '?' && s.p[end] != '#')
		end++;
	int err = read_authority(str_take(s, end), out, why);
	if (err < 0)
		return err;

	struct str path = str_skip(s, end);
	if (!http__all(path, CHAR_VISIBLE))
		return refuse(why, "a blank or control character is in the path");
	if (str_index(path, '#') < path.n)
		return refuse(why, "a fragment (#...) is not allowed");
	if (path.n > 0 && path.p[0] != '/')
		return refuse(why, "the query needs a path before it (/?...)");
	out->path = path.n > 0 ? path : STR("/");
	return ERR_OK;
}

int url_read(struct str s, struct url *out, const char **why)
{
	static const struct {
		struct str prefix, scheme;
		uint16_t port;
	} schemes[] = {
	    {STR("http://"), STR("http"), 80},
	    {STR("https://"), STR("https"), 443},
	};
	if (str_starts_nocase(s, STR("unix:")))
		return read_unix(str_skip(s, 5), out, why);
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		if (!str_starts_nocase(s, schemes[i].prefix))
			continue;
		struct url url = {.scheme = schemes[i].scheme, .port = schemes[i].port};
		int err = read_http(str_skip(s, schemes[i].prefix.n), &url, why);
		if (err == ERR_OK)
			*out = url;
		return err;
	}
	return refuse(why, "an URL begins with http://, https:// or unix:");
}

void target_split(struct str target, struct str *path, struct str *query)
{
	size_t at = str_index(target, '?');
	*path = str_take(target, at);
	*query = at < target.n ? str_skip(target, at + 1) : STR_NONE;
}

/* The byte of the %-escape at the front of s, -1 when it is malformed. */
static int escaped_byte(struct str s)
{
	if (s.n < 3)
		return -1;
	int high = char_hex(s.p[1]), low = char_hex(s.p[2]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

static bool is_upper_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

/* True when every escape is one that stays: well-formed, in upper case, of a character that is not unreserved. */
static bool escapes_are_normal(struct str path)
{
	for (;;) {
		path = str_skip(path, str_index(path, '%'));
		if (path.n == 0)
			return true;
		int byte = escaped_byte(path);
		if (byte < 0 || http__is((char)byte, CHAR_UNRESERVED) || !is_upper_hex(path.p[1]) ||
		    !is_upper_hex(path.p[2]))
			return false;
		path = str_skip(path, 3);
	}
}

static bool is_dots(struct str segment)
{
	return str_eq(segment, STR(".")) || str_eq(segment, STR(".."));
}

/* By way of the dots, which few paths have, and memchr finds fast. The path begins with a slash. */
static bool has_dot_segment(struct str path)
{
	for (size_t i = 1; i < path.n; i++) {
		struct str rest = str_skip(path, i);
		size_t dot = str_index(rest, '.');
		if (dot == rest.n)
			return false;
		i += dot;
		rest = str_skip(rest, dot);
		if (path.p[i - 1] == '/' && is_dots(str_take(rest, str_index(rest, '/'))))
			return true;
	}
	return false;
}

/* Writes a segment with its escapes in normal form; returns its length, which is never more than before. */
static size_t write_segment(char *out, struct str s)
{
	static const char upper[] = "0123456789ABCDEF";
	size_t n = 0;
	while (s.n > 0) {
		if (s.p[0] != '%') {
			out[n++] = s.p[0];
			s = str_skip(s, 1);
			continue;
		}
		int byte = escaped_byte(s);
		if (byte < 0) {
			memcpy(out + n, s.p, s.n);
			return n + s.n;
		}
		if (http__is((char)byte, CHAR_UNRESERVED)) {
			out[n++] = (char)byte;
		} else {
			out[n++] = '%';
			out[n++] = upper[byte >> 4];
			out[n++] = upper[byte & 15];
		}
		s = str_skip(s, 3);
	}
	return n;
}

/* Length of the path without its last segment and the slash before it. */
static size_t parent(const char *path, size_t n)
{
	const char *slash = n > 0 ? memrchr(path, '/', n) : NULL;
	return slash ? (size_t)(slash - path) : 0;
}

/* remove_dot_segments of RFC 3986 5.2.4, segment by segment on a path that begins with a slash. */
static struct str rewrite(struct str path, struct arena *a)
{
	char *out = arena_alloc(a, path.n);
	size_t n = 0;
	struct str rest = str_skip(path, 1), segment;
	while (str_cut(&rest, '/', &segment)) {
		size_t length = write_segment(out + n + 1, segment);
		struct str written = str_make(out + n + 1, length);
		out[n] = '/';
		if (!is_dots(written)) {
			n += 1 + length;
			continue;
		}
		if (length == 2)
			n = parent(out, n);
		if (!rest.p)
			out[n++] = '/'; /* "/a/." and "/a/b/.." are both "/a/" */
	}
	return str_make(out, n);
}

struct str path_normalise(struct str path, struct arena *a)
{
	if (path.n == 0)
		return STR("/");
	/* "*" of OPTIONS, or an authority: not a path. */
	if (path.p[0] != '/')
		return path;
	if (escapes_are_normal(path) && !has_dot_segment(path))
		return path;
	return rewrite(path, a);
}

bool path_has_dots(struct str path)
{
	char plain[sizeof("%2e%2e") - 1];
	struct str segment;
	while (str_cut(&path, '/', &segment)) {
		bool may_be =
		    segment.n > 0 && segment.n <= sizeof(plain) && (segment.p[0] == '.' || segment.p[0] == '%');
		if (may_be && is_dots(str_make(plain, write_segment(plain, segment))))
			return true;
	}
	return false;
}

static bool has_upper(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] >= 'A' && s.p[i] <= 'Z')
			return true;
	}
	return false;
}

static bool is_default_port(struct str port, struct str scheme)
{
	return str_eq(port, STR("80")) ? str_eq_nocase(scheme, STR("http"))
				       : str_eq(port, STR("443")) && str_eq_nocase(scheme, STR("https"));
}

struct str host_normalise(struct str host, struct str scheme, struct arena *a)
{
	struct str name, port;
	split_port(host, &name, &port);
	size_t dots = 0;
	while (dots + 1 < name.n && name.p[name.n - 1 - dots] == '.')
		dots++;
	name.n -= dots;
	/* An empty port is the default one (RFC 3986 6.2.3). */
	if (port.n == 0 || is_default_port(port, scheme))
		port = STR_NONE;

	bool upper = has_upper(name);
	if (!upper && !port.p)
		return name;
	if (!upper && dots == 0)
		return host;
	size_t n = name.n + (port.p ? 1 + port.n : 0);
	char *out = arena_alloc(a, n);
	for (size_t i = 0; i < name.n; i++)
		out[i] = char_lower(name.p[i]);
	if (port.p) {
		out[name.n] = ':';
		memcpy(out + name.n + 1, port.p, port.n);
	}
	return str_make(out, n);
}

/* The text before the first star is a prefix, the text behind the last a suffix; what lies between two stars is taken
 * where it is found first, which leaves most for the rest. Each byte is looked at once (memmem is linear). */
bool glob_match(struct str pattern, struct str s)
{
	size_t star = str_index(pattern, '*');
	if (star == pattern.n)
		return str_eq(pattern, s);
	if (!str_starts(s, str_take(pattern, star)))
		return false;
	s = str_skip(s, star);
	pattern = str_skip(pattern, star + 1);

	while ((star = str_index(pattern, '*')) < pattern.n) {
		struct str piece = str_take(pattern, star);
		size_t at = str_find(s, piece);
		if (at == s.n && piece.n > 0)
			return false;
		s = str_skip(s, at + piece.n);
		pattern = str_skip(pattern, star + 1);
	}
	return str_ends(s, pattern);
}
