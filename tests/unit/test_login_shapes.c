/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges that are made up: of the shape seen last, with nobody's tags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "pam_module/agent/login_shapes.h"

static void note(struct login_shapes *shapes, const char *service, bool codes,
    bool card, size_t tags)
{
	const struct login_challenge challenge = {
	    .offers_codes = codes, .offers_card = card, .tag_count = tags};

	login_shapes_note(shapes, service, NULL, &challenge);
}

static void each_service_has_its_own(void **state)
{
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct login_challenge first, second;

	(void)state;
	note(&shapes, "sshd", true, false, 0);
	note(&shapes, "login", true, true, 4);
	note(&shapes, "login", false, true, 4);
	login_shapes_pretend(&shapes, "sshd", NULL, &first);
	assert_true(first.offers_codes);
	assert_false(first.offers_card);
	login_shapes_pretend(&shapes, "login", NULL, &first);
	login_shapes_pretend(&shapes, "login", NULL, &second);
	assert_false(first.offers_codes);
	assert_true(first.offers_card);
	assert_int_equal(first.tag_count, 4);
	assert_memory_not_equal(
	    first.challenge, second.challenge, sizeof(first.challenge));
	for (size_t i = 0; i < CARD_TAGS; i++)
		assert_memory_not_equal(
		    first.tags[i], second.tags[i], CARD_TAG_BYTES);
}

static void nothing_seen_asks_for_a_code(void **state)
{
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct login_challenge out;

	(void)state;
	login_shapes_pretend(&shapes, "sshd", NULL, &out);
	assert_true(out.offers_codes);
	assert_false(out.offers_card);
	assert_int_equal(out.tag_count, 0);
}

static void the_oldest_of_too_many_goes(void **state)
{
	struct login_shapes shapes = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct login_challenge out;
	char service[NAME_BYTES_MAX + 1];

	(void)state;
	for (int i = 0; i <= LOGIN_SHAPES_MAX; i++) {
		snprintf(service, sizeof(service), "service%d", i);
		note(&shapes, service, false, true, 4);
	}
	login_shapes_pretend(&shapes, "service0", NULL, &out);
	assert_false(out.offers_card);
	login_shapes_pretend(&shapes, "service1", NULL, &out);
	assert_true(out.offers_card);
	memset(service, 's', NAME_BYTES_MAX);
	service[NAME_BYTES_MAX] = '\0';
	note(&shapes, service, false, true, 4);
	login_shapes_pretend(&shapes, service, NULL, &out);
	assert_true(out.offers_card);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_service_has_its_own),
	    cmocka_unit_test(nothing_seen_asks_for_a_code),
	    cmocka_unit_test(the_oldest_of_too_many_goes),
	};

	return cmocka_run_group_tests_name("login_shapes", tests, NULL, NULL);
}
