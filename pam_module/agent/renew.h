/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the agent does on its own, in one background thread: learns new CA
 * certificates, renews its own before it ends, and watches that the server's
 * audit chain still holds the head that was seen last. Logins never wait for
 * it and go on whatever it finds.
 */
#ifndef SEKIMORI_AGENT_RENEW_H
#define SEKIMORI_AGENT_RENEW_H

#include "pam_module/agent/server_client.h"

struct renew;

/* Starts the thread; directory and client must outlive it. */
enum err renew_start(
    const char *directory, struct server_client *client, struct renew **out);

/* Ends it. ERR_TIMEOUT: it is in a call that lasts, and everything it uses
 * must stay. NULL is fine. */
enum err renew_stop(struct renew *renew);

#endif
