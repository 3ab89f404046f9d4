/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses with a deadline. getaddrinfo() has none and a name
 * server that is silent holds it for half a minute, so it runs in a thread of
 * its own that is left behind when the time is up.
 */
#ifndef SEKIMORI_AGENT_RESOLVE_H
#define SEKIMORI_AGENT_RESOLVE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "shared/err.h"

enum {
	RESOLVE_ADDRESSES_MAX = 4,
	RESOLVE_HOST_SIZE = 256,
	RESOLVE_PORT_SIZE = 6
};

struct resolve_addresses {
	size_t count;
	struct {
		struct sockaddr_storage address;
		socklen_t length;
	} items[RESOLVE_ADDRESSES_MAX];
};

/* ERR_NOT_FOUND, ERR_TIMEOUT, ERR_MEMORY. An address needs no thread. */
enum err resolve_name(const char *host, const char *port, int64_t deadline_ms,
    struct resolve_addresses *out);

#endif
