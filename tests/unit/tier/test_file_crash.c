/* Several processes on one directory, and their sudden end. This program starts itself again as one that stores without end; it tells each
 * store that was completed through a pipe, and is killed (SIGKILL) after some number of them. Then all that was completed must be there,
 * whole; what was on its way may be there, whole, or not. */
#include "suite.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "tier/file_make.h"

enum { KEYS = 40, AT_ONCE = 4, LARGE = 1 << 30, BOUND = 4 << 20 };

static struct folder folder;

static const char *page_key(uint64_t i)
{
	static _Thread_local char key[64];
	snprintf(key, sizeof(key), "GET http://h/page?%llu", (unsigned long long)i);
	return key;
}

/* The child: AT_ONCE threads store on and on, each its own keys. */

struct storer {
	struct tier *tier;
	uint64_t next;
};

static void *store_without_end(void *arg)
{
	struct storer *s = arg;
	for (uint64_t i = s->next;; i += AT_ONCE) {
		int err = store_numbered(s->tier, page_key(i % KEYS), i, "t");
		if (err == ERR_OK && write(STDOUT_FILENO, &i, sizeof(i)) != sizeof(i))
			return NULL; /* the parent is gone */
	}
}

static int child(const char *path, const char *bytes, const char *from)
{
	uint64_t file_size, first;
	if (str_to_u64(str_of(bytes), UINT64_MAX, &file_size) || str_to_u64(str_of(from), UINT64_MAX, &first))
		return EXIT_FAILURE;
	struct tier *t = file_open_at(path, file_size);
	struct storer storers[AT_ONCE];
	pthread_t threads[AT_ONCE];
	for (unsigned i = 0; i < AT_ONCE; i++) {
		storers[i] = (struct storer){.tier = t, .next = first + i};
		must(pthread_create(&threads[i], NULL, store_without_end, &storers[i]) == 0, "no thread");
	}
	for (unsigned i = 0; i < AT_ONCE; i++)
		pthread_join(threads[i], NULL);
	return EXIT_SUCCESS;
}

struct process {
	pid_t pid;
	int from; /* what it tells */
};

extern char **environ;

static struct process start(uint64_t file_size, uint64_t first)
{
	struct process p;
	int ends[2];
	char bytes[32], number[32];
	char name[] = "store";
	snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)file_size);
	snprintf(number, sizeof(number), "%llu", (unsigned long long)first);
	char *argv[] = {name, folder.path, bytes, number, NULL};
	must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	must(posix_spawn(&p.pid, "/proc/self/exe", &actions, NULL, argv, environ) == 0, "spawn");
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	p.from = ends[0];
	return p;
}

/* The next store that it has completed; false: it has ended. */
static bool next_stored(struct process *p, uint64_t *number)
{
	return read(p->from, number, sizeof(*number)) == sizeof(*number);
}

static void end(struct process *p)
{
	must(kill(p->pid, SIGKILL) == 0, "kill");
	must(waitpid(p->pid, NULL, 0) == p->pid, "wait");
}

static void note(uint64_t *last, uint64_t number)
{
	if (last[number % KEYS] == UINT64_MAX || number > last[number % KEYS])
		last[number % KEYS] = number;
}

START_TEST(what_was_stored_survives_a_kill_at_any_moment)
{
	enum { ROUNDS = 40 };
	folder_make(&folder);
	uint64_t last[KEYS], first = 0, newest = 0, number;
	memset(last, 0xff, sizeof(last));
	uint32_t random = 88172645u;
	for (unsigned round = 0; round < ROUNDS; round++) {
		random = random * 1664525 + 1013904223;
		struct process p = start(LARGE, first);
		for (unsigned left = 1 + (random >> 16) % 300; left > 0; left--) {
			must(next_stored(&p, &number), "the child has ended");
			note(last, number);
			newest = number > newest ? number : newest;
		}
		end(&p);
		while (next_stored(&p, &number)) {
			note(last, number);
			newest = number > newest ? number : newest;
		}
		close(p.from);
		struct tier *t = file_open_at(folder.path, LARGE);
		must(file_left_in_tmp(folder.path) == 0, "what the dead left is still there");
		if (round % 2)
			file_wait_filled(t);
		for (unsigned k = 0; k < KEYS; k++) {
			uint64_t found = find_numbered(t, page_key(k), round % 4 < 2 ? 0 : NUMBERED_MAX);
			bool right = last[k] == UINT64_MAX ? true
							   : found != UINT64_MAX && found >= last[k] &&
								 found <= newest + 2 * KEYS * AT_ONCE;
			must(right, "%u: page %u: %llu for %llu", round, k, (unsigned long long)found,
			    (unsigned long long)last[k]);
			if (found != UINT64_MAX)
				last[k] = found;
		}
		must(file_stats(t).corrupt == 0, "%u: something was damaged", round);
		file_wait_filled(t);
		must(file_stats(t).bytes == file_bytes_on_disk(folder.path), "%u: the count is wrong: %llu for %llu",
		    round, (unsigned long long)file_stats(t).bytes,
		    (unsigned long long)file_bytes_on_disk(folder.path));
		tier_close(&t);
		first = (newest / KEYS + 4 * AT_ONCE) * KEYS; /* beyond all that may be on its way */
	}
	printf("%u kills, %llu stores\n", ROUNDS, (unsigned long long)newest);
	folder_remove(&folder);
}
END_TEST

START_TEST(processes_share_pages_purges_and_the_bound)
{
	folder_make(&folder);
	struct process p = start(BOUND, 0);
	struct tier *t = file_open_at(folder.path, BOUND);
	uint64_t number, hits = 0, shares = 0;
	for (unsigned i = 0; i < 1000; i++) {
		must(next_stored(&p, &number), "the child has ended");
		hits += find_numbered(t, page_key(number % KEYS), 0) != UINT64_MAX;
		if (i % 100 == 0) {
			struct tier_purge op = purge(t, PURGE_TAG, "t", false);
			must(op.seq > 0, "no place in the order");
			shares += op.count;
		}
		must(store_numbered(t, page_key(1000 + i), 1000 + i, "u") != ERR_IO, "%u", i);
		must(file_stats(t).bytes <= BOUND, "above the bound");
	}
	end(&p);
	close(p.from);
	ck_assert_uint_gt(hits, 50);
	ck_assert_uint_le(file_bytes_on_disk(folder.path), BOUND);
	ck_assert_uint_eq(file_stats(t).corrupt, 0);
	printf("%llu hits of 1000 while two processes store, %llu purged\n", (unsigned long long)hits,
	    (unsigned long long)shares);
	tier_close(&t);
	folder_remove(&folder);
}
END_TEST

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[0], "store") == 0)
		return child(argv[1], argv[2], argv[3]);
	Suite *s = suite_create("tier/file_crash");
	TCase *t = tcase_create("file_crash");
	tcase_add_test(t, what_was_stored_survives_a_kill_at_any_moment);
	tcase_add_test(t, processes_share_pages_purges_and_the_bound);
	suite_add_tcase(s, t);
	return suite_run(s);
}
