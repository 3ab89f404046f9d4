/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `sekimori-agent status` (what this terminal is and whether it is in touch)
 * and `doctor` (what is wrong with it and how to mend it), printed for
 * people. They read and ask; they change nothing.
 */
#ifndef SEKIMORI_AGENT_STATUS_H
#define SEKIMORI_AGENT_STATUS_H

#include <stdbool.h>

/* Both: true if all is well. */
bool status_print(const char *directory, const char *socket_path);
bool doctor_print(const char *directory, const char *socket_path);

#endif
