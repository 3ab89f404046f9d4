/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to the person at the controlling terminal, wherever standard input
 * comes from. What is secret is not shown, and the terminal is as it was
 * afterwards, also when the person presses Ctrl-C. Knows no words.
 */
#ifndef SEKIMORI_AGENT_ASK_TERMINAL_H
#define SEKIMORI_AGENT_ASK_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

#include "shared/err.h"

/* The controlling terminal, or -1. The caller closes it. */
int ask_terminal_open(void);

/*
 * Shows the prompt and reads a line, without its end. What is longer than
 * size is an empty answer: it is nothing that was asked for. ERR_IO: the
 * terminal has gone. Signals that end the program end it here too.
 */
enum err ask_terminal_line(int terminal, const char *prompt, bool secret,
    char *out, size_t size, size_t *out_length);

/* The same from any descriptor, without prompt. */
enum err ask_terminal_read(int fd, char *out, size_t size, size_t *out_length);

/* A line to be read. */
void ask_terminal_tell(int terminal, const char *text);

#endif
