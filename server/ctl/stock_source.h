/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a reader of new tokens gets its bytes from, a piece at a time: a file,
 * or a fuzzer's memory.
 */
#ifndef SEKIMORI_CTL_STOCK_SOURCE_H
#define SEKIMORI_CTL_STOCK_SOURCE_H

#include <stddef.h>
#include <sys/types.h>

struct stock_source {
	/* As read(2): 0 at the end, -1 when it fails. */
	ssize_t (*read)(void *context, void *bytes, size_t room);
	void *context;
};

/* As much as there is room for, unless the end comes before; -1. */
ssize_t stock_source_fill(
    const struct stock_source *source, char *bytes, size_t room);

/* What is not text of ours, by its first bytes or a NUL; NULL: nothing is
 * wrong. at_start: they are the first ones. */
const char *stock_bytes_fault(const void *bytes, size_t length, int at_start);

#endif
