/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card child as the agent starts it: the real sekimori-card with scripted
 * PKCS #11 modules. What is chosen, what a PIN costs, what is a proof, and
 * that nothing a module does leaves a process, a descriptor or a wait behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/card_world.h"

enum {
	ALICE,
	BOB,
	KEYS
};

static struct card_world world;
static unsigned char keys[KEYS][CARD_HASH_BYTES];

static const char alice_script[] =
    "token alice 1234 3\nobject 01 {}/alice.der {}/alice.pem\n";

static int open_world(void **state)
{
	(void)state;
	card_world_open(&world);
	card_world_make(&world, "alice",
	    &(struct card_made){.algorithm = "P-256"}, keys[ALICE]);
	card_world_make(&world, "bob",
	    &(struct card_made){.algorithm = "P-256"}, keys[BOB]);
	return 0;
}

static int close_world(void **state)
{
	(void)state;
	card_world_close(&world);
	return 0;
}

/* Modules of the test before are forgotten. */
static int forget_modules(void **state)
{
	(void)state;
	world.modules.count = 0;
	return 0;
}

static struct card_seen find(
    const struct card_wanted *wanted, struct card_session **out)
{
	return world.reader.find(world.reader.context, wanted, INT64_MAX, out);
}

static enum card_signing sign(struct card_session *session, const char *pin,
    struct card_seen *seen, struct card_signature *out)
{
	return card_world_sign(&world, session, pin, seen, out);
}

static void close_session(struct card_session *session)
{
	world.reader.close(world.reader.context, session);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* no child left */
}

static void assert_logins(const char *module, const char *expected)
{
	char found[1024];

	card_world_logins(&world, module, found, sizeof(found));
	assert_string_equal(found, expected);
}

/* Finds alice's key, gives the PIN once. */
static enum card_signing once(const char *script, const char *pin,
    struct card_seen *seen, struct card_signature *out)
{
	struct card_wanted wanted = card_world_wanted(&keys[ALICE], 1);
	struct card_session *session = NULL;
	enum card_signing outcome;

	card_world_module(&world, "one", script);
	*seen = find(&wanted, &session);
	assert_int_equal(seen->presence, CARD_PRESENT);
	outcome = sign(session, pin, seen, out);
	if (outcome == CARD_SIGNED)
		assert_true(card_world_is_proof(&wanted, out));
	close_session(session);
	return outcome;
}

static void test_every_kind_of_key_signs(void **state)
{
	static const struct card_made kinds[] = {
	    {.algorithm = "RSA"},
	    {.algorithm = "RSA", .bits = 3072},
	    {.algorithm = "RSA", .bits = 4096},
	    {.algorithm = "P-256"},
	    {.algorithm = "P-384"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned char key[1][CARD_HASH_BYTES];
		struct card_wanted wanted;
		struct card_session *session = NULL;
		struct card_signature signature;
		struct card_seen seen;

		card_world_make(&world, "kind", &kinds[i], key[0]);
		card_world_module(&world, "one",
		    "token kind 1234 3\n"
		    "object 01 {}/kind.der {}/kind.pem\n");
		wanted = card_world_wanted(key, 1);
		seen = find(&wanted, &session);
		if (seen.presence != CARD_PRESENT)
			fail_msg("kind %zu: %d", i, seen.presence);
		assert_memory_equal(seen.key, key[0], CARD_HASH_BYTES);
		assert_int_equal(seen.pin, CARD_PIN_FINE);
		assert_int_equal(seen.tries_left, -1);
		assert_int_equal(seen.pin_min, 4);
		assert_int_equal(seen.pin_max, 8);
		assert_false(seen.has_pin_pad);
		assert_int_equal(
		    sign(session, "1234", &seen, &signature), CARD_SIGNED);
		assert_true(card_world_is_proof(&wanted, &signature));
		assert_int_equal(
		    signature.algorithm, strcmp(kinds[i].algorithm, "RSA") == 0
					     ? CARD_RSA_PKCS1_SHA256
					     : CARD_ECDSA_SHA256);
		close_session(session);
	}
	assert_logins("one", "kind user 4\n");
}

static void test_keys_that_the_server_refuses_are_other_cards(void **state)
{
	static const struct card_made kinds[] = {
	    {.algorithm = "RSA", .bits = 1024},
	    {.algorithm = "P-521"},
	    {.algorithm = "P-256", .padding = 9000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned char key[1][CARD_HASH_BYTES];
		struct card_wanted wanted;
		struct card_session *session = NULL;

		card_world_make(&world, "kind", &kinds[i], key[0]);
		card_world_module(&world, "one",
		    "token kind 1234 3\n"
		    "object 01 {}/kind.der {}/kind.pem\n");
		wanted = card_world_wanted(key, 1);
		assert_int_equal(find(&wanted, &session).presence, CARD_OTHER);
		assert_null(session);
	}
}

static void test_presence(void **state)
{
	static const struct {
		const char *script;
		size_t tags;
		enum card_presence expected;
	} rows[] = {
	    {"", 1, CARD_ABSENT},
	    {alice_script, 1, CARD_PRESENT},
	    {alice_script, 0, CARD_PRESENT},
	    {"token bob 1234 3\nobject 01 {}/bob.der {}/bob.pem\n", 1,
		CARD_OTHER},
	    {"token blank 1234 3\n", 1, CARD_OTHER},
	    {"token blank 1234 3\n", 0, CARD_OTHER},
	    {"token two 1234 3\nobject 01 {}/alice.der {}/alice.pem\n"
	     "object 02 {}/bob.der {}/bob.pem\n",
		0, CARD_SEVERAL},
	    {"token two 1234 3\nobject 01 {}/bob.der {}/bob.pem\n"
	     "object 02 {}/alice.der {}/alice.pem\n",
		1, CARD_PRESENT},
	    {"token one 1234 3\nobject 01 {}/alice.der {}/alice.pem\n"
	     "token two 1234 3\nobject 01 {}/bob.der {}/bob.pem\n",
		0, CARD_SEVERAL},
	    {"token twice 1234 3\nobject 01 {}/alice.der {}/alice.pem\n"
	     "object 02 {}/alice.der {}/alice.pem\n",
		0, CARD_PRESENT},
	    {"token junk 1234 3\nobject 01 {}/alice.pem {}/alice.pem\n", 1,
		CARD_OTHER},
	    {"token JPKI_(Digital_Signature_PIN) 1234 3\n"
	     "object 01 {}/alice.der {}/alice.pem\n",
		0, CARD_OTHER},
	    {"token alice 1234 3\nabsent {}\n", 1, CARD_ABSENT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_wanted wanted =
		    card_world_wanted(&keys[ALICE], rows[i].tags);
		struct card_session *session = NULL;
		struct card_seen seen;

		card_world_module(&world, "one", rows[i].script);
		seen = find(&wanted, &session);
		if (seen.presence != rows[i].expected)
			fail_msg("row %zu: %d", i, seen.presence);
		assert_int_equal(
		    session != NULL, seen.presence == CARD_PRESENT);
		close_session(session);
	}
	assert_logins("one", "");
}

static void test_only_certificates_for_authentication_enrol(void **state)
{
	static const struct {
		struct card_made made;
		enum card_presence expected;
	} rows[] = {
	    {{.purpose = ""}, CARD_PRESENT},
	    {{.purpose = "msSmartcardLogin"}, CARD_PRESENT},
	    {{.purpose = "anyExtendedKeyUsage"}, CARD_PRESENT},
	    {{.purpose = "emailProtection"}, CARD_OTHER},
	    {{.usage = "nonRepudiation"}, CARD_OTHER},
	    {{.usage = "keyEncipherment"}, CARD_OTHER},
	    {{.usage = "digitalSignature,keyCertSign", .is_ca = true},
		CARD_OTHER},
	    {{.from_days = 2}, CARD_OTHER},
	    {{.from_days = -20, .days = 10}, CARD_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_made made = rows[i].made;
		struct card_wanted any = card_world_wanted(NULL, 0);
		unsigned char key[CARD_HASH_BYTES];
		struct card_session *session = NULL;
		struct card_seen seen;

		made.algorithm = "P-256";
		card_world_make(&world, "kind", &made, key);
		card_world_module(&world, "one",
		    "token kind 1234 3\n"
		    "object 01 {}/kind.der {}/kind.pem\n");
		seen = find(&any, &session);
		if (seen.presence != rows[i].expected)
			fail_msg("row %zu: %d", i, seen.presence);
		close_session(session);
	}
}

/* An enrolled one is offered whatever its time: the server says why not. */
/* As a PIV card has both; but two cards are two, whatever is on them. */
static void test_a_key_for_documents_gives_way(void **state)
{
#define DOC(id) "object " id " {}/doc.der {}/doc.pem\n"
#define ANN(id) "object " id " {}/alice.der {}/alice.pem\n"
	static const struct {
		const char *script;
		enum card_presence expected;
	} rows[] = {
	    {"token one 1234 3\n" ANN("01") DOC("02"), CARD_PRESENT},
	    {"token one 1234 3\n" DOC("01") ANN("02"), CARD_PRESENT},
	    {"token one 1234 3\n" DOC("01") "token two 1234 3\n" ANN("01"),
		CARD_SEVERAL},
	    {"token one 1234 3\n" ANN("01") "token two 1234 3\n" DOC("01"),
		CARD_SEVERAL},
	};
	const struct card_made made = {
	    .algorithm = "P-256", .usage = "digitalSignature,nonRepudiation"};
	struct card_wanted any = card_world_wanted(NULL, 0);
	unsigned char key[CARD_HASH_BYTES];

	(void)state;
	card_world_make(&world, "doc", &made, key);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_session *session = NULL;
		struct card_signature signature;
		struct card_seen seen;

		card_world_module(&world, "one", rows[i].script);
		seen = find(&any, &session);
		assert_int_equal(seen.presence, rows[i].expected);
		if (session) {
			assert_memory_equal(
			    seen.key, keys[ALICE], CARD_HASH_BYTES);
			assert_int_equal(
			    sign(session, "1234", &seen, &signature),
			    CARD_SIGNED);
			assert_true(card_world_is_proof(&any, &signature));
		}
		close_session(session);
	}
}

static void test_an_ended_certificate_still_reaches_the_server(void **state)
{
	unsigned char key[1][CARD_HASH_BYTES];
	struct card_wanted wanted;
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;

	(void)state;
	card_world_make(&world, "kind",
	    &(struct card_made){
		.algorithm = "P-256", .from_days = -20, .days = 10},
	    key[0]);
	card_world_module(&world, "one",
	    "token kind 1234 3\nobject 01 {}/kind.der {}/kind.pem\n");
	wanted = card_world_wanted(key, 1);
	seen = find(&wanted, &session);
	assert_int_equal(seen.presence, CARD_PRESENT);
	assert_int_equal(sign(session, "1234", &seen, &signature), CARD_SIGNED);
	close_session(session);
}

static void test_only_the_token_with_the_key_gets_the_pin(void **state)
{
	struct card_wanted wanted = card_world_wanted(keys, KEYS);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;

	(void)state;
	/* Both are wanted; the PIN is the second one's. */
	card_world_module(&world, "one",
	    "token none 1234 3\n"
	    "token bob 9999 3\nobject 01 {}/bob.der {}/bob.pem\n");
	card_world_module(&world, "two", alice_script);
	seen = find(&wanted, &session);
	assert_int_equal(seen.presence, CARD_PRESENT);
	assert_memory_equal(seen.key, keys[BOB], CARD_HASH_BYTES);
	assert_int_equal(
	    sign(session, "1234", &seen, &signature), CARD_SIGNING_PIN_WRONG);
	close_session(session);
	assert_logins("one", "bob user 4\n");
	assert_logins("two", "");
}

static void test_a_wrong_pin_leaves_room_for_another(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[ALICE], 1);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;

	(void)state;
	card_world_module(&world, "one", alice_script);
	seen = find(&wanted, &session);
	assert_int_equal(
	    sign(session, "0000", &seen, &signature), CARD_SIGNING_PIN_WRONG);
	assert_int_equal(seen.pin, CARD_PIN_LOW);
	assert_int_equal(seen.tries_left, -1);
	assert_int_equal(
	    sign(session, "0001", &seen, &signature), CARD_SIGNING_PIN_WRONG);
	assert_int_equal(seen.pin, CARD_PIN_FINAL);
	assert_int_equal(seen.tries_left, 1);
	assert_int_equal(sign(session, "1234", &seen, &signature), CARD_SIGNED);
	assert_true(card_world_is_proof(&wanted, &signature));
	/* One signature a child. */
	assert_int_equal(
	    sign(session, "1234", &seen, &signature), CARD_SIGNING_TROUBLE);
	close_session(session);
	assert_logins("one", "alice user 4\nalice user 4\nalice user 4\n");
}

static void test_the_last_try_locks(void **state)
{
	struct card_seen seen;
	struct card_signature signature;

	(void)state;
	assert_int_equal(once("token alice 1234 1\n"
			      "object 01 {}/alice.der {}/alice.pem\n",
			     "0000", &seen, &signature),
	    CARD_SIGNING_PIN_LOCKED);
	assert_int_equal(seen.pin, CARD_PIN_LOCKED);
	assert_int_equal(seen.tries_left, 0);
	assert_logins("one", "alice user 4\n");
}

static void test_a_my_number_card_tells_its_tries(void **state)
{
	struct card_seen seen;
	struct card_signature signature;

	(void)state;
	assert_int_equal(once("token JPKI_(User_Authentication_PIN) 1234 3\n"
			      "object 01 {}/alice.der {}/alice.pem\n",
			     "0000", &seen, &signature),
	    CARD_SIGNING_PIN_WRONG);
	assert_int_equal(seen.tries_left, 2);
}

static void test_a_locked_pin_is_not_asked_for(void **state)
{
	struct card_seen seen;
	struct card_signature signature;

	(void)state;
	assert_int_equal(once("token alice 1234 0\n"
			      "object 01 {}/alice.der {}/alice.pem\n",
			     "1234", &seen, &signature),
	    CARD_SIGNING_PIN_LOCKED);
	assert_logins("one", "");
}

/* OpenSC says CKR_GENERAL_ERROR of a My Number card locked by 6984. */
static void test_a_lock_reported_as_an_error_is_a_lock(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[ALICE], 1);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;

	(void)state;
	card_world_module(&world, "one",
	    "token alice 1234 1\nobject 01 {}/alice.der {}/alice.pem\n"
	    "fail C_Login-after 0x5\n");
	seen = find(&wanted, &session);
	assert_int_equal(seen.pin, CARD_PIN_FINAL);
	assert_int_equal(
	    sign(session, "0000", &seen, &signature), CARD_SIGNING_PIN_LOCKED);
	close_session(session);
}

static void test_pins_of_a_wrong_length_stay_here(void **state)
{
	static const char *const pins[] = {"", "123", "123456789"};
	struct card_seen seen;
	struct card_signature signature;

	(void)state;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		assert_int_equal(once(alice_script, pins[i], &seen, &signature),
		    CARD_SIGNING_TROUBLE);
		assert_logins("one", "");
	}
}

static void test_absurd_pin_lengths_are_no_bounds(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[ALICE], 1);
	struct card_session *session = NULL;
	struct card_seen seen;

	(void)state;
	card_world_module(&world, "one",
	    "token alice 1234 3\nlength 0 0xffffffffffffffff\n"
	    "object 01 {}/alice.der {}/alice.pem\n");
	seen = find(&wanted, &session);
	assert_int_equal(seen.pin_min, 1);
	assert_int_equal(seen.pin_max, SECRET_BYTES_MAX);
	close_session(session);
}

static void test_a_pin_pad(void **state)
{
	struct card_wanted wanted = card_world_wanted(&keys[ALICE], 1);
	struct card_session *session = NULL;
	struct card_signature signature;
	struct card_seen seen;
	enum err err;

	(void)state;
	card_world_module(&world, "one",
	    "token alice 1234 3\npad\nalways\n"
	    "object 01 {}/alice.der {}/alice.pem\n");
	seen = find(&wanted, &session);
	assert_true(seen.has_pin_pad);
	/* A PIN typed elsewhere never reaches it. */
	assert_int_equal(
	    sign(session, "1234", &seen, &signature), CARD_SIGNING_TROUBLE);
	close_session(session);
	assert_logins("one", "");
	seen = find(&wanted, &session);
	err = world.reader.start_pin_pad(world.reader.context, session);
	assert_int_equal(err, ERR_NONE);
	assert_int_equal(sign(session, NULL, &seen, &signature), CARD_SIGNED);
	assert_true(card_world_is_proof(&wanted, &signature));
	close_session(session);
	assert_logins("one", "alice user 0\nalice context 0\n");
}

static void test_a_pin_for_every_signature(void **state)
{
	struct card_seen seen;
	struct card_signature signature;

	(void)state;
	assert_int_equal(once("token alice 1234 3\nalways\n"
			      "object 01 {}/alice.der {}/alice.pem\n",
			     "1234", &seen, &signature),
	    CARD_SIGNED);
	assert_logins("one", "alice user 4\nalice context 4\n");
}

#define TEST(name) cmocka_unit_test_setup(name, forget_modules)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_every_kind_of_key_signs),
	    TEST(test_keys_that_the_server_refuses_are_other_cards),
	    TEST(test_presence),
	    TEST(test_only_certificates_for_authentication_enrol),
	    TEST(test_a_key_for_documents_gives_way),
	    TEST(test_an_ended_certificate_still_reaches_the_server),
	    TEST(test_only_the_token_with_the_key_gets_the_pin),
	    TEST(test_a_wrong_pin_leaves_room_for_another),
	    TEST(test_the_last_try_locks),
	    TEST(test_a_my_number_card_tells_its_tries),
	    TEST(test_a_locked_pin_is_not_asked_for),
	    TEST(test_a_lock_reported_as_an_error_is_a_lock),
	    TEST(test_pins_of_a_wrong_length_stay_here),
	    TEST(test_absurd_pin_lengths_are_no_bounds),
	    TEST(test_a_pin_pad),
	    TEST(test_a_pin_for_every_signature),
	};

	return cmocka_run_group_tests(tests, open_world, close_world);
}
