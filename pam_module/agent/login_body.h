/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to the server in the two halves of a login call, as JSON. Each
 * body has an attempt of its own, so that sending it again is safe.
 */
#ifndef SEKIMORI_AGENT_LOGIN_BODY_H
#define SEKIMORI_AGENT_LOGIN_BODY_H

#include "pam_module/agent/login.h"
#include "pam_module/agent/card_dialogue.h"

enum {
	/* A certificate and a signature in base64 with the words around them;
	 * the server takes 16 KiB. */
	LOGIN_BODY_SIZE = 12288
};

/* May hold a code. */
struct login_body {
	size_t length;
	char bytes[LOGIN_BODY_SIZE];
};

/* The challenge: who, where, no factor. The caller frees. */
enum err login_body_challenge(const struct login_subject *subject, char **out);

/* The caller wipes. */
enum err login_body_finish(
    const struct login_offer *offer, struct login_body *out);
void login_body_wipe(struct login_body *body);

#endif
