/* A price list that takes a second to make, kept in a cache for a minute: run it twice, and the second time is quick.
 *
 *     cc remember.c -o remember $(pkg-config --cflags --libs larder)
 *     ./remember file /tmp/prices
 *     ./remember redis redis://127.0.0.1
 *     ./remember memory
 */
#include <larder.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What is slow. It leaves its value in `result`, which copies it; 0 means that this worked. Any number above 0 would go to the caller of
 * larder_remember as it is. */
static int make_prices(void *context, larder_result *result)
{
	const char *shop = context;
	char json[128];
	int n = snprintf(json, sizeof(json), "{\"shop\": \"%s\", \"apple\": 1.20, \"pear\": 0.90}", shop);

	printf("making the prices of %s ...\n", shop);
	sleep(1);
	return larder_result_set_json(result, json, (size_t)n);
}

/* All errors are told in the same way: a number to act on, and a sentence for people. */
static int failed(int status)
{
	fprintf(stderr, "%s (%s)\n", larder_last_error(), larder_strerror(status));
	return 1;
}

static int use(larder_cache *cache)
{
	static const char *const tags[] = {"fruit"};
	int64_t visits = 0;
	char shop[] = "Smith & Sons";
	void *prices, *greeting;

	/* Made once, however many threads ask at the same time. It is a copy: ours, until larder_free. */
	int status = larder_remember(cache, "prices", 60.0, make_prices, shop, &prices, NULL);
	if (status != LARDER_OK)
		return failed(status);
	printf("%s\n", (char *)prices);
	larder_free(prices);

	/* A counter that all processes share; it begins anew when nobody counted for a day. */
	status = larder_incr(cache, "visits", 1, 24 * 3600.0, &visits);
	if (status != LARDER_OK)
		return failed(status);
	printf("visit %lld\n", (long long)visits);

	/* What is not there is no error, but a status of its own; or a default. */
	status = larder_get_or(cache, "greeting", "nobody greeted yet", strlen("nobody greeted yet"), &greeting, NULL);
	if (status != LARDER_OK)
		return failed(status);
	printf("%s\n", (char *)greeting);
	larder_free(greeting);

	/* Values with tags leave together; and so do the pages that carry the tag, where larder, the proxy, shares the place. */
	status = larder_set_tagged(cache, "greeting", "hello", 5, 0, tags, 1);
	if (status == LARDER_OK)
		status = larder_forget_tag(cache, "fruit");
	if (status != LARDER_OK)
		return failed(status);
	printf("after forgetting the tag: %s\n", larder_has(cache, "greeting") == 1 ? "still there" : "gone");
	return 0;
}

int main(int argc, char **argv)
{
	larder_options options;
	larder_cache *cache;

	if (argc < 2) {
		fprintf(stderr, "usage: remember memory | file DIRECTORY | redis URL\n");
		return 2;
	}
	/* Always first: it fills in the defaults, also of options that a later version brings. */
	larder_options_init(&options);
	options.backend = argv[1];
	options.path = options.url = argc > 2 ? argv[2] : NULL;
	options.name_space = "example";

	int status = larder_open(&options, &cache);
	if (status != LARDER_OK)
		return failed(status);
	int result = use(cache);
	larder_close(cache);
	return result;
}
