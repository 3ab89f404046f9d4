/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that reads strangers' files: that its rows come through the
 * pipe, what it may still do while it reads, and that nothing is believed that
 * it could not say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/ctl/stock_child.h"

#define HEX "3132333435363738393031323334353637383930"
#define HEADS "serial,secret\n"

static const struct secret no_key;

static int file_of(const char *text, int again)
{
	int fd = memfd_create("tokens", MFD_CLOEXEC);

	assert_true(fd >= 0);
	for (int i = 0; i < again; i++)
		assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct stock_child start(int fd, enum stock_format format)
{
	const struct stock_request request = {
	    .fd = fd, .format = format, .key = &no_key};
	struct stock_child child;

	assert_int_equal(stock_child_start(&request, &child), ERR_NONE);
	return child;
}

static void test_rows_and_an_end(void **state)
{
	int fd = file_of(HEADS "A1," HEX "\nA2," HEX "\n", 1);
	struct stock_child child = start(fd, STOCK_CSV);
	struct stock_frame frame;

	(void)state;
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(frame.kind, STOCK_FRAME_ROW);
	assert_string_equal(frame.row.serial, "A1");
	assert_memory_equal(frame.row.seed.bytes, "12345678901234567890", 20);
	assert_int_equal(frame.row.serial_column, 1);
	assert_int_equal(frame.row.secret_column, 2);
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(frame.row.line, 3);
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(frame.kind, STOCK_FRAME_END);
	assert_int_equal(frame.report.rows, 2);
	assert_int_equal(stock_child_next(&child, &frame), ERR_IO);
	stock_child_end(&child);
	close(fd);
}

static void test_problems(void **state)
{
	int fd = file_of("<a/>", 1);
	struct stock_child child = start(fd, STOCK_PSKC);
	struct stock_frame frame;

	(void)state;
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(frame.kind, STOCK_FRAME_PROBLEM);
	assert_non_null(strstr(frame.problem.text, "no PSKC"));
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(frame.kind, STOCK_FRAME_END);
	stock_child_end(&child);
	close(fd);
}

static long status_number(pid_t pid, const char *name, int base)
{
	char path[64], line[256];
	long number = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			number = strtol(line + strlen(name), NULL, base);
	fclose(file);
	return number;
}

/* While it waits for somebody to take what it says. */
static void test_closed_off(void **state)
{
	int fd = file_of(HEADS "A1," HEX "\n", 1);
	struct stock_child child;
	struct stock_frame frame;
	char path[64];

	(void)state;
	assert_int_equal(lseek(fd, 0, SEEK_END) > 0, 1);
	for (int i = 0; i < 2000; i++)
		assert_true(dprintf(fd, "B%d," HEX "\n", i) > 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	child = start(fd, STOCK_CSV);
	assert_int_equal(stock_child_next(&child, &frame), ERR_NONE);
	assert_int_equal(status_number(child.pid, "Seccomp:", 10), 2);
	assert_int_equal(status_number(child.pid, "NoNewPrivs:", 10), 1);
	assert_int_equal(status_number(child.pid, "CapEff:", 16), 0);
	snprintf(path, sizeof(path), "/proc/%d/fd/3", (int)child.pid);
	assert_int_not_equal(access(path, F_OK), 0);
	stock_child_end(&child);
	close(fd);
}

/* A child that was taken over may write anything. */
static void test_nothing_is_believed(void **state)
{
	static const char *const serials[] = {"", "../x", "a\nb", "=1"};
	struct stock_frame frames[8];
	size_t count = 0;

	(void)state;
	memset(frames, 0, sizeof(frames));
	frames[count++].kind = STOCK_FRAME_NONE;
	frames[count++].kind = (enum stock_frame_kind)77;
	for (size_t i = 0; i < 4; i++) {
		struct stock_frame *frame = &frames[count++];

		frame->kind = STOCK_FRAME_ROW;
		strcpy(frame->row.serial, serials[i]);
		frame->row.digits = 6;
		frame->row.period_s = 30;
		frame->row.seed.length = 20;
	}
	frames[count] = frames[count - 1];
	strcpy(frames[count].row.serial, "A1");
	frames[count++].row.seed.length = 100000;
	frames[count].kind = STOCK_FRAME_PROBLEM;
	memset(&frames[count].problem, 'x', sizeof(frames[count].problem));
	count++;
	for (size_t i = 0; i < count; i++) {
		struct stock_child child = {0};
		struct stock_frame frame;
		int ends[2];

		assert_int_equal(pipe(ends), 0);
		assert_int_equal(
		    write(ends[1], &frames[i], sizeof(frame)), sizeof(frame));
		close(ends[1]);
		child.fd = ends[0];
		if (stock_child_next(&child, &frame) != ERR_CORRUPT)
			fail_msg("frame %zu", i);
		stock_child_end(&child);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows_and_an_end),
	    cmocka_unit_test(test_problems),
	    cmocka_unit_test(test_closed_off),
	    cmocka_unit_test(test_nothing_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
