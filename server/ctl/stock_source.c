/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_source.h"

#include <string.h>

/* What people take by mistake. */
static const struct mistake {
	const char *begin;
	size_t length;
	const char *text;
} MISTAKES[] = {
    {"\xff\xfe", 2, "This is UTF-16. Save it as UTF-8."},
    {"\xfe\xff", 2, "This is UTF-16. Save it as UTF-8."},
    {"PK\x03\x04", 4,
	"This is a ZIP archive or a spreadsheet. Take the XML or CSV file out "
	"of it, or save it as CSV."},
    {"\xd0\xcf\x11\xe0", 4,
	"This is a spreadsheet's own format. Save it as CSV first."},
    {"\x1f\x8b", 2, "This is compressed. Unpack it first (gunzip)."},
    {"-----BEGIN PGP", 14, "This is encrypted with PGP. Decrypt it first."},
};

const char *stock_bytes_fault(const void *bytes, size_t length, int at_start)
{
	if (at_start && length == 0)
		return "The file is empty.";
	for (size_t i = 0;
	     at_start && i < sizeof(MISTAKES) / sizeof(MISTAKES[0]); i++)
		if (length >= MISTAKES[i].length &&
		    memcmp(bytes, MISTAKES[i].begin, MISTAKES[i].length) == 0)
			return MISTAKES[i].text;
	return length > 0 && memchr(bytes, '\0', length)
		   ? "There is a NUL byte in it: this is no UTF-8 text."
		   : NULL;
}

ssize_t stock_source_fill(
    const struct stock_source *source, char *bytes, size_t room)
{
	size_t length = 0;
	ssize_t got = 1;

	while (length < room && got > 0) {
		got = source->read(
		    source->context, bytes + length, room - length);
		if (got < 0)
			return -1;
		length += (size_t)got;
	}
	return (ssize_t)length;
}
