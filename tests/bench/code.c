/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Codes for the load generators. Deliberately apart from the
 * product's own code, which is what is being measured.
 */
#include "tests/bench/code.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void code_make(long user, int64_t counter, char out[CODE_SIZE])
{
	char seed[21];
	unsigned char moving[8], mac[EVP_MAX_MD_SIZE];
	unsigned int mac_length = 0;

	snprintf(seed, sizeof(seed), "%020ld", user);
	for (int i = 7; i >= 0; i--, counter >>= 8)
		moving[i] = (unsigned char)counter;
	HMAC(EVP_sha1(), seed, 20, moving, sizeof(moving), mac, &mac_length);

	const unsigned char *at = mac + (mac[19] & 0x0f);
	uint32_t number = (uint32_t)(at[0] & 0x7f) << 24 |
			  (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];

	snprintf(out, CODE_SIZE, "%06u", number % 1000000u);
}

int64_t code_step_now(void)
{
	return (int64_t)time(NULL) / CODE_PERIOD_S;
}

void code_make_wrong(long user, char out[CODE_SIZE])
{
	int64_t now = code_step_now();
	char good[5][CODE_SIZE];
	unsigned int number = 0;
	bool taken;

	for (int i = 0; i < 5; i++)
		code_make(user, now - 2 + i, good[i]);
	number = (unsigned int)strtoul(good[2], NULL, 10);
	do {
		number = (number + 1) % 1000000u;
		snprintf(out, CODE_SIZE, "%06u", number);
		taken = false;
		for (int i = 0; i < 5; i++)
			taken |= strcmp(out, good[i]) == 0;
	} while (taken);
}
