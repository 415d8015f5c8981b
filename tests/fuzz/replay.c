/* Runs every file of a corpus folder through the target it is linked with, whole and cut off after every byte. Each
 * input is a block of memory of its own size, so that a sanitizer sees a read beyond it.
 *
 * usage: replay-TARGET FOLDER; the status is 1 when the folder has no files, since that would be a test of nothing. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX_BYTES (1 << 20)
#define PREFIXES_MAX   4096

static void run(struct str input)
{
	uint8_t *copy = mem_alloc(input.n);
	if (input.n > 0)
		memcpy(copy, input.p, input.n);
	LLVMFuzzerTestOneInput(copy, input.n);
	free(copy);
}

static int read_file(const char *path, struct buf *out)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return ERR_IO;
	int err = ERR_OK;
	while (err == ERR_OK) {
		err = buf_reserve(out, 4096);
		size_t n = err == ERR_OK ? fread(out->p + out->n, 1, 4096, file) : 0;
		out->n += n;
		if (n == 0)
			break;
	}
	if (err == ERR_OK && ferror(file))
		err = ERR_IO;
	fclose(file);
	return err;
}

static int replay_file(const char *folder, const char *name)
{
	struct buf path, content;
	buf_init(&path, 4096);
	buf_init(&content, FILE_MAX_BYTES);
	int err = buf_addf(&path, "%s/%s", folder, name);
	if (err == ERR_OK)
		err = buf_addc(&path, '\0');
	if (err == ERR_OK)
		err = read_file(path.p, &content);
	if (err < 0) {
		fprintf(stderr, "%s/%s: %s\n", folder, name, err_text(err));
	} else {
		size_t prefixes = content.n < PREFIXES_MAX ? content.n : PREFIXES_MAX;
		for (size_t n = 0; n < prefixes; n++)
			run(str_take(buf_str(&content), n));
		run(buf_str(&content));
	}
	buf_free(&path);
	buf_free(&content);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return EXIT_FAILURE;
	}
	DIR *folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return EXIT_FAILURE;
	}
	int files = 0, failed = 0;
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
		if (entry->d_name[0] == '.')
			continue;
		files++;
		failed += replay_file(argv[1], entry->d_name) < 0;
	}
	closedir(folder);
	printf("%d files\n", files);
	return files > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
