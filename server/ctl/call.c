/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to the server and its answer: what each failure means for the
 * person and for the exit code, and how an answer is shown. The questions
 * themselves are the table's (commands.h).
 */
#include <stdlib.h>
#include <string.h>

#include "server/ctl/client.h"
#include "server/ctl/commands.h"
#include "shared/secret.h"
#include "shared/text.h"

const char *call_local(const struct call *call, const char *member)
{
	return json_string_value(json_object_get(call->locals, member));
}

const char *call_place(const struct call *call)
{
	return call->server ? call->server : call->socket_path;
}

const char *call_subject(const struct call *call)
{
	return call->subject ? call->subject : "";
}

/* A failure in words on stderr; for programs also as an object. */
static void tell(const struct call *call, long status, const char *sentence)
{
	output_sentence(stderr, "sekimorictl: {}", sentence);
	if (call->json) {
		json_t *object = json_pack("{s:s,s:I}", "error", sentence,
		    "status", (json_int_t)status);

		if (object)
			output_json(stdout, object);
		json_decref(object);
	}
}

static int tell_remote(const struct call *call, enum err err)
{
	char sentence[OUTPUT_CELL_SIZE];

	if (err == ERR_CRYPTO)
		snprintf(sentence, sizeof(sentence),
		    "Whoever answers at %s is not your server: its "
		    "certificate is not of the CA in %s, or not for this "
		    "name. Nothing was sent.",
		    call->server, call->ca);
	else if (err == ERR_NOT_FOUND)
		snprintf(sentence, sizeof(sentence),
		    "%s cannot be read as a CA's certificate. It is the "
		    "ca.crt of any terminal that has joined.",
		    call->ca);
	else if (err == ERR_UNREACHABLE)
		snprintf(sentence, sizeof(sentence),
		    "No server answers at %s. Check address, network and "
		    "firewall, and on the server: systemctl status sekimorid",
		    call->server);
	else
		snprintf(sentence, sizeof(sentence),
		    "The server's answer did not arrive (%s). Look at "
		    "`sekimorictl audit list` before trying again: it may "
		    "have been done.",
		    err_text(err));
	tell(call, 0, sentence);
	return EXIT_UNREACHABLE;
}

static int tell_transport(const struct call *call, enum err err)
{
	char sentence[OUTPUT_CELL_SIZE];

	if (err == ERR_NOT_ALLOWED) {
		snprintf(sentence, sizeof(sentence),
		    "%s may be opened by root and by the server's own user "
		    "only. Try again with sudo.",
		    call->socket_path);
		tell(call, 0, sentence);
		return EXIT_NOT_PERMITTED;
	}
	if (call->server)
		return tell_remote(call, err);
	if (err == ERR_UNREACHABLE)
		snprintf(sentence, sizeof(sentence),
		    "No server answers on %s. Is it running? `systemctl "
		    "status sekimorid` tells; --socket names another place.",
		    call->socket_path);
	else
		snprintf(sentence, sizeof(sentence),
		    "The server's answer did not arrive (%s). Look at `%s` "
		    "before trying again: it may have been done.",
		    err_text(err), "sekimorictl audit list");
	tell(call, 0, sentence);
	return EXIT_UNREACHABLE;
}

/* A reply that is not what was hoped for. */
static int tell_problem(const struct call *call, long status, json_t *problem)
{
	const char *detail =
	    json_string_value(json_object_get(problem, "detail"));

	tell(call, status, detail ? detail : "The server gave no reason.");
	if (status == 400 || status == 413)
		return EXIT_USAGE;
	if (status == 403)
		return EXIT_NOT_PERMITTED;
	if (status == 429 || status == 503)
		return EXIT_UNREACHABLE;
	return EXIT_REFUSED;
}

/* It is not done yet, and somebody else must know its number. */
static int tell_waiting(const struct call *call, json_t *answer)
{
	static const struct output_column until = {
	    "until", "until", OUTPUT_TIME};
	char when[OUTPUT_CELL_SIZE];

	output_set_zone(answer);
	output_cell(answer, &until, when);
	if (call->json)
		output_json(stdout, answer);
	else
		fprintf(stderr,
		    "This waits for approval as request %lld, until %s. "
		    "Another administrator: `sekimorictl request approve "
		    "%lld`.\n",
		    (long long)json_integer_value(
			json_object_get(answer, "request")),
		    when,
		    (long long)json_integer_value(
			json_object_get(answer, "request")));
	return EXIT_WAITS_FOR_APPROVAL;
}

static int read_reply(
    const struct call *call, const struct client_reply *reply, json_t **out)
{
	json_error_t error;
	json_t *object = NULL;
	int code;

	if (reply->body)
		object = json_loadb(
		    reply->body, reply->length, JSON_REJECT_DUPLICATES, &error);
	if (reply->status == 200 && json_is_object(object)) {
		output_set_zone(object);
		*out = object;
		return EXIT_DONE;
	}
	code = reply->status == 202 ? tell_waiting(call, object)
				    : tell_problem(call, reply->status, object);
	json_decref(object);
	return code;
}

int call_ask_at(const struct call *call, struct client *client,
    const char *path, json_t *members, json_t **out)
{
	struct client_reply reply = {0};
	char *body = json_dumps(members, JSON_COMPACT);
	enum err err = ERR_MEMORY;
	int code;

	if (body)
		err = client_post(client, path, body, &reply);
	code = err ? tell_transport(call, err) : read_reply(call, &reply, out);
	if (body)
		secret_wipe_bytes(body, strlen(body));
	free(body);
	client_reply_free(&reply);
	return code;
}

/* Long lists come in parts; here they become one again. */
static int ask_rest(const struct call *call, struct client *client,
    const char *path, json_t *all)
{
	json_t *following = json_object_get(all, "following");
	int code = EXIT_DONE;

	while (json_is_string(following) && code == EXIT_DONE) {
		json_t *part = NULL;

		if (json_object_set(call->members, "following", following))
			return EXIT_REFUSED;
		code = call_ask_at(call, client, path, call->members, &part);
		if (code == EXIT_DONE &&
		    (json_array_extend(json_object_get(all, "items"),
			 json_object_get(part, "items")) ||
			json_object_set(all, "following",
			    json_object_get(part, "following"))))
			code = EXIT_REFUSED;
		json_decref(part);
		following = json_object_get(all, "following");
	}
	json_object_del(all, "following");
	json_object_del(call->members, "following");
	return code;
}

int call_ask_all(const struct call *call, struct client *client,
    const char *path, json_t **out)
{
	json_t *answer = NULL;
	int code = call_ask_at(call, client, path, call->members, &answer);

	if (code == EXIT_DONE)
		code = ask_rest(call, client, path, answer);
	if (code != EXIT_DONE) {
		json_decref(answer);
		return code;
	}
	*out = answer;
	return EXIT_DONE;
}

int call_ask(const struct call *call, struct client *client, json_t **out)
{
	return call_ask_all(call, client, call->command->path, out);
}

int call_download(const struct call *call, struct client *client, int fd)
{
	struct client_reply reply = {0};
	json_t *ignored = NULL;
	int code = EXIT_DONE;
	enum err err;

	err = client_download(client, call->command->path, "{}", fd, &reply);
	if (err == ERR_FULL || err == ERR_IO) {
		tell(call, 0,
		    err == ERR_FULL ? "There is no room for the backup here."
				    : "The backup broke off.");
		return EXIT_REFUSED;
	}
	if (err)
		return tell_transport(call, err);
	if (reply.status != 200)
		code = read_reply(call, &reply, &ignored);
	client_reply_free(&reply);
	return code;
}

void call_show(const struct call *call, json_t *answer)
{
	const struct command *command = call->command;
	json_t *items = json_object_get(answer, "items");
	const char *notice =
	    json_string_value(json_object_get(answer, "notice"));

	if (call->json) {
		output_json(stdout, answer);
		return;
	}
	if (notice)
		output_sentence(stderr, "sekimorictl: {}", notice);
	if (command->columns && items)
		output_table(stdout, items, command->columns);
	else if (command->columns)
		output_object(stdout, answer, command->columns);
	if (command->done)
		output_sentence(stdout, command->done, call_subject(call));
}
