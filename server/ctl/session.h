/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where sekimorictl keeps the token of a session between two commands: one
 * file a server, its owner's alone, in XDG_RUNTIME_DIR, or else below
 * ~/.local/state. Whatever others could have put or read there is not used.
 * Must not know what a token is good for.
 */
#ifndef SEKIMORI_CTL_SESSION_H
#define SEKIMORI_CTL_SESSION_H

#include <stdbool.h>

#include "shared/err.h"
#include "shared/secret.h"

/* place: the server's address or socket. ERR_NOT_FOUND: not signed in there;
 * ERR_NOT_ALLOWED: the file is not ours alone. */
enum err session_read(const char *place, struct secret *out);
enum err session_keep(const char *place, const char *token);
/* No error if there is none. */
enum err session_forget(const char *place);

#endif
