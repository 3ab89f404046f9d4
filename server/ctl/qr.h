/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A QR code drawn in a terminal, black on white whatever the colours of the
 * terminal, two modules a character, with the quiet zone that readers need
 * (ISO/IEC 18004: four modules). libqrencode is included in qr.c only.
 */
#ifndef SEKIMORI_CTL_QR_H
#define SEKIMORI_CTL_QR_H

#include <stddef.h>

#include "shared/err.h"

enum {
	QR_QUIET_MODULES = 4,
	QR_TEXT_BYTES_MAX = 1024
};

/* The drawing as text; the caller wipes and frees it. *out_width is the
 * number of modules on a side, quiet zone included. ERR_TOO_LONG. */
enum err qr_draw(const char *text, char **out, int *out_width);

#endif
