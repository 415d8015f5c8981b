/* Loading from texts, for the tests of conf/. Rows of tests say @ where an upstream is needed for the rest to be right. */
#ifndef LARDER_TESTS_CONF_FIXTURE_H
#define LARDER_TESTS_CONF_FIXTURE_H

#include "conf/load.h"
#include "suite.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UPSTREAM "[upstream]\nurl = http://127.0.0.1:8000\n"

/* The outcome of the last load; loaded is NULL when it was refused. */
static struct conf *loaded;
static struct buf problems;

static inline int load_from(
    const char *file, const char *text, const char *const *environment, const struct conf_flag *flags, unsigned n)
{
	struct conf_source source = {.environ = (char **)environment, .flags = flags, .n_flags = n};
	conf_release(&loaded);
	buf_reset(&problems);
	int err = conf__load_text(&source, file, str_of(text), &loaded, &problems);
	(void)buf_addc(&problems, '\0'); /* to be looked at as a C string */
	return err;
}

static inline int load(const char *text)
{
	return load_from("t.ini", text, NULL, NULL, 0);
}

static inline struct conf *load_good(const char *text)
{
	int err = load(text);
	ck_assert_msg(err == ERR_OK, "%s", problems.p);
	return loaded;
}

static inline void fixture_start(void)
{
	buf_init(&problems, 1 << 20);
}

static inline void fixture_stop(void)
{
	conf_release(&loaded);
	buf_free(&problems);
}

#endif
