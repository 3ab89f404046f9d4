/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to and comes from the server when a card is enrolled, as JSON.
 * Pure. The body holds the code, so it is written by hand and wiped.
 */
#ifndef SEKIMORI_AGENT_ENROL_WIRE_H
#define SEKIMORI_AGENT_ENROL_WIRE_H

#include "pam_module/agent/card.h"
#include "pam_module/agent/enrol.h"
#include "pam_module/agent/server_call.h"
#include "shared/encode.h"

enum {
	ENROL_TOKEN_SIZE = 257,
	ENROL_QUESTION_SIZE = 64,
	ENROL_BODY_SIZE = ENCODE_BASE64_SIZE(CARD_CERTIFICATE_BYTES_MAX) +
			  ENCODE_BASE64_SIZE(CARD_SIGNATURE_BYTES_MAX) +
			  ENROL_TOKEN_SIZE + 256,
};

struct enrol_challenge {
	char token[ENROL_TOKEN_SIZE];
	unsigned char challenge[CARD_CHALLENGE_BYTES];
};

/* Asks for a challenge. The server says at once if there is no such code, so
 * that nobody without one gets at a card by way of us. The caller wipes. */
void enrol_write_question(const char *code, char out[ENROL_QUESTION_SIZE]);

/* ERR_INVALID: not a challenge. */
enum err enrol_read_challenge(
    const struct server_reply *reply, struct enrol_challenge *out);

/* code: as it counts. The caller wipes out. */
enum err enrol_write(const struct enrol_challenge *challenge, const char *code,
    const struct card_signature *signature, char out[ENROL_BODY_SIZE],
    size_t *out_length);

/* What the server made of it, in words for the person. */
void enrol_read_verdict(
    const struct server_reply *reply, struct enrol_verdict *out);

#endif
