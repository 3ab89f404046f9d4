/* SPDX-License-Identifier: Apache-2.0 */
#include "server/store/decoy.h"

#include <stdio.h>
#include <string.h>

#include "server/store/person.h"
#include "server/store/token.h"

enum {
	DECOY_SEED_BYTES = 20
};

/* A control character, which no name that comes from outside may hold. */
static void name_decoy(int number, char *out, size_t size)
{
	snprintf(out, size,
	    "\x01"
	    "decoy-%04d",
	    number);
}

static enum err add_token(
    struct store *store, const struct person *person, int number)
{
	struct token token = {
	    .person_id = person->id,
	    .state = TOKEN_ACTIVE,
	    .created_at = person->created_at,
	    .confirmed_at = person->created_at,
	    .otp = {.type = OTP_TOTP,
		.algorithm = OTP_SHA1,
		.digits = 6,
		.period_s = 30},
	};
	enum err err = secret_random(&token.otp.seed, DECOY_SEED_BYTES);

	name_decoy(number, token.serial, sizeof(token.serial));
	if (err == ERR_NONE)
		err = token_add(store, &token, NULL);
	token_wipe(&token);
	return err;
}

enum err decoy_make_all(struct store *store, int64_t now_s)
{
	enum err err = ERR_NONE;

	for (int i = 1; i <= STORE_DECOYS && err == ERR_NONE; i++) {
		struct person person = {
		    .kind = "regular",
		    .decoy = true,
		    .enrolled_at = now_s,
		    .created_at = now_s,
		};

		name_decoy(i, person.user, sizeof(person.user));
		memcpy(person.login, person.user, sizeof(person.login));
		err = person_add(store, &person);
		if (err == ERR_NONE && person.id != i)
			err = ERR_CORRUPT;
		if (err == ERR_NONE)
			err = add_token(store, &person, i);
	}
	return err;
}
