/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What agent and card child say to each other: every value survives the way,
 * and every body that is too short, too long or out of range is refused whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "pam_module/card/wire.h"

enum {
	/* Of struct card_seen in a body. */
	AT_PRESENCE,
	AT_PIN,
	AT_TRIES,
	AT_PAD,
	AT_MIN,
	AT_MAX,
};

static struct card_seen seen_whole(void)
{
	struct card_seen seen = {.presence = CARD_PRESENT,
	    .pin = CARD_PIN_LOW,
	    .tries_left = 2,
	    .has_pin_pad = true,
	    .pin_min = 4,
	    .pin_max = 128,
	    .valid_until = 4102444800};

	memset(seen.key, 0x7e, sizeof(seen.key));
	return seen;
}

/* As it comes from a pipe: header apart, rest of the buffer junk. */
static struct wire_message carried(const struct wire_message *sent)
{
	unsigned char header[WIRE_HEADER_BYTES];
	struct wire_message got;

	memset(&got, 0xa5, sizeof(got));
	wire_header(sent, header);
	assert_int_equal(wire_measure(header, &got), ERR_NONE);
	assert_int_equal(got.length, sent->length);
	memcpy(got.body, sent->body, sent->length);
	return got;
}

static void test_what_is_seen_survives(void **state)
{
	struct card_seen sent = seen_whole(), got;
	struct wire_message message;

	(void)state;
	wire_write_seen(&sent, &message);
	message = carried(&message);
	assert_int_equal(wire_read_seen(&message, &got), ERR_NONE);
	assert_int_equal(got.presence, CARD_PRESENT);
	assert_int_equal(got.pin, CARD_PIN_LOW);
	assert_int_equal(got.tries_left, 2);
	assert_true(got.has_pin_pad);
	assert_int_equal(got.pin_min, 4);
	assert_int_equal(got.pin_max, 128);
	assert_memory_equal(got.key, sent.key, sizeof(sent.key));
	assert_int_equal(got.valid_until, sent.valid_until);
}

static void test_tries_that_a_card_does_not_tell(void **state)
{
	struct card_seen sent = seen_whole(), got;
	struct wire_message message;

	(void)state;
	sent.tries_left = -1;
	wire_write_seen(&sent, &message);
	assert_int_equal(wire_read_seen(&message, &got), ERR_NONE);
	assert_int_equal(got.tries_left, -1);
}

static void test_of_an_absent_card_nothing_else_is_kept(void **state)
{
	struct card_seen sent = seen_whole(), got;
	static const unsigned char none[CARD_HASH_BYTES];
	struct wire_message message;

	(void)state;
	sent.presence = CARD_OTHER;
	wire_write_seen(&sent, &message);
	assert_int_equal(wire_read_seen(&message, &got), ERR_NONE);
	assert_int_equal(got.presence, CARD_OTHER);
	assert_int_equal(got.tries_left, -1);
	assert_int_equal(got.pin, CARD_PIN_FINE);
	assert_memory_equal(got.key, none, sizeof(none));
}

static void test_values_out_of_range(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
	} rows[] = {
	    {AT_PRESENCE, CARD_PRESENT + 1},
	    {AT_PRESENCE, 255},
	    {AT_PIN, CARD_PIN_LOCKED + 1},
	    {AT_TRIES, 101},
	    {AT_TRIES, 254},
	    {AT_PAD, 2},
	    {AT_MIN, 0},
	    {AT_MIN, 129},
	    {AT_MAX, 3},
	    {AT_MAX, 129},
	};
	const struct card_seen sent = seen_whole();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_seen got = {.tries_left = 77};
		struct wire_message message;

		wire_write_seen(&sent, &message);
		message.body[rows[i].at] = rows[i].value;
		if (wire_read_seen(&message, &got) != ERR_INVALID)
			fail_msg("row %zu", i);
		assert_int_equal(got.tries_left, 77);
	}
}

static struct wire_signing signing_whole(void)
{
	struct wire_signing signing = {.outcome = CARD_SIGNED,
	    .seen = seen_whole(),
	    .signature = {.algorithm = CARD_ECDSA_SHA256,
		.certificate_length = CARD_CERTIFICATE_BYTES_MAX,
		.signature_length = CARD_SIGNATURE_BYTES_MAX}};

	memset(signing.signature.certificate, 0xce, CARD_CERTIFICATE_BYTES_MAX);
	memset(signing.signature.signature, 0x51, CARD_SIGNATURE_BYTES_MAX);
	return signing;
}

static void test_the_longest_signature_survives(void **state)
{
	struct wire_signing sent = signing_whole(), got;
	struct wire_message message;

	(void)state;
	wire_write_signing(&sent, &message);
	assert_int_equal(message.length, WIRE_BODY_BYTES_MAX);
	message = carried(&message);
	assert_int_equal(wire_read_signing(&message, &got), ERR_NONE);
	assert_int_equal(got.outcome, CARD_SIGNED);
	assert_int_equal(got.signature.algorithm, CARD_ECDSA_SHA256);
	assert_memory_equal(got.signature.certificate,
	    sent.signature.certificate, CARD_CERTIFICATE_BYTES_MAX);
	assert_memory_equal(got.signature.signature, sent.signature.signature,
	    CARD_SIGNATURE_BYTES_MAX);
}

static void test_signatures_out_of_range(void **state)
{
	enum {
		AT_OUTCOME = 0,
		AT_ALGORITHM = 1 + WIRE_SEEN_BYTES,
		AT_CERTIFICATE_LENGTH,
		AT_SIGNATURE_LENGTH = AT_CERTIFICATE_LENGTH + 2,
	};
	static const struct {
		size_t at;
		unsigned char high, low;
	} rows[] = {
	    {AT_CERTIFICATE_LENGTH, 0, 0}, {AT_CERTIFICATE_LENGTH, 0x20, 1},
	    {AT_CERTIFICATE_LENGTH, 0xff, 0xff},
	    {AT_CERTIFICATE_LENGTH, 0x1f, 0xff}, {AT_SIGNATURE_LENGTH, 0, 0},
	    {AT_SIGNATURE_LENGTH, 2, 1}, {AT_SIGNATURE_LENGTH, 1, 0xff},
	    {AT_ALGORITHM, CARD_ALGORITHM_NONE, 0x20},
	    {AT_ALGORITHM, CARD_ECDSA_SHA256 + 1, 0x20},
	    {AT_OUTCOME, CARD_SIGNED + 1, CARD_PRESENT},
	    {AT_OUTCOME, CARD_SIGNING_PIN_WRONG, CARD_PRESENT}, /* too long */
	};
	const struct wire_signing sent = signing_whole();

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_signing got = {.outcome = CARD_SIGNING_CANCELLED};
		struct wire_message message;

		wire_write_signing(&sent, &message);
		message.body[rows[i].at] = rows[i].high;
		message.body[rows[i].at + 1] = rows[i].low;
		if (wire_read_signing(&message, &got) != ERR_INVALID)
			fail_msg("row %zu", i);
		assert_int_equal(got.outcome, CARD_SIGNING_CANCELLED);
	}
}

static void test_every_cut_is_refused(void **state)
{
	const struct card_wanted wanted = {
	    .tag_count = CARD_TAGS_SHARED, .message = {.length = 100}};
	const struct card_seen seen = seen_whole();
	struct wire_message find, look;

	(void)state;
	wire_write_find(&wanted, &find);
	for (size_t length = 0; length <= find.length + 1; length++) {
		struct wire_message cut = find;
		struct card_wanted got;

		cut.length = length;
		assert_int_equal(wire_read_find(&cut, &got) == ERR_NONE,
		    length == find.length);
	}
	wire_write_seen(&seen, &look);
	for (size_t length = 0; length <= look.length + 1; length++) {
		struct wire_message cut = look;
		struct card_seen got;

		cut.length = length;
		assert_int_equal(wire_read_seen(&cut, &got) == ERR_NONE,
		    length == look.length);
	}
}

static void test_too_many_tags(void **state)
{
	const struct card_wanted wanted = {.tag_count = CARD_TAGS_SHARED};
	struct card_wanted got;
	struct wire_message message;

	(void)state;
	wire_write_find(&wanted, &message);
	message.body[CARD_CHALLENGE_BYTES] = CARD_TAGS_SHARED + 1;
	message.length += CARD_TAG_BYTES;
	assert_int_equal(wire_read_find(&message, &got), ERR_INVALID);
}

static void test_pins(void **state)
{
	struct secret pin = {.length = SECRET_BYTES_MAX}, got = {0};
	struct wire_message message;

	(void)state;
	memset(pin.bytes, '7', sizeof(pin.bytes));
	wire_write_pin(&pin, &message);
	message = carried(&message);
	assert_int_equal(wire_read_pin(&message, &got), ERR_NONE);
	assert_true(secret_equal(&pin, &got));
	message.length++;
	assert_int_equal(wire_read_pin(&message, &got), ERR_INVALID);
	wire_write_pin(NULL, &message);
	assert_int_equal(wire_read_pin(&message, &got), ERR_NONE);
	assert_int_equal(got.length, 0);
}

static void test_headers(void **state)
{
	static const unsigned char rows[][WIRE_HEADER_BYTES] = {
	    {WIRE_NONE, 0, 1}, {WIRE_SIGNING + 1, 0, 1}, {255, 0, 1},
	    {WIRE_SEEN, 0xff, 0xff}, {'.', '.', '.'}};
	struct wire_message got;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_not_equal(wire_measure(rows[i], &got), ERR_NONE);
}

/* An answer where a request was due, and the other way round. */
static void test_another_kind(void **state)
{
	const struct card_seen seen = seen_whole();
	unsigned char key[CARD_HASH_BYTES];
	struct wire_message message;
	struct wire_signing signing;
	struct card_wanted wanted;
	struct secret pin;

	(void)state;
	wire_write_seen(&seen, &message);
	assert_int_equal(wire_read_signing(&message, &signing), ERR_INVALID);
	assert_int_equal(wire_read_find(&message, &wanted), ERR_INVALID);
	assert_int_equal(wire_read_pin(&message, &pin), ERR_INVALID);
	assert_int_equal(wire_read_watch(&message, key), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_is_seen_survives),
	    cmocka_unit_test(test_tries_that_a_card_does_not_tell),
	    cmocka_unit_test(test_of_an_absent_card_nothing_else_is_kept),
	    cmocka_unit_test(test_values_out_of_range),
	    cmocka_unit_test(test_the_longest_signature_survives),
	    cmocka_unit_test(test_signatures_out_of_range),
	    cmocka_unit_test(test_every_cut_is_refused),
	    cmocka_unit_test(test_too_many_tags),
	    cmocka_unit_test(test_pins),
	    cmocka_unit_test(test_headers),
	    cmocka_unit_test(test_another_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
