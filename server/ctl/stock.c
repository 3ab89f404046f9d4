/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock.h"

#include <string.h>

#include "shared/text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const TYPES[] = {"totp", "hotp"};
static const char *const ALGORITHMS[] = {"sha1", "sha256", "sha512"};

const char *stock_type_text(enum stock_type type)
{
	return (size_t)type < COUNT(TYPES) ? TYPES[type] : NULL;
}

const char *stock_algorithm_text(enum stock_algorithm algorithm)
{
	return (size_t)algorithm < COUNT(ALGORITHMS) ? ALGORITHMS[algorithm]
						     : NULL;
}

static bool is_period(const struct stock_row *row)
{
	if (row->type == STOCK_HOTP)
		return row->period_s == 0;
	return row->period_s == 30 || row->period_s == 60;
}

const char *stock_row_fault(const struct stock_row *row, const char **place)
{
	size_t length = strnlen(row->serial, sizeof(row->serial));

	*place = "serial";
	if (length == 0)
		return "The serial number is missing.";
	if (length == sizeof(row->serial))
		return "The serial number is longer than 64 bytes.";
	if (!text_is_identifier(row->serial, length))
		return "The serial number is not made of ASCII letters, digits "
		       "and \"._@-\".";
	*place = "type";
	if (!stock_type_text(row->type))
		return "This is no type of token that can be imported.";
	*place = "algorithm";
	if (!stock_algorithm_text(row->algorithm))
		return "This is no algorithm that can be imported.";
	*place = "digits";
	if (row->digits != 6 && row->digits != 8)
		return "Codes must have 6 or 8 digits.";
	*place = "period";
	if (!is_period(row))
		return "A code must last 30 or 60 seconds.";
	*place = "counter";
	if (row->counter < 0 || row->counter > STOCK_COUNTER_MAX)
		return "This counter cannot be.";
	*place = "secret";
	if (row->seed.length < STOCK_SEED_BYTES_MIN)
		return "The secret is missing or has less than 112 bits.";
	if (row->seed.length > STOCK_SEED_BYTES_MAX)
		return "The secret is longer than 64 bytes.";
	return NULL;
}
