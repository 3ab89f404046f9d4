/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes and BER-TLVs as cards write them. Short tags and lengths below 64 KiB
 * are enough here.
 */
#include "tests/card/vcard.h"

#include <string.h>

void bytes_put(struct bytes *out, const void *bytes, size_t length)
{
	if (out->length + length > sizeof(out->at))
		return;
	memcpy(out->at + out->length, bytes, length);
	out->length += length;
}

void bytes_put_tlv(
    struct bytes *out, unsigned tag, const void *value, size_t length)
{
	unsigned char head[5];
	size_t n = 0;

	if (tag > 0xff)
		head[n++] = (unsigned char)(tag >> 8);
	head[n++] = (unsigned char)tag;
	if (length > 255) {
		head[n++] = 0x82;
		head[n++] = (unsigned char)(length >> 8);
	} else if (length > 127) {
		head[n++] = 0x81;
	}
	head[n++] = (unsigned char)length;
	bytes_put(out, head, n);
	bytes_put(out, value, length);
}

const unsigned char *bytes_find(const unsigned char *bytes, size_t length,
    unsigned char tag, size_t *out_length)
{
	while (length >= 2) {
		size_t value = bytes[1], head = 2;

		if (value == 0x81 && length >= 3) {
			value = bytes[2];
			head = 3;
		} else if (value == 0x82 && length >= 4) {
			value = (size_t)bytes[2] << 8 | bytes[3];
			head = 4;
		} else if (value > 127) {
			return NULL;
		}
		if (head + value > length)
			return NULL;
		if (bytes[0] == tag) {
			*out_length = value;
			return bytes + head;
		}
		bytes += head + value;
		length -= head + value;
	}
	return NULL;
}
