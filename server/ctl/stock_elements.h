/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which element of a PSKC file means what, by where it stands. A table; must
 * not know how XML is read.
 */
#ifndef SEKIMORI_CTL_STOCK_ELEMENTS_H
#define SEKIMORI_CTL_STOCK_ELEMENTS_H

#include "server/ctl/stock_container.h"

#define STOCK_PSKC_SPACE "urn:ietf:params:xml:ns:keyprov:pskc"

struct stock_element {
	enum stock_place parent;
	const char *space, *name;
	enum stock_place place;
	enum stock_datum_name datum;
};

/* NULL: it means nothing there. space may be NULL. */
const struct stock_element *stock_element_find(
    enum stock_place parent, const char *space, const char *name);

#endif
