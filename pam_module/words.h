/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every text a person at the login sees, in Japanese and English, by number.
 * Owns the wording and the choice of language; must not know who speaks to
 * whom. The environment is read in one function and decides about language
 * only: in a set-uid program it belongs to the attacker.
 */
#ifndef SEKIMORI_WORDS_H
#define SEKIMORI_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/frame.h"

enum words_lang {
	WORDS_AUTO = 0,
	WORDS_ENGLISH,
	WORDS_JAPANESE
};

enum {
	WORDS_PROMPT_COLUMNS_MAX = 24, /* greeters cut what is longer */
	WORDS_MESSAGE_BYTES_MAX = 256,
};

/* Never the English word "password" in a prompt: greeters answer such a one
 * by themselves with the login password. */
enum words_prompt {
	WORDS_PROMPT_CODE = FRAME_PROMPT_CODE,
	WORDS_PROMPT_PIN = FRAME_PROMPT_PIN,
	WORDS_PROMPT_CARD = FRAME_PROMPT_CARD,
	WORDS_PROMPT_LAST_TRY = FRAME_PROMPT_LAST_TRY,
	WORDS_PROMPT_PIN_PAD = FRAME_PROMPT_PIN_PAD,
	WORDS_PROMPT_PERSON = FRAME_PROMPT_PERSON,
	WORDS_PROMPT_APPENDED, /* login password with the code behind it */
	WORDS_PROMPT_ENROLL,   /* the code of an invitation */
};

/* The language of this process's locale, NULL if it has none (sshd, set-uid
 * programs). Points into the environment. */
const char *words_locale(void);

/* WORDS_AUTO is Japanese only if locale is a Japanese one in UTF-8 and tty
 * is not a bare virtual console, which cannot draw kanji. Both may be NULL. */
enum words_lang words_choose(
    enum words_lang wanted, const char *locale, const char *tty);

/* Never NULL; an unknown number gives the prompt for a code. */
const char *words_prompt(enum words_lang lang, enum words_prompt prompt);

/*
 * The text of a message, without line break. number (NULL if none) is a count
 * or a unix time where the message has one; a time is shown in local time and
 * with its date if that is not the day of now. ERR_NOT_FOUND for an unknown
 * message.
 */
enum err words_message(enum words_lang lang, unsigned message,
    const uint64_t *number, int64_t now, char out[WORDS_MESSAGE_BYTES_MAX]);

/* When and where he was let in before, and what has failed since. */
struct words_last_login {
	int64_t at;
	const char *terminal;
	uint64_t failures;
};
/* ERR_NOT_FOUND: at a time that no calendar has. */
enum err words_last_login(enum words_lang lang,
    const struct words_last_login *last, char out[WORDS_MESSAGE_BYTES_MAX]);

/* Columns on a terminal: one for ASCII, two for everything else, which is
 * never too few for the texts here. No locale needed. */
size_t words_columns(const char *text);

#endif
