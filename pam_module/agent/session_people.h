/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is in which session: where several share an account, the account does
 * not say. The one whose login opened it, and guests: who became somebody in
 * it by su or sudo, or unlocked it. Outlives the agent in its state directory,
 * for this boot. What is forgotten here is known by its account alone.
 */
#ifndef SEKIMORI_AGENT_SESSION_PEOPLE_H
#define SEKIMORI_AGENT_SESSION_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pam_module/agent/seat.h"
#include "shared/text.h"

enum {
	/* As many as sessions are asked about; then the oldest is forgotten. */
	SESSION_PEOPLE_MAX = 1024,
	SESSION_PEOPLE_EACH_MAX = 8,
};

#define SESSION_PEOPLE_FILE "people"

struct session_person {
	char session[SEAT_SESSION_SIZE];
	char user[NAME_BYTES_MAX + 1];
	char person[NAME_BYTES_MAX + 1];
	/* 0: opened the session. Else a guest, until this process reports its
	 * end, or is gone; -1: unlocked it, until somebody else does. */
	pid_t guest;
};

struct session_people;
struct unlockings;

/* What the state directory holds of this boot. A file that cannot be read is
 * logged and is none. */
enum err session_people_new(const char *directory, struct session_people **out);
void session_people_free(struct session_people *people);

/* The first to open a session has it. A guest who is known there already is
 * none. Any thread, here and below. */
void session_people_add(
    struct session_people *people, const struct session_person *person);
void session_people_end_guest(struct session_people *people, pid_t guest);

/* Those of whom it is not known yet where they are. */
struct unlockings *session_people_unlockings(struct session_people *people);

/* How many of the session went to out. */
size_t session_people_of(struct session_people *people, const char *session,
    struct session_person out[SESSION_PEOPLE_EACH_MAX]);

/* Forgets whose session or process is gone, and writes down what changed. */
void session_people_tidy(struct session_people *people,
    bool (*exists)(void *context, const char *session), void *context);

#endif
