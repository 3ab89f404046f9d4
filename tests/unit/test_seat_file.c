/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Seats on disk: the longest there can be, and files that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pam_module/agent/seat_file.h"
#include "pam_module/agent/state.h"

static int setup(void **state)
{
	char *directory = strdup("/tmp/test-seat-file-XXXXXX");

	assert_non_null(directory);
	assert_non_null(mkdtemp(directory));
	*state = directory;
	return 0;
}

static int teardown(void **state)
{
	char *directory = *state;

	(void)state_remove(directory, SEAT_FILE);
	assert_int_equal(rmdir(directory), 0);
	free(directory);
	return 0;
}

static void no_seats_leave_no_file(void **state)
{
	char *directory = *state;
	struct seat seats[SEATS_MAX] = {0};
	size_t read_count = 1;

	assert_int_equal(
	    seat_file_read(directory, seats, &read_count), ERR_NONE);
	assert_int_equal(read_count, 0);
	assert_int_equal(seat_file_write(directory, seats, 0), ERR_NONE);
	assert_false(state_has(directory, SEAT_FILE));
}

static void the_file_keeps_every_field(void **state)
{
	char *directory = *state;
	struct seat seats[SEATS_MAX] = {0}, read[SEATS_MAX];
	size_t read_count = 0;

	for (int i = 0; i < SEATS_MAX; i++) {
		seats[i].removed = (enum card_removed)(i % 3);
		memset(seats[i].key, i, CARD_HASH_BYTES);
		memset(seats[i].session, 'c', SEAT_SESSION_SIZE - 1);
		memset(seats[i].opened.user, '"', NAME_BYTES_MAX);
		memset(seats[i].opened.person, '\\', NAME_BYTES_MAX);
		memset(seats[i].opened.service, '\\', NAME_BYTES_MAX);
		memset(seats[i].opened.tty, '"', NAME_BYTES_MAX);
		memset(seats[i].opened.login, 'x', LOGIN_TOKEN_SIZE - 1);
		seats[i].is_away = i % 2;
	}
	assert_int_equal(
	    seat_file_write(directory, seats, SEATS_MAX), ERR_NONE);
	memset(read, 0, sizeof(read));
	assert_int_equal(
	    seat_file_read(directory, read, &read_count), ERR_NONE);
	assert_int_equal(read_count, SEATS_MAX);
	assert_memory_equal(read, seats, sizeof(seats));
}

static void a_file_of_another_boot_or_shape_holds_no_seats(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} files[] = {
	    {"{\"boot\":\"00000000000000000000000000000000\",\"seats\":[{}]}",
		ERR_NONE},
	    {"", ERR_CORRUPT},
	    {"{\"boot\":1,\"seats\":[]}", ERR_CORRUPT},
	    {"{\"seats\":[]}", ERR_CORRUPT},
	    {"[]", ERR_CORRUPT},
	};
	char *directory = *state;
	struct seat read[SEATS_MAX];
	size_t read_count = 1;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(state_write(directory, SEAT_FILE, 0600,
				     files[i].text, strlen(files[i].text)),
		    ERR_NONE);
		assert_int_equal(
		    seat_file_read(directory, read, &read_count), files[i].err);
		assert_int_equal(read_count, 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(no_seats_leave_no_file),
	    TEST(the_file_keeps_every_field),
	    TEST(a_file_of_another_boot_or_shape_holds_no_seats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
