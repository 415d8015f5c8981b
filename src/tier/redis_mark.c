/* One line: "larder-redis-mark 0123456789abcdef 0000000000000042\n", both in hexadecimal digits. Several processes may share the directory and so
 * the file; each has told it of all up to its own mark, so any of them is right. */
#include "tier/redis_mark.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"

#define HEAD "larder-redis-mark "

enum { DIGITS = 16, SIZE = sizeof(HEAD) - 1 + 2 * DIGITS + 2, PATH_MAX_OF = 4096 };

static bool read_hex(struct str s, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < s.n; i++) {
		int digit = char_hex(s.p[i]);
		if (digit < 0)
			return false;
		*out = *out << 4 | (unsigned)digit;
	}
	return s.n == DIGITS;
}

bool redis_mark__read(const char *path, struct redis_mark *out)
{
	char text[SIZE + 1];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t n = read(fd, text, sizeof(text));
	close(fd);
	struct str s = str_make(text, n > 0 ? (size_t)n : 0);
	return s.n == SIZE && str_starts(s, STR(HEAD)) && s.p[SIZE - DIGITS - 2] == ' ' && s.p[SIZE - 1] == '\n' &&
	       read_hex(str_take(str_skip(s, sizeof(HEAD) - 1), DIGITS), &out->id) &&
	       read_hex(str_take(str_skip(s, SIZE - DIGITS - 1), DIGITS), &out->seq);
}

void redis_mark__write(const char *path, const struct redis_mark *mark)
{
	char text[SIZE + 1], temp[PATH_MAX_OF];
	snprintf(
	    text, sizeof(text), HEAD "%016llx %016llx\n", (unsigned long long)mark->id, (unsigned long long)mark->seq);
	int n = snprintf(temp, sizeof(temp), "%s.%ld", path, (long)getpid());
	if (n < 0 || (size_t)n >= sizeof(temp))
		return;
	int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	bool good = write(fd, text, SIZE) == SIZE;
	good = close(fd) == 0 && good;
	if (!good || rename(temp, path) != 0)
		unlink(temp);
}
