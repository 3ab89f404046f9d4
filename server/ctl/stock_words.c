/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/stock_words.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

struct word {
	const char *text;
	int means;
};

static const struct word HEADINGS[] = {
    {"serial", STOCK_COLUMN_SERIAL},
    {"serial number", STOCK_COLUMN_SERIAL},
    {"serial no", STOCK_COLUMN_SERIAL},
    {"serial no.", STOCK_COLUMN_SERIAL},
    {"serialno", STOCK_COLUMN_SERIAL},
    {"serialnumber", STOCK_COLUMN_SERIAL},
    {"token serial", STOCK_COLUMN_SERIAL},
    {"s/n", STOCK_COLUMN_SERIAL},
    {"sn", STOCK_COLUMN_SERIAL},
    {"製造番号", STOCK_COLUMN_SERIAL},
    {"シリアル番号", STOCK_COLUMN_SERIAL},
    {"シリアル", STOCK_COLUMN_SERIAL},
    {"secret", STOCK_COLUMN_SECRET},
    {"secret key", STOCK_COLUMN_SECRET},
    {"seed", STOCK_COLUMN_SECRET},
    {"key", STOCK_COLUMN_SECRET},
    {"シード", STOCK_COLUMN_SECRET},
    {"シークレット", STOCK_COLUMN_SECRET},
    {"秘密鍵", STOCK_COLUMN_SECRET},
    {"hex", STOCK_COLUMN_HEX},
    {"secret_hex", STOCK_COLUMN_HEX},
    {"seed (hex)", STOCK_COLUMN_HEX},
    {"seed_hex", STOCK_COLUMN_HEX},
    {"base32", STOCK_COLUMN_BASE32},
    {"secret_base32", STOCK_COLUMN_BASE32},
    {"seed (base32)", STOCK_COLUMN_BASE32},
    {"seed_base32", STOCK_COLUMN_BASE32},
    {"type", STOCK_COLUMN_TYPE},
    {"otp type", STOCK_COLUMN_TYPE},
    {"種類", STOCK_COLUMN_TYPE},
    {"種別", STOCK_COLUMN_TYPE},
    {"方式", STOCK_COLUMN_TYPE},
    {"algorithm", STOCK_COLUMN_ALGORITHM},
    {"hash", STOCK_COLUMN_ALGORITHM},
    {"アルゴリズム", STOCK_COLUMN_ALGORITHM},
    {"digits", STOCK_COLUMN_DIGITS},
    {"otp length", STOCK_COLUMN_DIGITS},
    {"otplen", STOCK_COLUMN_DIGITS},
    {"桁数", STOCK_COLUMN_DIGITS},
    {"period", STOCK_COLUMN_PERIOD},
    {"interval", STOCK_COLUMN_PERIOD},
    {"time interval", STOCK_COLUMN_PERIOD},
    {"time step", STOCK_COLUMN_PERIOD},
    {"timestep", STOCK_COLUMN_PERIOD},
    {"秒数", STOCK_COLUMN_PERIOD},
    {"更新間隔", STOCK_COLUMN_PERIOD},
    {"counter", STOCK_COLUMN_COUNTER},
    {"カウンタ", STOCK_COLUMN_COUNTER},
    {"カウンター", STOCK_COLUMN_COUNTER},
};

static const struct word TYPES[] = {
    {"totp", STOCK_TOTP},
    {"oath-totp", STOCK_TOTP},
    {"time", STOCK_TOTP},
    {"時刻同期", STOCK_TOTP},
    {"hotp", STOCK_HOTP},
    {"oath-hotp", STOCK_HOTP},
    {"event", STOCK_HOTP},
    {"カウンタ同期", STOCK_HOTP},
};

static const struct word ALGORITHMS[] = {
    {"sha1", STOCK_SHA1},
    {"sha-1", STOCK_SHA1},
    {"hmac-sha1", STOCK_SHA1},
    {"hmacsha1", STOCK_SHA1},
    {"sha256", STOCK_SHA256},
    {"sha-256", STOCK_SHA256},
    {"hmac-sha256", STOCK_SHA256},
    {"hmacsha256", STOCK_SHA256},
    {"sha512", STOCK_SHA512},
    {"sha-512", STOCK_SHA512},
    {"hmac-sha512", STOCK_SHA512},
    {"hmacsha512", STOCK_SHA512},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define COLUMN(name_, index)                                                   \
	{                                                                      \
		.section = "columns", .name = (name_), .kind = CONFIG_LIST,    \
		.offset = offsetof(struct stock_headings, lists) +             \
			  (index) * sizeof(struct config_list)                 \
	}
static const struct config_key KEYS[] = {
    COLUMN("serial", STOCK_COLUMN_SERIAL),
    COLUMN("secret", STOCK_COLUMN_SECRET),
    COLUMN("secret_hex", STOCK_COLUMN_HEX),
    COLUMN("secret_base32", STOCK_COLUMN_BASE32),
    COLUMN("type", STOCK_COLUMN_TYPE),
    COLUMN("algorithm", STOCK_COLUMN_ALGORITHM),
    COLUMN("digits", STOCK_COLUMN_DIGITS),
    COLUMN("period", STOCK_COLUMN_PERIOD),
    COLUMN("counter", STOCK_COLUMN_COUNTER),
};

enum err stock_headings_read(const char *path, struct stock_headings *out,
    struct config_problem *problem)
{
	return config_read_file(path, KEYS, COUNT(KEYS), out, problem);
}

static bool find_word(
    const struct word *words, size_t count, const char *text, int *out)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(words[i].text, text) == 0) {
			*out = words[i].means;
			return true;
		}
	return false;
}

enum stock_column stock_column_find(
    const char *heading, const struct stock_headings *extra)
{
	int means = STOCK_COLUMN_NONE;

	for (int i = 0; extra && i < STOCK_COLUMN_COUNT; i++)
		for (size_t k = 0; k < extra->lists[i].count; k++)
			if (strcasecmp(extra->lists[i].items[k], heading) == 0)
				return (enum stock_column)i;
	find_word(HEADINGS, COUNT(HEADINGS), heading, &means);
	return (enum stock_column)means;
}

enum err stock_type_find(const char *word, enum stock_type *out)
{
	int means = 0;

	if (!find_word(TYPES, COUNT(TYPES), word, &means))
		return ERR_INVALID;
	*out = (enum stock_type)means;
	return ERR_NONE;
}

enum err stock_algorithm_find(const char *word, enum stock_algorithm *out)
{
	int means = 0;

	if (!find_word(ALGORITHMS, COUNT(ALGORITHMS), word, &means))
		return ERR_INVALID;
	*out = (enum stock_algorithm)means;
	return ERR_NONE;
}
