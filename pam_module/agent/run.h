/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The resident agent: puts state, server client, background thread and
 * listener together, tells systemd, and takes them apart on SIGTERM. Logs
 * what keeps it from running.
 */
#ifndef SEKIMORI_AGENT_RUN_H
#define SEKIMORI_AGENT_RUN_H

#include "shared/err.h"

/* socket_path is not looked at if systemd hands a socket over. */
enum err run_agent(const char *directory, const char *socket_path);

#endif
