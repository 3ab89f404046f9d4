/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PSKC files (RFC 6030), by libxml2's SAX interface: nothing is kept but the
 * package being read, so that memory does not grow with the file. A document
 * type, entities, anything but UTF-8 and texts without end are refused. Runs
 * in the closed-off child only (stock_child.c).
 */
#ifndef SEKIMORI_CTL_STOCK_PSKC_H
#define SEKIMORI_CTL_STOCK_PSKC_H

#include "server/ctl/stock.h"
#include "server/ctl/stock_source.h"

/* Loads what will be needed, while files can still be opened. */
enum err stock_pskc_prepare(void);

/* key: what the key file held, or empty. ERR_INVALID: a problem was told, and
 * whatever rows went before mean nothing. Else what the sink or the source
 * failed with. */
enum err stock_pskc_read(const struct stock_source *source,
    const struct secret *key, const struct stock_sink *sink,
    struct stock_report *report);

#endif
