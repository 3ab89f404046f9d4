/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/err.h"

const char *err_text(enum err err)
{
	switch (err) {
	case ERR_NONE:
		return "no error";
	case ERR_MEMORY:
		return "out of memory";
	case ERR_IO:
		return "input or output error";
	case ERR_INVALID:
		return "malformed";
	case ERR_TOO_LONG:
		return "too long";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_EXISTS:
		return "already exists";
	case ERR_NOT_ALLOWED:
		return "not allowed";
	case ERR_TIMEOUT:
		return "timed out";
	case ERR_UNREACHABLE:
		return "cannot be reached";
	case ERR_CORRUPT:
		return "stored data is damaged";
	case ERR_FULL:
		return "no space left";
	case ERR_BUSY:
		return "busy";
	case ERR_CRYPTO:
		return "cryptographic operation failed";
	case ERR_VERSION:
		return "written by a newer version";
	case ERR_CLOCK:
		return "the clock cannot be trusted";
	}
	return "unknown error";
}
