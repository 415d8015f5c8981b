/* One request to the admin interface of the running proxy, with libcurl. The address and the token are those of the
 * settings; every wait is bounded. */
#include "cli/cli.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/un.h>

enum { CONNECT_MS = 5000, TOTAL_MS = 60000, ANSWER_MAX = 64 << 20 };

static size_t on_data(char *p, size_t size, size_t n, void *ctx)
{
	return buf_add(ctx, str_make(p, size * n)) == ERR_OK ? size * n : 0;
}

/* "http://127.0.0.1:8081": a listener on all addresses is asked on loopback. */
static void write_base(const struct conf_addr *listen, struct buf *out)
{
	char host[INET6_ADDRSTRLEN] = "";
	if (listen->is_unix) {
		buf_add(out, STR("http://localhost"));
	} else if (listen->sa.ss_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)&listen->sa;
		bool any = IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
		inet_ntop(AF_INET6, any ? &in6addr_loopback : &six->sin6_addr, host, sizeof(host));
		buf_addf(out, "http://[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		const struct sockaddr_in *four = (const struct sockaddr_in *)&listen->sa;
		struct in_addr address = four->sin_addr;
		if (address.s_addr == htonl(INADDR_ANY))
			address.s_addr = htonl(INADDR_LOOPBACK);
		inet_ntop(AF_INET, &address, host, sizeof(host));
		buf_addf(out, "http://%s:%u", host, ntohs(four->sin_port));
	}
}

/* The token goes to the admin interface and to nobody else: no proxy of the environment, no redirect. */
static void set_options(CURL *curl, const struct conf_admin *admin, const char *url, struct str form,
    struct curl_slist *headers, struct cli_answer *out)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &out->body);
	if (admin->listen.is_unix)
		curl_easy_setopt(
		    curl, CURLOPT_UNIX_SOCKET_PATH, ((const struct sockaddr_un *)&admin->listen.sa)->sun_path);
	if (form.p) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)form.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, form.p);
	}
}

static int explain(CURLcode code, const struct conf_admin *admin)
{
	struct str at = admin->listen.text;
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		cli_complain(EXIT_FAILED,
		    "nobody answers at %.*s ([admin] listen): is larder running, and with these settings? Else say -c "
		    "FILE or "
		    "--admin ADDRESS",
		    STR_ARG(at));
		return ERR_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		cli_complain(EXIT_FAILED, "%.*s ([admin] listen) does not answer in time", STR_ARG(at));
		return ERR_TIMEOUT;
	default:
		cli_complain(EXIT_FAILED, "%.*s ([admin] listen): %s", STR_ARG(at), curl_easy_strerror(code));
		return ERR_PROTOCOL;
	}
}

int cli_ask(const struct conf_admin *admin, const char *path, struct str form, struct cli_answer *out)
{
	*out = (struct cli_answer){0};
	buf_init(&out->body, ANSWER_MAX);
	struct arena a;
	arena_init(&a, 0);
	struct buf base;
	buf_init(&base, 256);
	write_base(&admin->listen, &base);
	struct str url = arena_printf(&a, "%.*s%s", STR_ARG(buf_str(&base)), path);
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	if (admin->token.n)
		headers =
		    curl_slist_append(headers, arena_printf(&a, "Authorization: Bearer %.*s", STR_ARG(admin->token)).p);
	CURL *curl = curl_easy_init();
	int err = ERR_IO;
	if (curl && headers) {
		set_options(curl, admin, url.p, form, headers, out);
		CURLcode code = curl_easy_perform(curl);
		long status = 0;
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		out->status = (int)status;
		err = code == CURLE_OK ? ERR_OK : explain(code, admin);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	buf_free(&base);
	arena_free(&a);
	return err;
}
