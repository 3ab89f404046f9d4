/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inventory of last year, as written, as a spreadsheet saved it, and as
 * nobody should have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/ctl/inventory_before.h"

static json_t *read_bytes(const char *bytes, size_t length)
{
	char path[] = "/tmp/sekimori-before-XXXXXX";
	json_t *before = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	close(fd);
	if (inventory_before_read(path, &before))
		assert_null(before);
	unlink(path);
	return before;
}

static json_t *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static const char *of(json_t *before, const char *serial, const char *member)
{
	return json_string_value(
	    json_object_get(json_object_get(before, serial), member));
}

static void test_read(void **state)
{
	static const char *const texts[] = {
	    "\xef\xbb\xbf\"所属\",\"機器番号\",\"氏名\",\"職員番号\"\r\n"
	    "\"税務課\",\"A1\",\"山田\",\"'@s1\"\r\n",
	    "serial,holder,name,department\nA1,@s1,山田,税務課\n",
	    "x, serial ,holder,name,department,y\n1,A1,@s1,山田,税務課\n",
	    /* no line end at the end */
	    "serial,holder,name,department\nA1,@s1,山田,税務課",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *before = read_text(texts[i]);

		assert_non_null(before);
		assert_int_equal(json_object_size(before), 1);
		assert_string_equal(of(before, "A1", "user"), "@s1");
		assert_string_equal(of(before, "A1", "name"), "山田");
		assert_string_equal(of(before, "A1", "department"), "税務課");
		json_decref(before);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\r\n",
	    "a,b\n1,2\n",
	    "serial,holder\n\"A1,s1\n",
	    "serial,holder\nA1,\"s1\"x\n",
	    "serial,holder\nA1,\xff\xff\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (read_text(texts[i]))
			fail_msg("row %zu", i);
	}
	assert_null(read_bytes("serial\nA\0B\n", 11));
}

static void test_too_big(void **state)
{
	size_t size = 5 * 1024 * 1024;
	char *bytes = malloc(size);

	(void)state;
	memset(bytes, 'a', size);
	assert_null(read_bytes(bytes, size));
	free(bytes);
}

static void test_compared(void **state)
{
	json_t *before = read_text("serial,holder\nA,s1\nB,s1\nC,s1\n");
	json_t *items =
	    json_pack("[{s:s,s:s},{s:s,s:n},{s:s,s:s}]", "serial", "A", "user",
		"s1", "serial", "B", "user", "serial", "D", "user", "s2");
	static const char *const changes[] = {
	    NULL, "other holder", "new", "gone"};

	(void)state;
	assert_int_equal(inventory_before_compare(items, before), ERR_NONE);
	assert_int_equal(json_array_size(items), 4);
	for (size_t i = 0; i < 4; i++) {
		const char *change = json_string_value(
		    json_object_get(json_array_get(items, i), "change"));

		if (changes[i])
			assert_string_equal(change, changes[i]);
		else
			assert_null(change);
	}
	json_decref(items);
	json_decref(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_too_big),
	    cmocka_unit_test(test_compared),
	};

	return cmocka_run_group_tests_name(
	    "inventory_before", tests, NULL, NULL);
}
