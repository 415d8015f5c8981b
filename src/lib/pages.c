/* The pages of a proxy lie in pages/ of the directory, with a journal of purges that all its users follow (tier/journal.h). */
#include "lib/pages.h"

int pages_purge_directory(int dir, struct str tag)
{
	return LARDER_OK;
}
