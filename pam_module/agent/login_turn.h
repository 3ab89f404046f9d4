/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The person at the other end, as a login sees him: questions that he answers,
 * how many of them, and until when he is owed the next word. Knows neither
 * frames on a socket nor what the questions are about.
 */
#ifndef SEKIMORI_AGENT_LOGIN_TURN_H
#define SEKIMORI_AGENT_LOGIN_TURN_H

#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"
#include "shared/frame.h"

enum {
	/* The module gives up 4.5 s after what was typed last. */
	LOGIN_ANSWER_WAIT_MS = 4300,
	LOGIN_ASKS_MAX = 10, /* the module takes no more */
	LOGIN_TYPED_MAX = FRAME_BODY_BYTES_MAX,
};

struct login_question {
	enum frame_prompt prompt;
	enum frame_message message; /* shown before the prompt; 0: none */
	uint64_t number;            /* of the message; 0: none */
};

struct login_person {
	/* Asks and waits. typed holds what was typed. Any error: the
	 * conversation is over and nobody is there to tell a verdict. */
	enum err (*ask)(void *context, const struct login_question *question,
	    unsigned char *typed, size_t typed_size, size_t *out_length);
	void *context;
};

struct login_turn {
	const struct login_person *person;
	unsigned asks;
	int64_t answer_by_ms; /* of steady_ms() */
};

void login_turn_begin(
    struct login_turn *turn, const struct login_person *person);

/* What was typed is the caller's to wipe. ERR_TOO_LONG: beyond
 * LOGIN_ASKS_MAX. Any error ends the login. */
enum err login_turn_ask(struct login_turn *turn,
    const struct login_question *question, unsigned char typed[LOGIN_TYPED_MAX],
    size_t *out_length);

/* Until when a step may take that has wait_ms at most and must leave spare_ms
 * for what follows it. */
int64_t login_turn_deadline(
    const struct login_turn *turn, int wait_ms, int spare_ms);

#endif
