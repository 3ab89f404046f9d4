/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking the person at the keyboard: secrets without echo, yes or no, a key
 * press before the screen is cleared. When standard input is no terminal a
 * secret is its first line, and nothing is ever taken for a yes.
 */
#ifndef SEKIMORI_CTL_PROMPT_H
#define SEKIMORI_CTL_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/err.h"
#include "shared/secret.h"

/* ERR_NOT_FOUND: end of input; ERR_TOO_LONG. */
enum err prompt_secret(const char *label, struct secret *out);

/* The same with echo, as text; ERR_TOO_LONG, also without room for a NUL. */
enum err prompt_line(const char *label, char *out, size_t size);

/* Is there a terminal to ask on? */
bool prompt_can_ask(void);
/* Asks sentence (with {} for subject) and reads y or n. */
bool prompt_confirm(const char *sentence, const char *subject);

/* Shows text on the alternate screen until Return is pressed, so that it
 * stays neither on the screen nor in what can be scrolled back to. When
 * there is no terminal it is just printed. */
void prompt_show_once(const char *text);

#endif
