/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/secret.h"

enum {
	CLIENT_URL_SIZE = 512,
	CLIENT_HEADER_SIZE = 192,
};

struct client {
	CURL *curl;
	struct curl_slist *headers;
	struct client_way way;
	int fd; /* where a 200's body goes, or -1 */
	struct client_reply *reply;
	size_t room;
	enum err failure;
};

/* Grows by copying, so that no unwiped piece of a seed stays behind. */
static enum err grow(struct client *client, size_t wanted)
{
	struct client_reply *reply = client->reply;
	size_t room = client->room ? client->room : 16384;
	char *bigger;

	while (room < wanted)
		room *= 2;
	if (room > CLIENT_REPLY_BYTES_MAX)
		return ERR_TOO_LONG;
	bigger = malloc(room);
	if (!bigger)
		return ERR_MEMORY;
	if (reply->body) {
		memcpy(bigger, reply->body, reply->length);
		secret_wipe_bytes(reply->body, reply->length);
		free(reply->body);
	}
	reply->body = bigger;
	client->room = room;
	return ERR_NONE;
}

static enum err write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return errno == ENOSPC ? ERR_FULL : ERR_IO;
		bytes += written;
		length -= (size_t)written;
	}
	return ERR_NONE;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct client *client = context;
	struct client_reply *reply = client->reply;
	size_t length = size * count;
	long status = 0;

	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (client->fd >= 0 && status == 200) {
		client->failure = write_all(client->fd, bytes, length);
		return client->failure ? 0 : length;
	}
	if (reply->length + length + 1 > client->room) {
		client->failure = grow(client, reply->length + length + 1);
		if (client->failure)
			return 0;
	}
	memcpy(reply->body + reply->length, bytes, length);
	reply->length += length;
	reply->body[reply->length] = '\0';
	return length;
}

static CURLcode set_up(struct client *client)
{
	CURL *curl = client->curl;
	CURLcode code = CURLE_OK;

	/* The first failure stays; none of these may be left out. */
#define SET(option, value)                                                     \
	(code = code ? code : curl_easy_setopt(curl, (option), (value)))
	if (client->way.server) {
		SET(CURLOPT_CAINFO, client->way.ca);
		/* That CA alone, not those of the system besides. */
		SET(CURLOPT_CAPATH, NULL);
		SET(CURLOPT_SSL_VERIFYPEER, 1L);
		SET(CURLOPT_SSL_VERIFYHOST, 2L);
		SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
		SET(CURLOPT_PROTOCOLS_STR, "https");
	} else {
		SET(CURLOPT_UNIX_SOCKET_PATH, client->way.socket_path);
		SET(CURLOPT_PROTOCOLS_STR, "http");
	}
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)CLIENT_CONNECT_MS);
	SET(CURLOPT_HTTPHEADER, client->headers);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, client);
#undef SET
	return code;
}

static bool add_header(struct client *client, const char *text)
{
	struct curl_slist *longer = curl_slist_append(client->headers, text);

	if (longer)
		client->headers = longer;
	return longer != NULL;
}

static bool add_token(struct client *client, const struct secret *token)
{
	char header[CLIENT_HEADER_SIZE];
	bool added;

	if (!token || token->length == 0)
		return true;
	snprintf(header, sizeof(header), "Authorization: Bearer %.*s",
	    (int)token->length, (const char *)token->bytes);
	added = add_header(client, header);
	secret_wipe_bytes(header, sizeof(header));
	return added;
}

static void wipe_headers(struct client *client)
{
	for (struct curl_slist *at = client->headers; at; at = at->next)
		secret_wipe_bytes(at->data, strlen(at->data));
	curl_slist_free_all(client->headers);
}

enum err client_new(const struct client_way *way, struct client **out)
{
	struct client *client = calloc(1, sizeof(*client));
	enum err err = ERR_MEMORY;

	/* Whoever started us must not get the keys of what we say. */
	unsetenv("SSLKEYLOGFILE");
	if (!client || curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		goto out;
	client->way = *way;
	client->way.token = NULL;
	client->fd = -1;
	client->curl = curl_easy_init();
	/* No Expect: the server need not be asked before a body. */
	if (!client->curl || !add_header(client, "Expect:") ||
	    !add_header(client, "Content-Type: application/json") ||
	    !add_token(client, way->token))
		goto out;
	if (set_up(client) != CURLE_OK)
		goto out;
	*out = client;
	client = NULL;
	err = ERR_NONE;
out:
	client_free(client);
	return err;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	wipe_headers(client);
	free(client);
}

/* What curl's failure means to a person at the keyboard. */
static enum err understand(struct client *client, CURLcode code)
{
	long os_errno = 0;

	if (code == CURLE_OK)
		return ERR_NONE;
	if (client->failure)
		return client->failure;
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_CONNECT_ERROR)
		return ERR_CRYPTO;
	if (code == CURLE_SSL_CACERT_BADFILE)
		return ERR_NOT_FOUND;
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		return ERR_UNREACHABLE;
	if (code != CURLE_COULDNT_CONNECT)
		return code == CURLE_OUT_OF_MEMORY ? ERR_MEMORY : ERR_IO;
	curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &os_errno);
	return os_errno == EACCES || os_errno == EPERM ? ERR_NOT_ALLOWED
						       : ERR_UNREACHABLE;
}

enum err client_download(struct client *client, const char *path,
    const char *body, int fd, struct client_reply *out)
{
	struct client_reply reply = {0};
	char url[CLIENT_URL_SIZE];
	CURLcode code = CURLE_FAILED_INIT;
	enum err err;

	client->reply = &reply;
	client->room = 0;
	client->fd = fd;
	client->failure = ERR_NONE;
	if (snprintf(url, sizeof(url), "%s/v1/admin/%s",
		client->way.server ? client->way.server : "http://localhost",
		path) >= (int)sizeof(url))
		return ERR_TOO_LONG;
	if (curl_easy_setopt(client->curl, CURLOPT_URL, url) == CURLE_OK &&
	    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		(curl_off_t)strlen(body)) == CURLE_OK &&
	    curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body) ==
		CURLE_OK)
		code = curl_easy_perform(client->curl);
	err = understand(client, code);
	curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &reply.status);
	client->reply = NULL;
	client->fd = -1;
	if (err) {
		client_reply_free(&reply);
		return err;
	}
	*out = reply;
	return ERR_NONE;
}

enum err client_post(struct client *client, const char *path, const char *body,
    struct client_reply *out)
{
	return client_download(client, path, body, -1, out);
}

void client_reply_free(struct client_reply *reply)
{
	secret_wipe_bytes(reply->body, reply->length);
	free(reply->body);
	*reply = (struct client_reply){0};
}
