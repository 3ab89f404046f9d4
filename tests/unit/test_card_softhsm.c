/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card child with a module that nobody here wrote: SoftHSM, found through
 * p11-kit's own configuration as in production, inside the child's filter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/card_world.h"

#define MODULE "/usr/lib/softhsm/libsofthsm2.so"

static struct card_world world;
static unsigned char rsa[1][CARD_HASH_BYTES], ec[1][CARD_HASH_BYTES];

static int open_world(void **state)
{
	char command[512];

	(void)state;
	card_world_open(&world);
	card_world_make(
	    &world, "rsa", &(struct card_made){.algorithm = "RSA"}, rsa[0]);
	card_world_make(
	    &world, "ec", &(struct card_made){.algorithm = "P-384"}, ec[0]);
	snprintf(command, sizeof(command),
	    "tests/support/softhsm_token.sh %s staff 123456 rsa ec",
	    world.directory);
	if (system(command) != 0)
		return -1;
	return setenv(
	    "SOFTHSM2_CONF", card_world_path(&world, "softhsm2.conf"), 1);
}

static int close_world(void **state)
{
	(void)state;
	card_world_close(&world);
	return 0;
}

static enum card_signing sign_once(
    const unsigned char key[1][CARD_HASH_BYTES], const char *pin)
{
	struct card_wanted wanted = card_world_wanted(key, 1);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen = world.reader.find(
	    world.reader.context, &wanted, INT64_MAX, &session);
	enum card_signing outcome;

	assert_int_equal(seen.presence, CARD_PRESENT);
	assert_memory_equal(seen.key, key[0], CARD_HASH_BYTES);
	outcome = card_world_sign(&world, session, pin, &seen, &signature);
	if (outcome == CARD_SIGNED)
		assert_true(card_world_is_proof(&wanted, &signature));
	world.reader.close(world.reader.context, session);
	return outcome;
}

static void test_signs_through_p11_kits_configuration(void **state)
{
	(void)state;
	world.modules.count = 0;
	assert_int_equal(sign_once(rsa, "123456"), CARD_SIGNED);
	assert_int_equal(sign_once(ec, "123456"), CARD_SIGNED);
}

static void test_signs_with_one_named_module(void **state)
{
	(void)state;
	world.modules.count = 1;
	strcpy(world.modules.items[0], MODULE);
	assert_int_equal(sign_once(rsa, "123456"), CARD_SIGNED);
	assert_int_equal(sign_once(ec, "123456"), CARD_SIGNED);
}

static void test_wrong_pin(void **state)
{
	(void)state;
	assert_int_equal(sign_once(rsa, "654321"), CARD_SIGNING_PIN_WRONG);
	assert_int_equal(sign_once(rsa, "123456"), CARD_SIGNED);
}

static void test_two_keys_cannot_both_be_enrolled(void **state)
{
	struct card_wanted any = card_world_wanted(NULL, 0);
	struct card_session *session = NULL;

	(void)state;
	assert_int_equal(
	    world.reader.find(world.reader.context, &any, INT64_MAX, &session)
		.presence,
	    CARD_SEVERAL);
	assert_null(session);
}

static void test_no_token(void **state)
{
	struct card_wanted wanted = card_world_wanted(rsa, 1);
	struct card_session *session = NULL;
	struct card_seen seen;

	(void)state;
	setenv("SOFTHSM2_CONF", card_world_path(&world, "empty.conf"), 1);
	assert_int_equal(system("d=$(dirname $SOFTHSM2_CONF); mkdir $d/empty; "
				"echo directories.tokendir = $d/empty "
				">$SOFTHSM2_CONF"),
	    0);
	seen = world.reader.find(
	    world.reader.context, &wanted, INT64_MAX, &session);
	setenv("SOFTHSM2_CONF", card_world_path(&world, "softhsm2.conf"), 1);
	assert_int_equal(seen.presence, CARD_ABSENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_signs_through_p11_kits_configuration),
	    cmocka_unit_test(test_signs_with_one_named_module),
	    cmocka_unit_test(test_wrong_pin),
	    cmocka_unit_test(test_two_keys_cannot_both_be_enrolled),
	    cmocka_unit_test(test_no_token),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
