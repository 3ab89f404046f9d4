/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists in the state directory that hold for one boot: {"boot": ..., LIST:
 * [...]}. Gone when the list is empty; what another boot wrote counts as empty.
 * Knows nothing of what is listed.
 */
#ifndef SEKIMORI_AGENT_BOOT_FILE_H
#define SEKIMORI_AGENT_BOOT_FILE_H

#include <stddef.h>

#include "shared/err.h"
#include "shared/json.h"

struct boot_file {
	const char *name; /* in the state directory, 0600 */
	const char *list; /* the list's member */
	size_t count_max;
	/* The item as an object; NULL without memory. */
	json_t *(*print)(const void *items, size_t index);
	enum err (*take)(json_t *object, void *items, size_t index);
};

enum err boot_file_write(const struct boot_file *file, const char *directory,
    const void *items, size_t count);

/* ERR_CORRUPT, with none counted: not what boot_file_write() writes. items has
 * room for count_max. */
enum err boot_file_read(const struct boot_file *file, const char *directory,
    void *items, size_t *out_count);

#endif
