/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One sekimori-card: started with two pipes, a clean environment and nothing
 * else open, in a process group of its own; ended by SIGKILL and reaped. Every
 * read and write has a deadline. Knows no cards.
 */
#ifndef SEKIMORI_AGENT_CARD_PROCESS_H
#define SEKIMORI_AGENT_CARD_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "pam_module/agent/card_child.h"

struct card_process {
	pid_t pid;
	int to, from; /* pipes to and from it, non-blocking */
};

enum err card_process_start(
    const struct card_child *child, struct card_process *out);

/* Deadlines are of steady.h. ERR_IO: it has ended. */
enum err card_process_write(const struct card_process *process,
    const void *bytes, size_t length, int64_t deadline_ms);
enum err card_process_read(const struct card_process *process, void *out,
    size_t length, int64_t deadline_ms);

/* Waits until it has closed its pipe, which it does at its end. */
void card_process_await(
    const struct card_process *process, int64_t deadline_ms);

/* Kills its group, reaps it, closes the pipes. */
void card_process_end(struct card_process *process);

#endif
