/* larder --version: what to tell when something is reported. The libraries are those of the system that runs, not of the one
 * that built. */
#include "cli/cli.h"

#include <brotli/decode.h>
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <microhttpd.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <uv.h>
#include <xxhash.h>
#include <zlib.h>

void cli_write_versions(struct buf *out)
{
	char pcre[64] = "";
	pcre2_config(PCRE2_CONFIG_VERSION, pcre);
	unsigned xxh = XXH_versionNumber(), br = BrotliDecoderVersion();
	buf_addf(out, "larder %s\n", LARDER_VERSION);
	buf_addf(out, "libmicrohttpd %s\n", MHD_get_version());
	buf_addf(out, "libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
	buf_addf(out, "libuv %s\n", uv_version_string());
	buf_addf(out, "pcre2 %s\n", pcre);
	buf_addf(out, "xxhash %u.%u.%u\n", xxh / 10000, xxh / 100 % 100, xxh % 100);
	buf_addf(out, "cjson %s\n", cJSON_Version());
	buf_addf(out, "zlib %s\n", zlibVersion());
	buf_addf(out, "brotli %u.%u.%u\n", br >> 24, br >> 12 & 0xfff, br & 0xfff);
}
