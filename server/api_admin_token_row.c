/* SPDX-License-Identifier: Apache-2.0 */
#include "server/api_admin_token_row.h"

#include <string.h>

#include "shared/encode.h"

const char *const TOKEN_ROW_TYPES[] = {"totp", "hotp", NULL};
const char *const TOKEN_ROW_ALGORITHMS[] = {"sha1", "sha256", "sha512", NULL};

static bool is_sound(const struct token_row *row)
{
	bool period = row->type == OTP_TOTP
			  ? row->period == 30 || row->period == 60
			  : row->period == 0;

	return period && row->digits != 7;
}

bool token_row_read(const struct token_row *row, struct otp_token *out)
{
	size_t length = 0;

	if (!is_sound(row) ||
	    decode_hex(row->secret, strlen(row->secret), out->seed.bytes,
		SECRET_BYTES_MAX, &length) != ERR_NONE ||
	    length < OTP_SEED_BYTES_MIN) {
		secret_wipe(&out->seed);
		return false;
	}
	out->seed.length = length;
	out->type = (enum otp_type)row->type;
	out->algorithm = (enum otp_algorithm)row->algorithm;
	out->digits = (int)row->digits;
	out->period_s = row->period;
	return true;
}
