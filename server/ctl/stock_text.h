/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A vendor's CSV file as UTF-8, a piece at a time, so that memory does not
 * grow with it. Encodings are those of staff lists (staff_text.h); which one
 * it is, if nobody said, is seen by the first bytes beyond ASCII. Must not
 * know what a cell is.
 */
#ifndef SEKIMORI_CTL_STOCK_TEXT_H
#define SEKIMORI_CTL_STOCK_TEXT_H

#include "server/ctl/staff_text.h"
#include "server/ctl/stock_source.h"

struct stock_text;

/* Loads both converters, while files can still be opened. */
enum err stock_text_new(enum staff_encoding encoding, struct stock_text **out);
void stock_text_free(struct stock_text *text);

/* Calls piece until the end or its first error, which is returned. ERR_INVALID
 * with *fault set: what came after the last piece makes no sense. */
enum err stock_text_each(struct stock_text *text,
    const struct stock_source *source,
    enum err (*piece)(void *context, const char *utf8, size_t length),
    void *context, const char **fault);

#endif
