/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sessions that people have open on this machine, from systemd-logind's
 * own files, without the bus: also those that nobody reported. And a
 * descriptor that says when there may be others. Changes nothing.
 */
#ifndef SEKIMORI_AGENT_LOGIND_LIST_H
#define SEKIMORI_AGENT_LOGIND_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "pam_module/agent/seat.h"
#include "shared/text.h"

enum {
	LOGIND_SESSIONS_MAX = 1024,
};

struct logind_open {
	char id[SEAT_SESSION_SIZE];
	char user[NAME_BYTES_MAX + 1];
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1]; /* may be empty */
	bool is_graphical; /* has something that listens for a lock, if
			      anything has */
};

/*
 * But for root's, a greeter's, cron's and the like. *out is the caller's to
 * free. ERR_NOT_FOUND: no logind runs here. Of more than LOGIND_SESSIONS_MAX
 * the rest is left out and *out_more is true.
 */
enum err logind_list(
    struct logind_open **out, size_t *out_count, bool *out_more);

/* Whose session it is. ERR_NOT_FOUND. */
enum err logind_user_of(const char *id, char out[NAME_BYTES_MAX + 1]);

struct logind_monitor;

enum err logind_monitor_new(struct logind_monitor **out);
/* -1: no logind runs here, so far. */
int logind_monitor_fd(struct logind_monitor *monitor);
/* What was readable has been seen. */
void logind_monitor_flush(struct logind_monitor *monitor);
/* NULL is fine. */
void logind_monitor_free(struct logind_monitor *monitor);

#endif
