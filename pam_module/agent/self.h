/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says of this terminal, GET /v1/terminals/self, from bytes
 * to values. Pure.
 */
#ifndef SEKIMORI_AGENT_SELF_H
#define SEKIMORI_AGENT_SELF_H

#include "pam_module/agent/head.h"
#include "pam_module/agent/server_call.h"
#include "shared/text.h"

#define SELF_PATH "/v1/terminals/self"

struct self {
	json_t *object; /* ca and audit_key point into it */
	const char *terminal;
	const char *ca; /* PEM */
	const char *audit_key;
	const char *shadow; /* rules in shadow mode here; NULL: none */
	int64_t renew_at;   /* unix seconds */
	bool has_head;
	struct head head; /* not verified */
};

/* ERR_INVALID: the answer is something else. The caller frees out. */
enum err self_read(const struct server_reply *reply, struct self *out);
void self_free(struct self *self);

/* Asks and reads. ERR_NOT_ALLOWED: 403, the certificate is not accepted. */
enum err self_ask(
    const struct server_call *server, int64_t deadline_ms, struct self *out);

#endif
