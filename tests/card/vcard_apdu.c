/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One command APDU in, one answer out (ISO/IEC 7816-4): short lengths,
 * command chaining, GET RESPONSE, PINs with their counters, signatures, the
 * faults that a test asked for, and the log a test reads: one line for each
 * command, without its data, which may be a PIN.
 */
#include "tests/card/vcard.h"

#include <openssl/rsa.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	INS_GET_RESPONSE = 0xc0,
	CLASS_CHAINED = 0x10,
};

void vcard_log(struct vcard *card, const char *format, ...)
{
	struct timespec now;
	va_list arguments;

	if (!card->log)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	fprintf(
	    card->log, "%ld.%03ld ", (long)now.tv_sec, now.tv_nsec / 1000000);
	va_start(arguments, format);
	vfprintf(card->log, format, arguments);
	va_end(arguments);
	fputc('\n', card->log);
	fflush(card->log);
}

void vcard_reset(struct vcard *card)
{
	card->is_selected = false;
	card->file = 0;
	card->chained.length = card->pending.length = 0;
	for (int i = 0; i < 2; i++)
		card->pins[i].verified = card->pins[i].fresh = false;
}

/* PIV fills a PIN up with FF, and tells with 6983 that none is left; JPKI
 * says 63C0 as long as nobody tries, then 6984. */
int vcard_verify(
    struct vcard *card, enum vcard_slot slot, const struct command *command)
{
	struct vcard_pin *pin = &card->pins[slot];
	char typed[VCARD_PIN_SIZE] = "";
	size_t length = command->length;

	if (length == 0) {
		if (card->is_piv && pin->verified)
			return SW_OK;
		if (card->is_piv && pin->left == 0)
			return SW_BLOCKED;
		return SW_TRIES | pin->left;
	}
	if (pin->left == 0)
		return card->is_piv ? SW_BLOCKED : SW_UNUSABLE;
	while (card->is_piv && length > 0 && command->data[length - 1] == 0xff)
		length--;
	if (length < sizeof(typed))
		memcpy(typed, command->data, length);
	pin->verified =
	    length < sizeof(typed) && strcmp(typed, pin->value) == 0;
	if (pin->verified) {
		pin->left = pin->most;
		pin->fresh = true;
		return SW_OK;
	}
	pin->left--;
	return card->is_piv && pin->left == 0 ? SW_BLOCKED
					      : SW_TRIES | pin->left;
}

int vcard_sign(struct vcard *card, EVP_PKEY *key, int padding,
    const unsigned char *in, size_t length, struct bytes *out)
{
	size_t room = sizeof(out->at);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	bool ok =
	    context && EVP_PKEY_sign_init(context) > 0 &&
	    (!padding || EVP_PKEY_CTX_set_rsa_padding(context, padding) > 0) &&
	    EVP_PKEY_sign(context, out->at, &room, in, length) > 0;

	EVP_PKEY_CTX_free(context);
	usleep((useconds_t)card->faults.sign_delay_ms * 1000);
	out->length = ok ? room : 0;
	return ok ? SW_OK : SW_DATA;
}

/* False if lengths do not fit. No extended lengths, as on old cards. */
static bool parse(const unsigned char *apdu, size_t length, struct command *out)
{
	if (length < 4)
		return false;
	*out = (struct command){.class = apdu[0],
	    .ins = apdu[1],
	    .p1 = apdu[2],
	    .p2 = apdu[3],
	    .data = apdu + 4,
	    .expected = 256};
	if (length == 5) {
		out->expected = apdu[4] ? apdu[4] : 256;
	} else if (length > 5) {
		out->data = apdu + 5;
		out->length = apdu[4];
		if (out->length == 0 || length < 5 + out->length)
			return false;
		if (length == 6 + out->length && apdu[5 + out->length])
			out->expected = apdu[5 + out->length];
	}
	return true;
}

static bool is_due(struct vcard_fault *fault, const struct command *command)
{
	if ((fault->ins != command->ins && fault->ins != VCARD_ANY_INS) ||
	    fault->after-- > 0)
		return false;
	fault->ins = -1;
	return true;
}

/* The status word of an ordinary answer. */
static int run(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	struct command whole = *command;
	struct bytes data;

	bytes_put(&card->chained, command->data, command->length);
	if (command->class & CLASS_CHAINED)
		return SW_OK;
	data = card->chained;
	card->chained.length = 0;
	whole.data = data.at;
	whole.length = data.length;
	return card->is_piv ? vcard_piv(card, &whole, out)
			    : vcard_jpki(card, &whole, out);
}

static int answer(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	int word;

	if (is_due(&card->faults.word, command)) {
		word = card->faults.status_word;
		if (word == SW_BLOCKED || word == SW_UNUSABLE)
			card->pins[VCARD_AUTH].left = 0;
		return word;
	}
	if (command->ins == INS_GET_RESPONSE && card->pending.length > 0) {
		*out = card->pending;
		word = SW_OK;
	} else {
		word = run(card, command, out);
	}
	card->pending.length = 0;
	if (word == SW_OK && out->length > command->expected) {
		size_t rest = out->length - command->expected;

		bytes_put(&card->pending, out->at + command->expected, rest);
		out->length = command->expected;
		word = SW_MORE | (rest > 255 ? 0 : (int)rest);
	}
	return word;
}

static void lie(
    struct vcard *card, const struct command *command, struct bytes *out)
{
	static const unsigned char nonsense[4000] = {0x53, 0x82, 0xff, 0xff};

	if (is_due(&card->faults.brief, command)) {
		vcard_log(card, "answers with one byte");
		out->length = 1;
	}
	if (is_due(&card->faults.lengthy, command)) {
		vcard_log(card, "answers with %zu bytes", sizeof(nonsense));
		out->length = 0;
		bytes_put(out, nonsense, sizeof(nonsense));
		bytes_put(out, "\x90\x00", 2);
	}
}

bool vcard_apdu(struct vcard *card, const unsigned char *apdu, size_t length,
    struct bytes *out)
{
	struct command command = {0};
	bool is_command = parse(apdu, length, &command);
	int word = SW_LENGTH;

	out->length = 0;
	usleep((useconds_t)card->faults.apdu_delay_ms * 1000);
	if (is_due(&card->faults.cut, &command)) {
		vcard_log(card, "cut on %02x", command.ins);
		return false;
	}
	if (is_due(&card->faults.silent, &command))
		card->faults.is_silent = true;
	if (card->faults.is_silent) {
		vcard_log(card, "silent on %02x", command.ins);
		return false;
	}
	if (is_command)
		word = answer(card, &command, out);
	vcard_log(card, "%02x %02x %02x%02x lc=%zu -> %zu bytes %04x",
	    command.class, command.ins, command.p1, command.p2, command.length,
	    out->length, (unsigned)word);
	bytes_put(out,
	    (unsigned char[]){(unsigned char)(word >> 8), (unsigned char)word},
	    2);
	lie(card, &command, out);
	return true;
}
