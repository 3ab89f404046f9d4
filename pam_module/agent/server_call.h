/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent's parts know of the server: a request goes out, a reply
 * comes back or does not. Who carries it is server_client.h's business; login
 * and renewal get a struct server_call and so can be driven without a
 * network.
 */
#ifndef SEKIMORI_AGENT_SERVER_CALL_H
#define SEKIMORI_AGENT_SERVER_CALL_H

#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	SERVER_REPLY_BYTES_MAX = 65536
};

struct server_request {
	const char *path; /* "/v1/logins" */
	const char *body; /* JSON to POST; NULL for a GET */
	size_t body_length;
	int64_t deadline_ms; /* of steady_ms(); over all servers and retries */
};

struct server_reply {
	int status;
	char *body; /* NUL-terminated beyond length; never NULL after success */
	size_t length;
};

struct server_call {
	/*
	 * ERR_NONE: some server answered with a status, whatever it is.
	 * ERR_UNREACHABLE or ERR_TIMEOUT: none did; the request may have been
	 * carried out all the same. The caller frees out.
	 */
	enum err (*perform)(void *context, const struct server_request *request,
	    struct server_reply *out);
	void *context;
};

/* Wipes and frees the body. */
void server_reply_free(struct server_reply *reply);

#endif
