/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimori-agent enroll-card`: the person's end of an enrolment. Runs as
 * whoever sits at the terminal, holds no key, and knows the running agent by
 * its socket only: what the agent asks is asked on the terminal, in the words
 * of the login.
 */
#ifndef SEKIMORI_AGENT_ENROL_COMMAND_H
#define SEKIMORI_AGENT_ENROL_COMMAND_H

#include <stdbool.h>

#include "pam_module/words.h"

/* The code is the first line of standard input or asked for. True: the card is
 * registered. Says what happened either way. */
bool enrol_command(const char *socket, enum words_lang lang);

#endif
