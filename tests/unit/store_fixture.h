/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in a folder of its own, for the tests of everything that lives in
 * one. Include after cmocka.h. Made once per group and copied for each test,
 * because making the decoys takes a moment under the sanitizers.
 */
#ifndef SEKIMORI_STORE_FIXTURE_H
#define SEKIMORI_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/keys/keyring.h"
#include "server/store/audit.h"
#include "server/store/person.h"
#include "server/store/store.h"
#include "server/store/token.h"

enum {
	NOW_S = 1800000000
};
#define NOW_MS (NOW_S * (int64_t)1000)

struct fixture {
	char folder[64];
	char db[96], kek[96];
	struct keyring *keyring;
	struct store *store;
};

/* Runs a shell command in the folder. */
static inline void fixture_run(const char *folder, const char *what)
{
	char command[256];

	snprintf(command, sizeof(command), "cd %s && %s", folder, what);
	assert_int_equal(system(command), 0);
}

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(
	    store_open(f->db, f->keyring, NOW_S, &f->store), ERR_NONE);
}

static inline int fixture_setup_group(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/sekimori-store-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->db, sizeof(f->db), "%s/db", f->folder);
	snprintf(f->kek, sizeof(f->kek), "%s/kek", f->folder);
	assert_int_equal(keyring_create(f->kek), ERR_NONE);
	assert_int_equal(keyring_open(f->kek, &f->keyring), ERR_NONE);
	assert_int_equal(store_create(f->db, f->keyring, NOW_MS), ERR_NONE);
	fixture_run(f->folder, "cp -p db original");
	*state = f;
	return 0;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = *state;

	fixture_run(f->folder, "cp -p original db");
	fixture_open(f);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	f->store = NULL;
	fixture_run(f->folder, "rm -f db db-wal");
	return 0;
}

static inline int fixture_teardown_group(void **state)
{
	struct fixture *f = *state;

	keyring_free(f->keyring);
	fixture_run(f->folder, "rm -rf ../${PWD##*/}");
	free(f);
	return 0;
}

static inline void fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
	fixture_open(f);
}

#define STORE_TEST(name)                                                       \
	cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
#define STORE_RUN(name, tests)                                                 \
	cmocka_run_group_tests_name(                                           \
	    name, tests, fixture_setup_group, fixture_teardown_group)

/* Inside a transaction of its own. */
#define COMMITTED(store, call)                                                 \
	do {                                                                   \
		assert_int_equal(store_begin(store), ERR_NONE);                \
		assert_int_equal((call), ERR_NONE);                            \
		assert_int_equal(store_commit(store), ERR_NONE);               \
	} while (0)

static inline struct person fixture_person(const char *user)
{
	struct person person = {
	    .kind = "regular", .enrolled_at = NOW_S, .created_at = NOW_S};

	snprintf(person.user, sizeof(person.user), "%s", user);
	snprintf(person.login, sizeof(person.login), "%s", user);
	return person;
}

static const struct token_deed FIXTURE_DEED = {"root", "test", NOW_S};

static inline struct token fixture_token(int64_t person_id, const char *seed)
{
	struct token token = {
	    .person_id = person_id,
	    .state = TOKEN_ACTIVE,
	    .created_at = NOW_S,
	    .otp = {.type = OTP_TOTP, .digits = 6, .period_s = 30},
	};

	assert_int_equal(
	    secret_set(&token.otp.seed, seed, strlen(seed)), ERR_NONE);
	return token;
}

#endif
