/* The file of a journal: descriptors of it, its locks among processes and threads, and how it is replaced (tier/journal.h). */
#ifndef LARDER_TIER_JOURNAL_FILE_H
#define LARDER_TIER_JOURNAL_FILE_H

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/str.h"

/* In the directory. */
#define JOURNAL_FILE_NAME "journal"

/* As many may hold or append at a time; the next wait. */
enum { JOURNAL_SLOTS = 64 };

/* A descriptor of its own for who has it: locks belong to descriptors. */
struct journal_slot {
	int fd; /* -1: none yet */
	dev_t dev;
	ino_t ino;
	bool taken;
};

struct journal_file {
	char *path, *temp;
	pthread_mutex_t lock;
	pthread_cond_t returned;
	struct journal_slot slots[JOURNAL_SLOTS];
};

void journal_file__init(struct journal_file *f, struct str directory);
/* All slots are back. */
void journal_file__destroy(struct journal_file *f);

/* A descriptor of the file that has the name now (made, empty, when there is none); with a lock it keeps the name until it is given back.
 * `lock`: F_RDLCK, F_WRLCK or F_UNLCK. Blocks. ERR_IO: errno says why. Any thread, as the next. */
int journal_file__take(struct journal_file *f, short lock, struct journal_slot **out) MUST_CHECK;
void journal_file__give_back(struct journal_file *f, struct journal_slot *s);

/* Puts a file with that content in its place, all at once. The caller has it under F_WRLCK, and takes it anew. ERR_IO: errno says why. */
int journal_file__replace(struct journal_file *f, struct str content) MUST_CHECK;
/* Closes what is not taken and is not of that file, so that its blocks come free. */
void journal_file__drop_others(struct journal_file *f, dev_t dev, ino_t ino);

/* All of it, over interrupts. 0, or -1 with errno. */
int journal_file__write(int fd, struct str content, off_t at);

#endif
