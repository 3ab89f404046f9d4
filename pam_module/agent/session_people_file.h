/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which session, as JSON in the state directory. What an earlier
 * boot left is none: logind counts its sessions anew.
 */
#ifndef SEKIMORI_AGENT_SESSION_PEOPLE_FILE_H
#define SEKIMORI_AGENT_SESSION_PEOPLE_FILE_H

#include "pam_module/agent/session_people.h"

enum err session_people_write(
    const char *directory, const struct session_person *people, size_t count);

/* ERR_CORRUPT: not a file of ours; nothing is read. No file: none. */
enum err session_people_read(const char *directory,
    struct session_person out[SESSION_PEOPLE_MAX], size_t *out_count);

#endif
