/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who wants in, through what and from where, as PAM says it: copied, because
 * PAM's own strings die when another module sets the item, and checked,
 * because they go into frames.
 */
#ifndef SEKIMORI_CALLER_H
#define SEKIMORI_CALLER_H

#include <security/pam_modules.h>
#include <stdbool.h>

#include "shared/frame.h"
#include "shared/text.h"

/* Empty where PAM has nothing, or nothing that is a name. */
struct caller {
	char user[NAME_BYTES_MAX + 1];
	char service[NAME_BYTES_MAX + 1];
	char tty[NAME_BYTES_MAX + 1];
	char rhost[NAME_BYTES_MAX + 1];
};

/* Reads the four items; with may_ask PAM asks for a missing user name.
 * ERR_MEMORY, or ERR_IO if nobody answered that question. */
enum err caller_read(pam_handle_t *pamh, bool may_ask, struct caller *out);

/* Whether PAM still names the same user and service. */
bool caller_is_unchanged(pam_handle_t *pamh, const struct caller *caller);

/* Puts user, service and, where known, tty and rhost. */
void caller_put(const struct caller *caller, struct frame_writer *writer);

#endif
