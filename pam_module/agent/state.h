/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory: what a terminal is and keeps. Files appear whole or
 * not at all, also after a power cut, and belong to the directory's owner,
 * whoever runs join. Key and certificate are two files (the contract says so)
 * but change as one: a swap cut short is finished at the next start. Knows no
 * network.
 *
 *   terminal.key 0600  terminal.crt  ca.crt  agent.conf  audit_key  head
 */
#ifndef SEKIMORI_AGENT_STATE_H
#define SEKIMORI_AGENT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "shared/config.h"
#include "shared/err.h"

#define STATE_DIRECTORY_DEFAULT "/var/lib/sekimori-agent"
#define STATE_KEY "terminal.key"
#define STATE_CERTIFICATE "terminal.crt"
#define STATE_CA "ca.crt"
#define STATE_CONFIG "agent.conf"
#define STATE_AUDIT_KEY "audit_key"
#define STATE_HEAD "head"

enum {
	STATE_FILE_BYTES_MAX = 1048576,
	STATE_PATH_SIZE = 4096
};

struct state_config {
	struct config_list servers;
	struct config_list user_services;
	struct config_list card_modules; /* none: p11-kit's configuration */
	int frozen_text_sessions;        /* enum stop_text_sessions */
};

/* Defaults, then DIRECTORY/agent.conf over them. */
enum err state_read_config(const char *directory, struct state_config *out,
    struct config_problem *problem);

/* A regular file's bytes, NUL-terminated beyond length. ERR_NOT_FOUND if it
 * is not there. The caller wipes (if need be) and frees. */
enum err state_read(
    const char *directory, const char *name, char **out, size_t *out_length);

/* Written beside, synced, renamed, directory synced. */
enum err state_write(const char *directory, const char *name, mode_t mode,
    const void *bytes, size_t length);

/* Gone afterwards; fine if it never was there. */
enum err state_remove(const char *directory, const char *name);

bool state_has(const char *directory, const char *name);

struct state_identity {
	char *key_pem; /* secret */
	char *certificate_pem;
	char *ca_pem;
};

/*
 * Key, certificate and CA. Mends a swap cut short first. ERR_NOT_FOUND: never
 * joined. ERR_CORRUPT: no pair that belongs together.
 */
enum err state_read_identity(const char *directory, struct state_identity *out);

/* Replaces key and certificate; at every moment the directory holds a pair
 * that state_read_identity() finds. */
enum err state_swap_identity(
    const char *directory, const char *key_pem, const char *certificate_pem);

/* Wipes and frees. */
void state_identity_free(struct state_identity *identity);

#endif
