/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files that must be there after a power cut: written beside their
 * place, synced, moved, and the folder synced as well. All are private to
 * their owner (0600).
 */
#ifndef SEKIMORI_DURABLE_H
#define SEKIMORI_DURABLE_H

#include <stddef.h>

#include "shared/err.h"

/* A new file: ERR_EXISTS if there is one. Nothing stays behind on failure. */
enum err durable_create(const char *path, const void *bytes, size_t length);
/* In place of whatever is there, at once. */
enum err durable_replace(const char *path, const void *bytes, size_t length);
/* Syncs a file that somebody else wrote. */
enum err durable_sync_file(const char *path);
/* Makes names created, moved or removed in path's folder last. */
enum err durable_sync_folder(const char *path);

#endif
