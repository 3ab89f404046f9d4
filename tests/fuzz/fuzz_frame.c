/* SPDX-License-Identifier: Apache-2.0 */
/* Needs nothing beyond shared. */
/*
 * Frames in both directions: bytes from anybody who connects to the socket,
 * and fields that the writer turns into bytes. What is taken must survive
 * being written and read again, and no field may point outside the frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shared/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_getters(const struct frame *frame, enum frame_tag tag)
{
	char text[FRAME_BYTES_MAX], small[4];
	uint64_t number = 0;
	uint8_t byte = 0;
	const struct frame_field *field = &frame->fields[tag];

	if (frame_get_text(frame, tag, text, sizeof(text)) == ERR_NONE)
		require(strlen(text) == field->length);
	if (frame_get_text(frame, tag, small, sizeof(small)) == ERR_NONE)
		require(field->length < sizeof(small));
	if (frame_get_u8(frame, tag, &byte) == ERR_NONE)
		require(field->length == 1 && byte == field->bytes[0]);
	if (frame_get_u64(frame, tag, &number) == ERR_NONE)
		require(
		    field->length == 8 && (uint8_t)number == field->bytes[7]);
}

static bool fields_equal(
    const struct frame_field *left, const struct frame_field *right)
{
	if (left->present != right->present || left->length != right->length)
		return false;
	return left->length == 0 ||
	       memcmp(left->bytes, right->bytes, left->length) == 0;
}

/* Writes the frame again, in the order of tags, and reads that. */
static void check_again(const struct frame *frame, size_t length)
{
	struct frame_writer writer = {0};
	struct frame again;

	frame_begin(&writer, frame->type);
	for (int tag = 0; tag < FRAME_TAG_COUNT; tag++)
		if (frame->fields[tag].present)
			frame_put_bytes(&writer, (enum frame_tag)tag,
			    frame->fields[tag].bytes,
			    frame->fields[tag].length);
	require(frame_end(&writer) == ERR_NONE);
	require(writer.length == length);
	require(frame_parse(writer.bytes, writer.length, &again) == ERR_NONE);
	require(again.type == frame->type);
	for (int tag = 0; tag < FRAME_TAG_COUNT; tag++)
		require(fields_equal(&again.fields[tag], &frame->fields[tag]));
}

static void check_bytes(const uint8_t *bytes, size_t length)
{
	struct frame frame;
	size_t whole = 0;

	if (frame_parse(bytes, length, &frame) != ERR_NONE)
		return;
	require(frame_measure(bytes, &whole) == ERR_NONE && whole == length);
	for (int tag = 0; tag < FRAME_TAG_COUNT; tag++) {
		const struct frame_field *field = &frame.fields[tag];

		check_getters(&frame, (enum frame_tag)tag);
		require(!field->present ||
			(field->bytes > bytes &&
			    field->bytes + field->length <= bytes + length));
	}
	check_again(&frame, length);
}

/* The bytes as instructions: type, then tag, length, content. Whether or not
 * that makes a legal frame, the writer stays in its bounds and the parser
 * agrees with it about the length. */
static void check_fields(const uint8_t *bytes, size_t length)
{
	struct frame_writer writer = {0};
	struct frame frame;
	size_t whole = 0, at = 1;

	if (length == 0)
		return;
	frame_begin(&writer, (enum frame_type)bytes[0]);
	while (at + 2 < length) {
		size_t size = (size_t)bytes[at + 1] * 16;

		if (size > length - at - 2)
			size = length - at - 2;
		frame_put_bytes(
		    &writer, (enum frame_tag)bytes[at], bytes + at + 2, size);
		at += 2 + size;
	}
	if (frame_end(&writer) == ERR_NONE) {
		require(frame_measure(writer.bytes, &whole) == ERR_NONE);
		require(whole == writer.length && whole <= FRAME_BYTES_MAX);
		if (frame_parse(writer.bytes, whole, &frame) == ERR_NONE)
			check_again(&frame, whole);
	}
	frame_writer_wipe(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	check_bytes(bytes, length);
	check_fields(bytes, length);
	return 0;
}
