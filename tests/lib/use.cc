/* larder.h in C++: every function is called once, through the shared library. */
#include <larder.h>

#include <cstdio>
#include <cstring>
#include <string>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			std::fprintf(stderr, "line %d: %s: %s\n", __LINE__, #condition, larder_last_error());          \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

extern "C" int compute(void *context, larder_result *result)
{
	const std::string *text = static_cast<const std::string *>(context);
	return larder_result_set(result, text->data(), text->size());
}

int main()
{
	larder_options options;
	larder_options_init(&options);
	options.max_entries = 10;
	larder_cache *cache = nullptr;
	CHECK(larder_open(&options, &cache) == LARDER_OK);

	const char *tags[] = {"a"};
	std::string text("from C++");
	void *value = nullptr;
	char *json = nullptr;
	size_t n = 0;
	int64_t sum = 0;
	CHECK(larder_set(cache, "k", text.data(), text.size(), 60) == LARDER_OK);
	CHECK(larder_set_tagged(cache, "k", text.data(), text.size(), 60, tags, 1) == LARDER_OK);
	CHECK(larder_get(cache, "k", &value, &n) == LARDER_OK && text == static_cast<char *>(value));
	larder_free(value);
	CHECK(larder_get_json(cache, "k", &json, &n) == LARDER_OK && std::strcmp(json, "\"from C++\"") == 0);
	larder_free(json);
	CHECK(larder_forget_tag(cache, "a") == LARDER_OK && larder_has(cache, "k") == 0);
	CHECK(larder_set_json(cache, "n", "41", 2, 0) == LARDER_OK);
	CHECK(larder_set_json_tagged(cache, "m", "[]", 2, 0, tags, 1) == LARDER_OK);
	CHECK(larder_incr(cache, "n", 1, 0, &sum) == LARDER_OK && sum == 42);
	CHECK(larder_get_or(cache, "none", "x", 1, &value, nullptr) == LARDER_OK);
	larder_free(value);
	CHECK(larder_remember(cache, "r", 60, compute, &text, &value, &n) == LARDER_OK && n == text.size());
	larder_free(value);
	CHECK(larder_forget(cache, "r") == LARDER_OK && larder_forget(cache, "r") == LARDER_MISSING);
	CHECK(larder_flush(cache) == LARDER_OK && larder_has(cache, "n") == 0);
	CHECK(std::strlen(larder_strerror(LARDER_MISSING)) > 0 && std::strlen(larder_version()) > 0);
	larder_close(cache);
	return 0;
}
