/* Names of files in the directories of the file tier, which anybody may have put there. */
#include "fuzz.h"

#include "tier/file_private.h"

#include <assert.h>

/* What is taken for a name is written the same way again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256], again[FILE_NAME];
	struct file_name name;
	size = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = 0;
	if (!file_name__read(text, &name))
		return 0;
	assert(strlen(name.sha) == SHA256_HEX && file_leaf__of(name.sha) < FILE_LEAVES);
	if (name.body)
		file_leaf__body_name(name.sha, name.variant, name.id, again);
	else
		file_leaf__json_name(name.sha, name.variant, again);
	assert(strcmp(text, again) == 0);
	return 0;
}
