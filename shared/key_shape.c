/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/key_shape.h"

#include <string.h>

enum {
	INTEGER = 0x02,
	SEQUENCE = 0x30,
	VERSION = 0xa0, /* [0], of a certificate */
	LONG_LENGTH = 0x80,
	LENGTH_BYTES_MAX = 3,
	KEY_BYTES_MAX = 600, /* RSA of 4096 bits takes 550 */
};

/* What is left to read. */
struct der {
	const unsigned char *at;
	size_t left;
};

/* Of one element: definite, as DER has it. Leaves `in` behind its header. */
static bool take_header(struct der *in, unsigned char tag, size_t *out_length)
{
	size_t length, more;

	if (in->left < 2 || in->at[0] != tag)
		return false;
	length = in->at[1];
	in->at += 2;
	in->left -= 2;
	if (length >= LONG_LENGTH) {
		more = length - LONG_LENGTH;
		if (more == 0 || more > LENGTH_BYTES_MAX || more > in->left)
			return false;
		length = 0;
		for (; more > 0; more--, in->left--)
			length = length << 8 | *in->at++;
	}
	*out_length = length;
	return length <= in->left;
}

static bool take(struct der *in, unsigned char tag, struct der *out)
{
	size_t length = 0;

	if (!take_header(in, tag, &length))
		return false;
	*out = (struct der){in->at, length};
	in->at += length;
	in->left -= length;
	return true;
}

/* Is this SubjectPublicKeyInfo's algorithm one of ours, to the byte, and its
 * key of a size that is quick to use? */
static bool is_ordinary(struct der key)
{
	static const struct {
		size_t length;
		unsigned char bytes[21];
	} ordinary[] = {
	    /* rsaEncryption, NULL */
	    {15, {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		     0x01, 0x01, 0x01, 0x05, 0x00}},
	    /* id-ecPublicKey, prime256v1 */
	    {21, {0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
		     0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
		     0x07}},
	    /* id-ecPublicKey, secp384r1 */
	    {18, {0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02,
		     0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22}},
	};

	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++)
		if (key.left >= ordinary[i].length &&
		    key.left <= KEY_BYTES_MAX &&
		    memcmp(key.at, ordinary[i].bytes, ordinary[i].length) == 0)
			return true;
	return false;
}

/* What is signed, of either. */
static bool open_signed(
    const unsigned char *der, size_t length, struct der *out)
{
	struct der all = {der, length}, whole;

	return take(&all, SEQUENCE, &whole) && all.left == 0 &&
	       take(&whole, SEQUENCE, out);
}

/* RFC 5280, 4.1. */
bool key_shape_of_certificate(const unsigned char *der, size_t length)
{
	struct der in, part;

	if (!open_signed(der, length, &in))
		return false;
	if (in.left > 0 && in.at[0] == VERSION && !take(&in, VERSION, &part))
		return false;
	return take(&in, INTEGER, &part) &&  /* serial number */
	       take(&in, SEQUENCE, &part) && /* algorithm of the signature */
	       take(&in, SEQUENCE, &part) && /* issuer */
	       take(&in, SEQUENCE, &part) && /* validity */
	       take(&in, SEQUENCE, &part) && /* subject */
	       take(&in, SEQUENCE, &part) && is_ordinary(part);
}

/* RFC 2986, 4.1. */
bool key_shape_of_request(const unsigned char *der, size_t length)
{
	struct der in, part;

	return open_signed(der, length, &in) &&
	       take(&in, INTEGER, &part) &&  /* version */
	       take(&in, SEQUENCE, &part) && /* subject */
	       take(&in, SEQUENCE, &part) && is_ordinary(part);
}
