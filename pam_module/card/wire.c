/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/wire.h"

#include <string.h>

enum {
	TRIES_UNKNOWN = 0xff,
	TRIES_MAX = 100,
};

/* A body while it is written or read; reading beyond its end gives zeros and
 * is remembered. */
struct cursor {
	const struct wire_message *message;
	size_t at;
	bool is_over;
};

static void put(struct wire_message *out, const void *bytes, size_t length)
{
	memcpy(out->body + out->length, bytes, length);
	out->length += length;
}

static void put_number(struct wire_message *out, uint64_t value, size_t bytes)
{
	while (bytes-- > 0)
		out->body[out->length++] =
		    (unsigned char)(value >> (8 * bytes));
}

static void take(struct cursor *from, void *out, size_t length)
{
	if (from->is_over || length > from->message->length - from->at) {
		from->is_over = true;
		memset(out, 0, length);
		return;
	}
	memcpy(out, from->message->body + from->at, length);
	from->at += length;
}

static uint64_t take_number(struct cursor *from, size_t bytes)
{
	unsigned char text[8];
	uint64_t value = 0;

	take(from, text, bytes);
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | text[i];
	return value;
}

static bool is_whole(const struct cursor *from)
{
	return !from->is_over && from->at == from->message->length;
}

void wire_header(
    const struct wire_message *message, unsigned char out[WIRE_HEADER_BYTES])
{
	out[0] = (unsigned char)message->kind;
	out[1] = (unsigned char)(message->length >> 8);
	out[2] = (unsigned char)message->length;
}

enum err wire_measure(
    const unsigned char header[WIRE_HEADER_BYTES], struct wire_message *out)
{
	size_t length = (size_t)header[1] << 8 | header[2];

	if (header[0] <= WIRE_NONE || header[0] > WIRE_SIGNING)
		return ERR_INVALID;
	if (length > WIRE_BODY_BYTES_MAX)
		return ERR_TOO_LONG;
	out->kind = (enum wire_kind)header[0];
	out->length = length;
	return ERR_NONE;
}

void wire_write_find(const struct card_wanted *wanted, struct wire_message *out)
{
	out->kind = WIRE_FIND;
	out->length = 0;
	put(out, wanted->challenge, sizeof(wanted->challenge));
	put_number(out, wanted->tag_count, 1);
	for (size_t i = 0; i < wanted->tag_count; i++)
		put(out, wanted->tags[i], CARD_TAG_BYTES);
	put_number(out, wanted->message.length, 2);
	put(out, wanted->message.bytes, wanted->message.length);
}

enum err wire_read_find(
    const struct wire_message *message, struct card_wanted *out)
{
	struct cursor from = {.message = message};
	struct card_wanted wanted = {0};

	if (message->kind != WIRE_FIND)
		return ERR_INVALID;
	take(&from, wanted.challenge, sizeof(wanted.challenge));
	wanted.tag_count = take_number(&from, 1);
	if (wanted.tag_count > CARD_TAGS_SHARED)
		return ERR_INVALID;
	for (size_t i = 0; i < wanted.tag_count; i++)
		take(&from, wanted.tags[i], CARD_TAG_BYTES);
	wanted.message.length = take_number(&from, 2);
	if (wanted.message.length > sizeof(wanted.message.bytes))
		return ERR_INVALID;
	take(&from, wanted.message.bytes, wanted.message.length);
	if (!is_whole(&from))
		return ERR_INVALID;
	*out = wanted;
	return ERR_NONE;
}

void wire_write_pin(const struct secret *pin, struct wire_message *out)
{
	out->kind = WIRE_SIGN;
	out->length = 0;
	if (pin)
		put(out, pin->bytes, pin->length);
}

enum err wire_read_pin(const struct wire_message *message, struct secret *out)
{
	if (message->kind != WIRE_SIGN || message->length > WIRE_PIN_BYTES_MAX)
		return ERR_INVALID;
	return secret_set(out, message->body, message->length);
}

void wire_write_watch(
    const unsigned char key[CARD_HASH_BYTES], struct wire_message *out)
{
	out->kind = WIRE_WATCH;
	out->length = 0;
	put(out, key, CARD_HASH_BYTES);
}

enum err wire_read_watch(
    const struct wire_message *message, unsigned char out[CARD_HASH_BYTES])
{
	if (message->kind != WIRE_WATCH || message->length != CARD_HASH_BYTES)
		return ERR_INVALID;
	memcpy(out, message->body, CARD_HASH_BYTES);
	return ERR_NONE;
}

static void put_seen(const struct card_seen *seen, struct wire_message *out)
{
	put_number(out, seen->presence, 1);
	put_number(out, seen->pin, 1);
	put_number(out,
	    seen->tries_left < 0 ? TRIES_UNKNOWN : (uint64_t)seen->tries_left,
	    1);
	put_number(out, seen->has_pin_pad, 1);
	put_number(out, seen->pin_min, 1);
	put_number(out, seen->pin_max, 1);
	put(out, seen->key, sizeof(seen->key));
	put_number(out, (uint64_t)seen->valid_until, 8);
}

/* Of what is not there, only that is kept. */
static enum err take_seen(struct cursor *from, struct card_seen *out)
{
	struct card_seen seen = {0};
	uint64_t presence = take_number(from, 1), pin = take_number(from, 1);
	uint64_t tries = take_number(from, 1), pad = take_number(from, 1);

	seen.pin_min = (unsigned)take_number(from, 1);
	seen.pin_max = (unsigned)take_number(from, 1);
	take(from, seen.key, sizeof(seen.key));
	seen.valid_until = (int64_t)take_number(from, 8);
	if (from->is_over || presence > CARD_PRESENT || pin > CARD_PIN_LOCKED ||
	    pad > 1 || (tries > TRIES_MAX && tries != TRIES_UNKNOWN))
		return ERR_INVALID;
	if (presence != CARD_PRESENT) {
		*out = (struct card_seen){
		    .presence = (enum card_presence)presence, .tries_left = -1};
		return ERR_NONE;
	}
	if (seen.pin_min < 1 || seen.pin_min > seen.pin_max ||
	    seen.pin_max > WIRE_PIN_BYTES_MAX)
		return ERR_INVALID;
	seen.presence = CARD_PRESENT;
	seen.pin = (enum card_pin)pin;
	seen.tries_left = tries == TRIES_UNKNOWN ? -1 : (int)tries;
	seen.has_pin_pad = pad == 1;
	*out = seen;
	return ERR_NONE;
}

void wire_write_seen(const struct card_seen *seen, struct wire_message *out)
{
	out->kind = WIRE_SEEN;
	out->length = 0;
	put_seen(seen, out);
}

enum err wire_read_seen(
    const struct wire_message *message, struct card_seen *out)
{
	struct cursor from = {.message = message};
	struct card_seen seen = {0};
	enum err err;

	if (message->kind != WIRE_SEEN)
		return ERR_INVALID;
	err = take_seen(&from, &seen);
	if (err == ERR_NONE && !is_whole(&from))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		*out = seen;
	return err;
}

void wire_write_signing(
    const struct wire_signing *signing, struct wire_message *out)
{
	const struct card_signature *signature = &signing->signature;

	out->kind = WIRE_SIGNING;
	out->length = 0;
	put_number(out, signing->outcome, 1);
	put_seen(&signing->seen, out);
	if (signing->outcome != CARD_SIGNED)
		return;
	put_number(out, signature->algorithm, 1);
	put_number(out, signature->certificate_length, 2);
	put_number(out, signature->signature_length, 2);
	put(out, signature->certificate, signature->certificate_length);
	put(out, signature->signature, signature->signature_length);
}

static enum err take_signature(struct cursor *from, struct card_signature *out)
{
	uint64_t algorithm = take_number(from, 1);

	out->certificate_length = take_number(from, 2);
	out->signature_length = take_number(from, 2);
	if (algorithm <= CARD_ALGORITHM_NONE || algorithm > CARD_ECDSA_SHA256 ||
	    out->certificate_length < 1 ||
	    out->certificate_length > sizeof(out->certificate) ||
	    out->signature_length < 1 ||
	    out->signature_length > sizeof(out->signature))
		return ERR_INVALID;
	out->algorithm = (enum card_algorithm)algorithm;
	take(from, out->certificate, out->certificate_length);
	take(from, out->signature, out->signature_length);
	return ERR_NONE;
}

enum err wire_read_signing(
    const struct wire_message *message, struct wire_signing *out)
{
	struct cursor from = {.message = message};
	struct wire_signing signing = {0};
	uint64_t outcome;
	enum err err;

	if (message->kind != WIRE_SIGNING)
		return ERR_INVALID;
	outcome = take_number(&from, 1);
	if (outcome > CARD_SIGNED)
		return ERR_INVALID;
	signing.outcome = (enum card_signing)outcome;
	err = take_seen(&from, &signing.seen);
	if (err == ERR_NONE && signing.outcome == CARD_SIGNED)
		err = take_signature(&from, &signing.signature);
	if (err == ERR_NONE && !is_whole(&from))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		*out = signing;
	return err;
}
