/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between pam_sekimori.so and sekimori-agent (docs/PROTOCOL.md). Sans
 * I/O: these functions turn fields into bytes and bytes into fields and know
 * no socket, so the same code serves module, agent, tests and fuzzer. The
 * module links libc only, so nothing here may need more.
 *
 *   frame   := u32 length (big-endian, of what follows), u8 type, field*
 *   field   := u8 tag, u16 length (big-endian), bytes
 *
 * A tag at most once per frame; unknown types, unknown tags, a field that
 * its type does not allow, a missing required field, trailing bytes and NUL
 * in text are refused.
 */
#ifndef SEKIMORI_FRAME_H
#define SEKIMORI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shared/err.h"

enum {
	FRAME_HEADER_BYTES = 4,
	FRAME_BODY_BYTES_MAX = 4096, /* type and fields */
	FRAME_BYTES_MAX = FRAME_HEADER_BYTES + FRAME_BODY_BYTES_MAX,
};

enum frame_type {
	/* module to agent */
	FRAME_BEGIN = 1, /* starts one authentication */
	FRAME_ANSWER,    /* what the person typed at the last FRAME_ASK */
	FRAME_CANCEL,    /* the conversation failed */
	FRAME_SESSION,   /* a session was opened or closed */
	FRAME_ENROLL,    /* starts the enrolment of a card; not by a module but
			    by the person's own sekimori-agent enroll-card */
	/* agent to module */
	FRAME_ASK = 16, /* show this prompt, send the answer */
	FRAME_TELL,     /* show this message, go on */
	FRAME_VERDICT,  /* the end */
	FRAME_DONE,     /* the answer to FRAME_SESSION */
};

enum frame_tag {
	FRAME_USER = 1,     /* text, the PAM account */
	FRAME_SERVICE,      /* text, the PAM service */
	FRAME_TTY,          /* text, optional */
	FRAME_RHOST,        /* text, optional */
	FRAME_FIRST_FACTOR, /* u8, enum frame_first_factor */
	FRAME_TEXT,         /* bytes typed; a secret */
	FRAME_PROMPT,       /* u8, enum frame_prompt */
	FRAME_MESSAGE,      /* u8, enum frame_message */
	FRAME_NUMBER,       /* u64 big-endian: unix time or a count, optional */
	FRAME_RESULT,       /* u8, enum frame_result */
	FRAME_LOGIN,        /* text: the login's name, handed back in
			       FRAME_SESSION */
	FRAME_EVENT,        /* u8, enum frame_event */
	FRAME_ONCE,         /* u8, not 0: the client answers once, with what
			       it has already; optional */
	FRAME_TERMINAL,     /* text, with FRAME_MESSAGE_LAST_LOGIN */
	FRAME_COUNT,        /* u64, the same: failures since */
};

enum frame_first_factor {
	FRAME_UNPROVEN = 0,
	FRAME_PROVEN = 1
};

enum frame_event {
	FRAME_SESSION_OPEN = 1,
	FRAME_SESSION_CLOSE = 2
};

/* Prompts are numbers; the module owns their words in each language. */
enum frame_prompt {
	FRAME_PROMPT_CODE = 1, /* one-time code; answered from PAM_AUTHTOK when
				  the code was appended to the password */
	FRAME_PROMPT_PIN,      /* of the card that is there */
	FRAME_PROMPT_CARD,     /* insert the card, then Enter */
	FRAME_PROMPT_LAST_TRY, /* may the card's last try be spent? yes/no */
	FRAME_PROMPT_PIN_PAD,  /* PIN on the reader, then Enter here */
	FRAME_PROMPT_PERSON,   /* staff number, with echo: no secret */
};

/* Messages to show. Zero is not one. */
enum frame_message {
	FRAME_MESSAGE_REFUSED = 1, /* the one text of everything unexplained */
	FRAME_MESSAGE_USED,        /* wait for the next code */
	FRAME_MESSAGE_THROTTLED,   /* FRAME_NUMBER: unix time of the next try */
	FRAME_MESSAGE_DISABLED,
	FRAME_MESSAGE_NOT_PERMITTED,
	FRAME_MESSAGE_EXPIRED,
	FRAME_MESSAGE_SUSPENDED,
	FRAME_MESSAGE_NOT_ENROLLED,
	FRAME_MESSAGE_CLOCK,
	FRAME_MESSAGE_UNAVAILABLE,
	FRAME_MESSAGE_EMERGENCY_UNTIL, /* FRAME_NUMBER: unix time */
	FRAME_MESSAGE_PIN_WRONG,       /* FRAME_NUMBER: tries left, if told */
	FRAME_MESSAGE_PIN_LOCKED,
	FRAME_MESSAGE_PIN_LENGTH, /* the card was not asked */
	FRAME_MESSAGE_CARD_ABSENT,
	FRAME_MESSAGE_CARD_OTHER, /* not registered for this person */
	FRAME_MESSAGE_CARD_SEVERAL,
	FRAME_MESSAGE_CARD_TROUBLE,
	FRAME_MESSAGE_CARD_EXPIRES, /* FRAME_NUMBER: unix time */
	FRAME_MESSAGE_PIN_LOW,      /* FRAME_NUMBER: tries left, if told */
	/* of an enrolment */
	FRAME_MESSAGE_ENROLLED,       /* FRAME_NUMBER: unix time of its end */
	FRAME_MESSAGE_ENROLLED_OTHER, /* another goes on; the same of it */
	FRAME_MESSAGE_ENROLL_FAILED,
	FRAME_MESSAGE_ENROLL_CODE, /* wrong, used or over */
	FRAME_MESSAGE_ENROLL_NO_KEY,
	FRAME_MESSAGE_ENROLL_SEVERAL,
	FRAME_MESSAGE_ENROLL_AFAR,    /* not at this machine's own seat */
	FRAME_MESSAGE_CARD_UNTRUSTED, /* its issuer */
	FRAME_MESSAGE_CARD_UNFIT,     /* its certificate */
	FRAME_MESSAGE_CARD_TAKEN,     /* somebody else's */
	FRAME_MESSAGE_CARDS_FULL,
	FRAME_MESSAGE_LAST_LOGIN,        /* FRAME_NUMBER: unix time */
	FRAME_MESSAGE_NEW_AUTHENTICATOR, /* since that */
	FRAME_MESSAGE_SHADOW, /* let past; FRAME_NUMBER: until when */
};

/* What the module turns into a PAM code, by the table in pam_sekimori.c.
 * Zero is a refusal, so that zeroed memory opens nothing. */
enum frame_result {
	FRAME_DENY = 0,
	FRAME_ACCEPT = 1,
	FRAME_EXEMPT = 2,
	FRAME_DENY_LOCKED,     /* throttled, disabled, PIN locked */
	FRAME_DENY_PERMISSION, /* not_permitted, expired, suspended, frozen */
	FRAME_DENY_NOT_ENROLLED,
	FRAME_DENY_UNAVAILABLE, /* clock, nobody in reach, 403, 429, 5xx */
};

/* A frame being written. Zeroed memory is an empty one. */
struct frame_writer {
	size_t length; /* bytes used, header included */
	bool failed;   /* a field did not fit; frame_end will say so */
	unsigned char bytes[FRAME_BYTES_MAX];
};

void frame_begin(struct frame_writer *writer, enum frame_type type);
void frame_put_text(
    struct frame_writer *writer, enum frame_tag tag, const char *text);
void frame_put_bytes(struct frame_writer *writer, enum frame_tag tag,
    const void *bytes, size_t length);
void frame_put_u8(struct frame_writer *writer, enum frame_tag tag, uint8_t v);
void frame_put_u64(struct frame_writer *writer, enum frame_tag tag, uint64_t v);
/* Writes the header. ERR_TOO_LONG if any field did not fit. */
enum err frame_end(struct frame_writer *writer);
/* Frames carry secrets. */
void frame_writer_wipe(struct frame_writer *writer);

/* One field of a parsed frame; points into the caller's bytes. */
struct frame_field {
	bool present;
	const unsigned char *bytes;
	size_t length;
};

enum {
	FRAME_TAG_COUNT = FRAME_COUNT + 1
};

struct frame {
	enum frame_type type;
	struct frame_field fields[FRAME_TAG_COUNT];
};

/*
 * How long the whole frame is, header included, from its first
 * FRAME_HEADER_BYTES. ERR_TOO_LONG beyond FRAME_BYTES_MAX, ERR_INVALID for an
 * empty body.
 */
enum err frame_measure(
    const unsigned char header[FRAME_HEADER_BYTES], size_t *out);

/* Parses one whole frame. On failure out is untouched. */
enum err frame_parse(
    const unsigned char *bytes, size_t length, struct frame *out);

/* Copies a text field into out as a string. ERR_NOT_FOUND if absent,
 * ERR_TOO_LONG, ERR_INVALID if it holds a NUL. */
enum err frame_get_text(
    const struct frame *frame, enum frame_tag tag, char *out, size_t out_size);
/* ERR_NOT_FOUND if absent, ERR_INVALID if not exactly one (eight) bytes. */
enum err frame_get_u8(
    const struct frame *frame, enum frame_tag tag, uint8_t *out);
enum err frame_get_u64(
    const struct frame *frame, enum frame_tag tag, uint64_t *out);

#endif
