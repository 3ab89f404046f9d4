/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands about cards. Certificates and CRLs are read here and sent as they
 * are, PEM as text and DER in base64; what they mean is the server's to say.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "shared/encode.h"
#include "shared/text.h"

enum {
	CARD_FILE_BYTES_MAX = 12 * 1024 * 1024,
	CARD_READ_BYTES = 65536,
};

static const char *member_text(json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

/* --- files --------------------------------------------------------------- */

struct bytes {
	char *data; /* NUL-terminated */
	size_t length;
};

/* Grows until the end of the file, which may be a pipe. */
static bool read_all(FILE *file, struct bytes *out)
{
	size_t got = 1;

	while (got > 0 && out->length <= CARD_FILE_BYTES_MAX) {
		char *bigger =
		    realloc(out->data, out->length + CARD_READ_BYTES + 1);

		if (!bigger)
			return false;
		out->data = bigger;
		got = fread(bigger + out->length, 1, CARD_READ_BYTES, file);
		out->length += got;
		bigger[out->length] = '\0';
	}
	return !ferror(file);
}

/* False after having said why. */
static bool read_file(const char *path, struct bytes *out)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	struct bytes bytes = {0};
	bool fine = file && read_all(file, &bytes);

	if (!fine) {
		fprintf(stderr, "sekimorictl: %s: %m.\n", path);
	} else if (bytes.length > CARD_FILE_BYTES_MAX) {
		fprintf(stderr, "sekimorictl: %s is over %d MiB.\n", path,
		    CARD_FILE_BYTES_MAX / 1048576);
		fine = false;
	}
	if (file && file != stdin)
		fclose(file);
	if (!fine) {
		free(bytes.data);
		return false;
	}
	*out = bytes;
	return true;
}

static json_t *base64_text(const struct bytes *bytes)
{
	char *text = malloc(ENCODE_BASE64_SIZE(bytes->length));
	json_t *json = NULL;

	if (text) {
		encode_base64(bytes->data, bytes->length, text);
		json = json_string(text);
	}
	free(text);
	return json;
}

/* The file becomes a member of the request. */
static bool add_file(struct call *call, const char *member, const char *path)
{
	struct bytes bytes = {0};
	json_t *json;

	if (!read_file(path, &bytes))
		return false;
	if (strstr(bytes.data, "-----BEGIN ") &&
	    text_is_lines(bytes.data, bytes.length))
		json = json_string(bytes.data);
	else
		json = base64_text(&bytes);
	free(bytes.data);
	if (json_object_set_new(call->members, member, json) == 0)
		return true;
	fputs("sekimorictl: out of memory.\n", stderr);
	return false;
}

/* --- persons ------------------------------------------------------------- */

int handle_card_invite(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code = call_ask(call, client, &answer);

	if (code != EXIT_DONE)
		return code;
	if (call->json) {
		output_json(stdout, answer);
	} else {
		output_sentence(stdout, "{}", member_text(answer, "code"));
		output_sentence(stdout,
		    "Good once, for ten minutes. At the seat of {}: "
		    "`sekimori-agent enroll-card`.",
		    call_subject(call));
	}
	json_decref(answer);
	return EXIT_DONE;
}

/* What stands between this card and a login. */
static const char *advice(const char *standing)
{
	static const struct {
		const char *standing, *sentence;
	} rows[] = {
	    {"untrusted", "No trusted CA has issued its certificate: "
			  "`sekimorictl card trust CA.pem`."},
	    {"not_yet", "Its certificate is not valid yet."},
	    {"expired", "Its certificate has ended."},
	    {"revoked", "Its CA has revoked it."},
	    {"crl_missing", "Its CA's CRL is missing: `sekimorictl card trust "
			    "CA.pem --crl FILE`."},
	    {"crl_stale", "Its CA's CRL is stale: `sekimorictl card trust "
			  "CA.pem --crl FILE`."},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].standing, standing) == 0)
			return rows[i].sentence;
	return NULL;
}

static void tell_enrolled(const struct call *call, json_t *answer)
{
	json_t *card = json_object_get(answer, "card");
	const char *sentence = advice(member_text(answer, "standing"));

	output_sentence(
	    stdout, "The card of {} is enrolled:", call_subject(call));
	output_sentence(stdout, "  {}", member_text(card, "subject"));
	output_sentence(stdout, "  {}", member_text(card, "key"));
	if (sentence)
		output_sentence(stdout, "It cannot log in yet. {}", sentence);
}

int handle_card_enroll(struct call *call, struct client *client)
{
	json_t *answer = NULL;
	int code;

	if (!add_file(call, "certificate", call_local(call, "file")))
		return EXIT_USAGE;
	code = call_ask(call, client, &answer);
	if (code != EXIT_DONE)
		return code;
	if (call->json)
		output_json(stdout, answer);
	else
		tell_enrolled(call, answer);
	json_decref(answer);
	return EXIT_DONE;
}

int handle_card_list(struct call *call, struct client *client)
{
	json_t *answer = NULL, *item;
	int code = call_ask(call, client, &answer);
	size_t i, ending = 0;

	if (code != EXIT_DONE)
		return code;
	call_show(call, answer);
	json_array_foreach(json_object_get(answer, "items"), i, item)
	{
		if (json_is_string(json_object_get(item, "warning")))
			ending++;
	}
	if (!call->json && ending > 0)
		printf("\n%zu %s ended or will end within 90 days. Enrol the "
		       "renewed card beside the old one; until then both "
		       "work.\n",
		    ending,
		    ending == 1 ? "certificate has" : "certificates have");
	json_decref(answer);
	return EXIT_DONE;
}

/* --- CAs ----------------------------------------------------------------- */

static const struct output_column AUTHORITY_COLUMNS[] = {
    {"SUBJECT", "subject", OUTPUT_TEXT},
    {"UNTIL", "until", OUTPUT_TIME},
    {"NEEDS CRL", "needs_crl", OUTPUT_YES},
    {"CRL OF", "crl_from", OUTPUT_TIME},
    {"CRL UNTIL", "crl_until", OUTPUT_TIME},
    {"WARNING", "warning", OUTPUT_TEXT},
    {"KEY", "key", OUTPUT_TEXT},
    {0},
};

static int list_authorities(struct call *call, struct client *client)
{
	json_t *nothing = json_object(), *answer = NULL;
	int code =
	    call_ask_at(call, client, "card/authorities", nothing, &answer);

	json_decref(nothing);
	if (code != EXIT_DONE)
		return code;
	if (call->json)
		output_json(stdout, answer);
	else
		output_table(stdout, json_object_get(answer, "items"),
		    AUTHORITY_COLUMNS);
	json_decref(answer);
	return EXIT_DONE;
}

static void tell_trusted(json_t *answer)
{
	json_t *authority = json_object_get(answer, "authority");

	output_object(stdout, authority, AUTHORITY_COLUMNS);
	if (!json_is_true(json_object_get(authority, "needs_crl")))
		puts("Its CRL is not looked at: revoke lost cards here, by "
		     "`sekimorictl card revoke`.");
	else if (json_is_null(json_object_get(authority, "crl_until")))
		puts("No card of this CA can log in until its CRL is given: "
		     "`sekimorictl card trust CA.pem --crl FILE`.");
}

int handle_card_trust(struct call *call, struct client *client)
{
	const char *file = call_local(call, "file");
	const char *crl = call_local(call, "crl");
	json_t *answer = NULL;
	int code;

	if (!file && (crl || json_object_size(call->members) > 0)) {
		fputs("sekimorictl: CA.pem is missing.\n", stderr);
		return EXIT_USAGE;
	}
	if (!file)
		return list_authorities(call, client);
	if (!add_file(call, "certificate", file) ||
	    (crl && !add_file(call, "crl", crl)))
		return EXIT_USAGE;
	code = call_ask(call, client, &answer);
	if (code != EXIT_DONE)
		return code;
	if (call->json)
		output_json(stdout, answer);
	else
		tell_trusted(answer);
	json_decref(answer);
	return EXIT_DONE;
}
