/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both directions of docs/PROTOCOL.md, section 1. Two tables say what may
 * stand in a frame; the code only walks over them. It is linked into every
 * process that does a login, so it needs libc only and allocates nothing.
 */
#include "shared/frame.h"

#include <string.h>

enum {
	FIELD_HEADER_BYTES = 3
};

enum content {
	CONTENT_NONE = 0,
	CONTENT_TEXT,
	CONTENT_BYTES,
	CONTENT_NUMBER
};

static const struct tag_rule {
	enum content content;
	size_t size; /* of a number */
} tag_rules[FRAME_TAG_COUNT] = {
    [FRAME_USER] = {CONTENT_TEXT, 0},
    [FRAME_SERVICE] = {CONTENT_TEXT, 0},
    [FRAME_TTY] = {CONTENT_TEXT, 0},
    [FRAME_RHOST] = {CONTENT_TEXT, 0},
    [FRAME_FIRST_FACTOR] = {CONTENT_NUMBER, 1},
    [FRAME_TEXT] = {CONTENT_BYTES, 0},
    [FRAME_PROMPT] = {CONTENT_NUMBER, 1},
    [FRAME_MESSAGE] = {CONTENT_NUMBER, 1},
    [FRAME_NUMBER] = {CONTENT_NUMBER, 8},
    [FRAME_RESULT] = {CONTENT_NUMBER, 1},
    [FRAME_LOGIN] = {CONTENT_TEXT, 0},
    [FRAME_EVENT] = {CONTENT_NUMBER, 1},
    [FRAME_ONCE] = {CONTENT_NUMBER, 1},
    [FRAME_TERMINAL] = {CONTENT_TEXT, 0},
    [FRAME_COUNT] = {CONTENT_NUMBER, 8},
};

#define BIT(tag) (1U << (tag))

static const struct type_rule {
	enum frame_type type;
	uint32_t required, optional; /* sets of tags */
} type_rules[] = {
    {FRAME_BEGIN,
	BIT(FRAME_USER) | BIT(FRAME_SERVICE) | BIT(FRAME_FIRST_FACTOR),
	BIT(FRAME_TTY) | BIT(FRAME_RHOST) | BIT(FRAME_ONCE)},
    {FRAME_ANSWER, BIT(FRAME_TEXT), 0},
    {FRAME_CANCEL, 0, 0},
    {FRAME_SESSION, BIT(FRAME_USER) | BIT(FRAME_SERVICE) | BIT(FRAME_EVENT),
	BIT(FRAME_TTY) | BIT(FRAME_RHOST) | BIT(FRAME_LOGIN)},
    {FRAME_ENROLL, BIT(FRAME_TEXT), 0},
    {FRAME_ASK, BIT(FRAME_PROMPT), BIT(FRAME_MESSAGE) | BIT(FRAME_NUMBER)},
    {FRAME_TELL, BIT(FRAME_MESSAGE),
	BIT(FRAME_NUMBER) | BIT(FRAME_TERMINAL) | BIT(FRAME_COUNT)},
    {FRAME_VERDICT, BIT(FRAME_RESULT),
	BIT(FRAME_MESSAGE) | BIT(FRAME_NUMBER) | BIT(FRAME_LOGIN) |
	    BIT(FRAME_USER)},
    {FRAME_DONE, 0, 0},
};

static void write_big_endian(unsigned char *out, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		out[i] = (unsigned char)(value >> (8 * (size - 1 - i)));
}

static uint64_t read_big_endian(const unsigned char *bytes, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

void frame_begin(struct frame_writer *writer, enum frame_type type)
{
	writer->failed = false;
	writer->length = FRAME_HEADER_BYTES + 1;
	writer->bytes[FRAME_HEADER_BYTES] = (unsigned char)type;
}

void frame_put_bytes(struct frame_writer *writer, enum frame_tag tag,
    const void *bytes, size_t length)
{
	/* Without frame_begin there is no frame to put into. */
	if (writer->length <= FRAME_HEADER_BYTES ||
	    length > FRAME_BYTES_MAX - FIELD_HEADER_BYTES ||
	    writer->length > FRAME_BYTES_MAX - FIELD_HEADER_BYTES - length)
		writer->failed = true;
	if (writer->failed)
		return;
	writer->bytes[writer->length] = (unsigned char)tag;
	write_big_endian(writer->bytes + writer->length + 1, 2, length);
	writer->length += FIELD_HEADER_BYTES;
	if (length > 0)
		memcpy(writer->bytes + writer->length, bytes, length);
	writer->length += length;
}

void frame_put_text(
    struct frame_writer *writer, enum frame_tag tag, const char *text)
{
	frame_put_bytes(writer, tag, text, strlen(text));
}

void frame_put_u8(struct frame_writer *writer, enum frame_tag tag, uint8_t v)
{
	frame_put_bytes(writer, tag, &v, sizeof(v));
}

void frame_put_u64(struct frame_writer *writer, enum frame_tag tag, uint64_t v)
{
	unsigned char bytes[sizeof(v)];

	write_big_endian(bytes, sizeof(bytes), v);
	frame_put_bytes(writer, tag, bytes, sizeof(bytes));
}

enum err frame_end(struct frame_writer *writer)
{
	if (writer->failed || writer->length <= FRAME_HEADER_BYTES)
		return ERR_TOO_LONG;
	write_big_endian(writer->bytes, FRAME_HEADER_BYTES,
	    writer->length - FRAME_HEADER_BYTES);
	return ERR_NONE;
}

void frame_writer_wipe(struct frame_writer *writer)
{
	if (writer)
		explicit_bzero(writer, sizeof(*writer));
}

enum err frame_measure(
    const unsigned char header[FRAME_HEADER_BYTES], size_t *out)
{
	uint64_t body = read_big_endian(header, FRAME_HEADER_BYTES);

	if (body == 0)
		return ERR_INVALID;
	if (body > FRAME_BODY_BYTES_MAX)
		return ERR_TOO_LONG;
	*out = FRAME_HEADER_BYTES + (size_t)body;
	return ERR_NONE;
}

static const struct type_rule *find_type_rule(unsigned char type)
{
	for (size_t i = 0; i < sizeof(type_rules) / sizeof(type_rules[0]); i++)
		if ((unsigned int)type_rules[i].type == type)
			return &type_rules[i];
	return NULL;
}

static bool content_fits(
    unsigned char tag, const unsigned char *bytes, size_t length)
{
	const struct tag_rule *rule = &tag_rules[tag];

	switch (rule->content) {
	case CONTENT_NONE:
		return false;
	case CONTENT_TEXT:
		return !memchr(bytes, '\0', length);
	case CONTENT_BYTES:
		return true;
	case CONTENT_NUMBER:
		return length == rule->size;
	}
	return false;
}

/* Takes one field off the front of the body; returns its whole length, 0 if
 * it is not one that the rule allows here. */
static size_t parse_field(const struct type_rule *rule,
    const unsigned char *bytes, size_t length, struct frame *frame)
{
	unsigned char tag;
	size_t size;

	if (length < FIELD_HEADER_BYTES)
		return 0;
	tag = bytes[0];
	size = (size_t)read_big_endian(bytes + 1, 2);
	if (tag >= FRAME_TAG_COUNT ||
	    !((rule->required | rule->optional) & BIT(tag)))
		return 0;
	if (frame->fields[tag].present || size > length - FIELD_HEADER_BYTES)
		return 0;
	if (!content_fits(tag, bytes + FIELD_HEADER_BYTES, size))
		return 0;
	frame->fields[tag] = (struct frame_field){
	    .present = true,
	    .bytes = bytes + FIELD_HEADER_BYTES,
	    .length = size,
	};
	return FIELD_HEADER_BYTES + size;
}

enum err frame_parse(
    const unsigned char *bytes, size_t length, struct frame *out)
{
	const struct type_rule *rule;
	struct frame frame = {0};
	size_t whole = 0, step;
	enum err err;

	if (length < FRAME_HEADER_BYTES)
		return ERR_INVALID;
	err = frame_measure(bytes, &whole);
	if (err)
		return err;
	if (whole != length)
		return ERR_INVALID;
	rule = find_type_rule(bytes[FRAME_HEADER_BYTES]);
	if (!rule)
		return ERR_INVALID;
	frame.type = rule->type;
	for (size_t at = FRAME_HEADER_BYTES + 1; at < length; at += step) {
		step = parse_field(rule, bytes + at, length - at, &frame);
		if (step == 0)
			return ERR_INVALID;
	}
	for (size_t tag = 0; tag < FRAME_TAG_COUNT; tag++)
		if (rule->required & BIT(tag) && !frame.fields[tag].present)
			return ERR_INVALID;
	*out = frame;
	return ERR_NONE;
}

enum err frame_get_text(
    const struct frame *frame, enum frame_tag tag, char *out, size_t out_size)
{
	const struct frame_field *field = &frame->fields[tag];

	if (!field->present)
		return ERR_NOT_FOUND;
	if (memchr(field->bytes, '\0', field->length))
		return ERR_INVALID;
	if (field->length >= out_size)
		return ERR_TOO_LONG;
	memcpy(out, field->bytes, field->length);
	out[field->length] = '\0';
	return ERR_NONE;
}

static enum err get_number(
    const struct frame *frame, enum frame_tag tag, size_t size, uint64_t *out)
{
	const struct frame_field *field = &frame->fields[tag];

	if (!field->present)
		return ERR_NOT_FOUND;
	if (field->length != size)
		return ERR_INVALID;
	*out = read_big_endian(field->bytes, size);
	return ERR_NONE;
}

enum err frame_get_u8(
    const struct frame *frame, enum frame_tag tag, uint8_t *out)
{
	uint64_t value = 0;
	enum err err = get_number(frame, tag, sizeof(*out), &value);

	if (!err)
		*out = (uint8_t)value;
	return err;
}

enum err frame_get_u64(
    const struct frame *frame, enum frame_tag tag, uint64_t *out)
{
	return get_number(frame, tag, sizeof(*out), out);
}
