/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between module and agent: each type there and back, and every way a
 * frame can be wrong. Whoever connects to the socket may send anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shared/frame.h"

#define BYTES(literal) (const unsigned char *)literal, sizeof(literal) - 1

static void carries_every_field(void **state)
{
	struct frame_writer writer = {0};
	struct frame frame;
	char text[16];
	uint64_t number = 0;
	uint8_t byte = 0;

	(void)state;
	frame_begin(&writer, FRAME_SESSION);
	frame_put_text(&writer, FRAME_USER, "s1042");
	frame_put_text(&writer, FRAME_SERVICE, "sshd");
	frame_put_text(&writer, FRAME_TTY, "");
	frame_put_text(&writer, FRAME_RHOST, "192.0.2.7");
	frame_put_text(&writer, FRAME_LOGIN, "abc");
	frame_put_u8(&writer, FRAME_EVENT, FRAME_SESSION_CLOSE);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(
	    frame_parse(writer.bytes, writer.length, &frame), ERR_NONE);
	assert_int_equal(frame.type, FRAME_SESSION);
	assert_int_equal(frame_get_text(&frame, FRAME_USER, text, 6), ERR_NONE);
	assert_string_equal(text, "s1042");
	assert_int_equal(frame_get_text(&frame, FRAME_TTY, text, 1), ERR_NONE);
	assert_string_equal(text, "");
	assert_int_equal(frame_get_u8(&frame, FRAME_EVENT, &byte), ERR_NONE);
	assert_int_equal(byte, FRAME_SESSION_CLOSE);

	frame_begin(&writer, FRAME_VERDICT);
	frame_put_u8(&writer, FRAME_RESULT, FRAME_DENY_LOCKED);
	frame_put_u8(&writer, FRAME_MESSAGE, FRAME_MESSAGE_THROTTLED);
	frame_put_u64(&writer, FRAME_NUMBER, 0x0123456789abcdef);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(
	    frame_parse(writer.bytes, writer.length, &frame), ERR_NONE);
	assert_int_equal(
	    frame_get_u64(&frame, FRAME_NUMBER, &number), ERR_NONE);
	assert_true(number == 0x0123456789abcdef);
}

/* The bytes themselves, so that both sides cannot be wrong together. */
static void writes_the_bytes_of_the_protocol(void **state)
{
	static const unsigned char expected[] = "\0\0\0\x0b\x11"
						"\x08\0\1\3"
						"\x06\0\3a\0b";
	struct frame_writer writer = {0};

	(void)state;
	frame_begin(&writer, FRAME_TELL);
	frame_put_u8(&writer, FRAME_MESSAGE, FRAME_MESSAGE_THROTTLED);
	frame_put_bytes(&writer, FRAME_TEXT, "a\0b", 3);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(writer.length, sizeof(expected) - 1);
	assert_memory_equal(writer.bytes, expected, writer.length);
}

static void accepts_the_table(void **state)
{
	static const struct {
		const unsigned char *bytes;
		size_t length;
		enum frame_type type;
	} rows[] = {
	    {BYTES("\0\0\0\x0d\1\1\0\1a\2\0\1b\5\0\1\1"), FRAME_BEGIN},
	    {BYTES("\0\0\0\x15\1\5\0\1\1\4\0\1d\3\0\1c\2\0\1b\1\0\1a"),
		FRAME_BEGIN},
	    {BYTES("\0\0\0\x11\1\1\0\1a\2\0\1b\5\0\1\1\x0d\0\1\1"),
		FRAME_BEGIN},
	    {BYTES("\0\0\0\4\2\6\0\0"), FRAME_ANSWER},
	    {BYTES("\0\0\0\6\2\6\0\2a\0"), FRAME_ANSWER},
	    {BYTES("\0\0\0\1\3"), FRAME_CANCEL},
	    {BYTES("\0\0\0\5\5\6\0\1a"), FRAME_ENROLL},
	    {BYTES("\0\0\0\5\x10\7\0\1\1"), FRAME_ASK},
	    {BYTES("\0\0\0\5\x11\x08\0\1\1"), FRAME_TELL},
	    {BYTES("\0\0\0\5\x12\x0a\0\1\1"), FRAME_VERDICT},
	    {BYTES("\0\0\0\1\x13"), FRAME_DONE},
	};
	struct frame frame;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(
		    frame_parse(rows[i].bytes, rows[i].length, &frame),
		    ERR_NONE);
		assert_int_equal(frame.type, rows[i].type);
	}
}

static void refuses_everything_else(void **state)
{
	static const struct {
		const unsigned char *bytes;
		size_t length;
	} rows[] = {
	    {BYTES("")},
	    {BYTES("\0\0\0")},
	    {BYTES("\0\0\0\0")},         /* empty body */
	    {BYTES("\0\0\0\1")},         /* cut */
	    {BYTES("\0\0\0\2\3")},       /* cut */
	    {BYTES("\0\0\0\1\3\0")},     /* more than announced */
	    {BYTES("\0\0\0\2\3\0")},     /* trailing byte */
	    {BYTES("\0\0\0\3\3\0\0")},   /* half a field */
	    {BYTES("\0\0\0\4\3\6\0\0")}, /* not allowed in CANCEL */
	    {BYTES("\0\0\0\1\0")},       /* unknown types */
	    {BYTES("\0\0\0\1\5")},       /* ENROLL without its text */
	    {BYTES("\0\0\0\1\6")},
	    {BYTES("\0\0\0\1\x0f")},
	    {BYTES("\0\0\0\1\x14")},
	    {BYTES("\0\0\0\1\xff")},
	    {BYTES("\0\0\0\1\2")},         /* text missing */
	    {BYTES("\0\0\0\4\2\0\0\0")},   /* tag 0 */
	    {BYTES("\0\0\0\4\2\x0e\0\0")}, /* unknown tags */
	    {BYTES("\0\0\0\4\2\xff\0\0")},
	    {BYTES("\0\0\0\4\2\x26\0\0")}, /* 32 + TEXT */
	    {BYTES("\0\0\0\4\2\6\0\1")},   /* longer than frame */
	    {BYTES("\0\0\0\5\2\6\xff\xff"
		   "a")},
	    {BYTES("\0\0\0\7\2\6\0\0\6\0\0")}, /* twice */
	    {BYTES("\0\0\0\5\2\6\0\0\6")},
	    {BYTES("\0\0\0\4\x12\x0a\0\0")}, /* sizes */
	    {BYTES("\0\0\0\6\x12\x0a\0\2\0\1")},
	    {BYTES("\0\0\0\x0f\x11\x08\0\1\1\x09\0\7"
		   "1234567")},
	    {BYTES("\0\0\0\x11\x11\x08\0\1\1\x09\0\x09"
		   "123456789")},
	    {BYTES("\0\0\0\x0e\1\1\0\2a\0\2\0\1b\5\0\1\1")}, /* NUL */
	    {BYTES("\0\0\0\x0d\1\1\0\1\0\2\0\1b\5\0\1\1")},
	    {BYTES("\0\0\0\x09\1\2\0\1b\5\0\1\1")}, /* user missing */
	    {BYTES("\0\0\0\x09\1\1\0\1a\5\0\1\1")},
	    {BYTES("\0\0\0\x09\1\1\0\1a\2\0\1b")},
	    {BYTES("\0\0\0\x11\1\1\0\1a\2\0\1b\5\0\1\1\x0b\0\1x")},
	    {BYTES("\0\0\0\x10\1\1\0\1a\2\0\1b\5\0\1\1\x0d\0\0")},
	    {BYTES("\0\0\0\x08\2\6\0\0\x0d\0\1\1")},
	};
	struct frame frame, before;

	(void)state;
	memset(&frame, 0x5a, sizeof(frame));
	before = frame;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		assert_int_equal(
		    frame_parse(rows[i].bytes, rows[i].length, &frame),
		    ERR_INVALID);
		assert_memory_equal(&frame, &before, sizeof(frame));
	}
}

static void measures(void **state)
{
	static const struct {
		const char *header;
		enum err err;
		size_t length;
	} rows[] = {
	    {"\0\0\0\0", ERR_INVALID, 0},
	    {"\0\0\0\1", ERR_NONE, 5},
	    {"\0\0\x10\0", ERR_NONE, FRAME_BYTES_MAX},
	    {"\0\0\x10\1", ERR_TOO_LONG, 0},
	    {"\xff\xff\xff\xff", ERR_TOO_LONG, 0},
	    {"\x80\0\0\1", ERR_TOO_LONG, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t length = 4711;

		print_message("row %zu\n", i);
		assert_int_equal(
		    frame_measure(
			(const unsigned char *)rows[i].header, &length),
		    rows[i].err);
		assert_int_equal(length, rows[i].err ? 4711 : rows[i].length);
	}
}

static void fills_a_frame_and_not_more(void **state)
{
	enum {
		ROOM = FRAME_BODY_BYTES_MAX - 1 - 3
	};
	static const char big[FRAME_BODY_BYTES_MAX + 1];
	struct frame_writer writer = {0};
	struct frame frame;

	(void)state;
	frame_begin(&writer, FRAME_ANSWER);
	frame_put_bytes(&writer, FRAME_TEXT, big, ROOM);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(writer.length, FRAME_BYTES_MAX);
	assert_int_equal(
	    frame_parse(writer.bytes, writer.length, &frame), ERR_NONE);

	frame_begin(&writer, FRAME_ANSWER);
	frame_put_bytes(&writer, FRAME_TEXT, big, ROOM + 1);
	assert_int_equal(frame_end(&writer), ERR_TOO_LONG);
	/* Nothing fits after a field that did not. */
	frame_begin(&writer, FRAME_ANSWER);
	frame_put_bytes(&writer, FRAME_TEXT, big, SIZE_MAX);
	frame_put_u8(&writer, FRAME_EVENT, 1);
	assert_int_equal(frame_end(&writer), ERR_TOO_LONG);
	/* A writer nobody began. */
	writer = (struct frame_writer){0};
	assert_int_equal(frame_end(&writer), ERR_TOO_LONG);
	frame_put_text(&writer, FRAME_USER, "s1042");
	assert_int_equal(frame_end(&writer), ERR_TOO_LONG);
}

static void gets_only_what_is_there(void **state)
{
	struct frame_writer writer = {0};
	struct frame frame;
	char text[4] = "old";
	uint8_t byte = 47;
	uint64_t number = 47;

	(void)state;
	frame_begin(&writer, FRAME_ANSWER);
	frame_put_bytes(&writer, FRAME_TEXT, "1234", 4);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(
	    frame_parse(writer.bytes, writer.length, &frame), ERR_NONE);
	assert_int_equal(
	    frame_get_text(&frame, FRAME_USER, text, 4), ERR_NOT_FOUND);
	assert_int_equal(
	    frame_get_text(&frame, FRAME_TEXT, text, 4), ERR_TOO_LONG);
	assert_int_equal(
	    frame_get_text(&frame, FRAME_TEXT, text, 0), ERR_TOO_LONG);
	assert_int_equal(
	    frame_get_u8(&frame, FRAME_RESULT, &byte), ERR_NOT_FOUND);
	assert_int_equal(frame_get_u8(&frame, FRAME_TEXT, &byte), ERR_INVALID);
	assert_int_equal(
	    frame_get_u64(&frame, FRAME_NUMBER, &number), ERR_NOT_FOUND);
	assert_int_equal(
	    frame_get_u64(&frame, FRAME_TEXT, &number), ERR_INVALID);
	assert_string_equal(text, "old");
	assert_int_equal(byte, 47);
	assert_int_equal(number, 47);

	frame_begin(&writer, FRAME_ANSWER);
	frame_put_bytes(&writer, FRAME_TEXT, "1\0", 2);
	assert_int_equal(frame_end(&writer), ERR_NONE);
	assert_int_equal(
	    frame_parse(writer.bytes, writer.length, &frame), ERR_NONE);
	assert_int_equal(
	    frame_get_text(&frame, FRAME_TEXT, text, 4), ERR_INVALID);
	assert_string_equal(text, "old");
}

static void wipes(void **state)
{
	static const struct frame_writer empty;
	struct frame_writer writer = {0};

	(void)state;
	frame_begin(&writer, FRAME_ANSWER);
	frame_put_text(&writer, FRAME_TEXT, "755224");
	frame_writer_wipe(&writer);
	assert_memory_equal(&writer, &empty, sizeof(writer));
	frame_writer_wipe(NULL);
}

/* Zeroed memory, read as a result, opens nothing. */
static void zero_is_a_refusal(void **state)
{
	(void)state;
	assert_int_equal(FRAME_DENY, 0);
	assert_int_equal(FRAME_UNPROVEN, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(carries_every_field),
	    cmocka_unit_test(writes_the_bytes_of_the_protocol),
	    cmocka_unit_test(accepts_the_table),
	    cmocka_unit_test(refuses_everything_else),
	    cmocka_unit_test(measures),
	    cmocka_unit_test(fills_a_frame_and_not_more),
	    cmocka_unit_test(gets_only_what_is_there),
	    cmocka_unit_test(wipes),
	    cmocka_unit_test(zero_is_a_refusal),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
