/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/stop_ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/steady.h"
#include "shared/json.h"

/* The server takes 16 KiB; of names of any length there are fewer. */
enum {
	BODY_BYTES_MAX = 15000,
};

struct members {
	const char *since;
	json_t *stopped;
};

static const struct json_member ask_members[] = {
    {"since", JSON_MEMBER_NAME, offsetof(struct members, since), true, 0,
	STOP_NUMBER_SIZE - 1, NULL},
    {"stopped", JSON_MEMBER_ARRAY, offsetof(struct members, stopped), true, 0,
	STOP_ASK_EACH_MAX, NULL},
};
/* The first of them. */
enum {
	WAIT_MEMBERS = 1,
	ASK_MEMBERS = 2,
};

/* An object of a 200, or NULL. */
static enum err post(const struct server_call *server, const char *path,
    const char *body, int64_t deadline_ms, json_t **out)
{
	const struct server_request request = {.path = path,
	    .body = body,
	    .body_length = strlen(body),
	    .deadline_ms = deadline_ms};
	struct server_reply reply = {0};
	struct json_problem problem;
	enum err err = server->perform(server->context, &request, &reply);

	if (err != ERR_NONE)
		return ERR_UNREACHABLE;
	err = ERR_UNREACHABLE;
	if (reply.status == 200 &&
	    json_read(reply.body, reply.length, out, &problem) == ERR_NONE)
		err = ERR_NONE;
	if (reply.status == 403 || reply.status == 404)
		err = ERR_NOT_ALLOWED;
	server_reply_free(&reply);
	return err;
}

static json_t *session_object(const struct stop_question *question)
{
	return json_pack(
	    "{s:s, s:s*}", "user", question->user, "person", question->person);
}

/* As many as there is room for; how many those are. */
static size_t print(
    const struct stop_question *questions, size_t count, char **out)
{
	json_t *array = json_array(), *object = NULL;
	size_t used = 0, bytes = 0;

	for (; used < count && used < STOP_ASK_EACH_MAX; used++) {
		char *text;

		object = session_object(&questions[used]);
		text = object ? json_dumps(object, JSON_COMPACT) : NULL;
		bytes += text ? strlen(text) + 1 : BODY_BYTES_MAX;
		free(text);
		if (bytes > BODY_BYTES_MAX ||
		    json_array_append_new(array, object) != 0)
			break;
		object = NULL;
	}
	if (bytes > BODY_BYTES_MAX)
		json_decref(object);
	object = json_pack("{s:o}", "sessions", array);
	*out = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return used;
}

static enum err take(json_t *object, struct stop_question *questions,
    size_t count, char out_number[STOP_NUMBER_SIZE])
{
	struct members members = {0};
	struct json_problem problem;

	if (json_take(object, ask_members, ASK_MEMBERS, false, &members,
		&problem) != ERR_NONE ||
	    json_array_size(members.stopped) != count)
		return ERR_UNREACHABLE;
	for (size_t i = 0; i < count; i++)
		if (!json_is_boolean(json_array_get(members.stopped, i)))
			return ERR_UNREACHABLE;
	for (size_t i = 0; i < count; i++)
		questions[i].stopped =
		    json_is_true(json_array_get(members.stopped, i));
	snprintf(out_number, STOP_NUMBER_SIZE, "%s", members.since);
	return ERR_NONE;
}

/* One request; *out_used of the questions are answered. */
static enum err ask_part(const struct server_call *server,
    struct stop_question *questions, size_t count, size_t *out_used,
    char out_number[STOP_NUMBER_SIZE])
{
	json_t *object = NULL;
	char *body = NULL;
	size_t used = print(questions, count, &body);
	enum err err = ERR_MEMORY;

	if (body && (used > 0 || count == 0))
		err = post(server, "/v1/terminals/stops", body,
		    steady_ms() + STOP_ASK_WAIT_MS, &object);
	if (err == ERR_NONE)
		err = take(object, questions, used, out_number);
	if (err == ERR_NONE)
		*out_used = used;
	json_decref(object);
	free(body);
	return err;
}

enum err stop_ask(const struct server_call *server,
    struct stop_question *questions, size_t count,
    char out_number[STOP_NUMBER_SIZE])
{
	struct stop_question *answered = calloc(count + 1, sizeof(*answered));
	char number[STOP_NUMBER_SIZE], later[STOP_NUMBER_SIZE];
	size_t done = 0, used = 0;
	enum err err;

	if (!answered)
		return ERR_MEMORY;
	if (count > 0)
		memcpy(answered, questions, count * sizeof(*answered));
	err = ask_part(server, answered, count, &done, number);
	while (err == ERR_NONE && done < count) {
		/* What has come between is news for the first number. */
		err = ask_part(
		    server, answered + done, count - done, &used, later);
		done += used;
	}
	if (err == ERR_NONE && count > 0)
		memcpy(questions, answered, count * sizeof(*answered));
	if (err == ERR_NONE)
		memcpy(out_number, number, sizeof(number));
	free(answered);
	return err;
}

enum err stop_wait(
    const struct server_call *server, const char *number, bool *out_news)
{
	struct members members = {0};
	struct json_problem problem;
	json_t *object = json_pack("{s:s}", "since", number);
	char *body = object ? json_dumps(object, JSON_COMPACT) : NULL;
	enum err err = ERR_MEMORY;

	json_decref(object);
	object = NULL;
	if (body)
		err = post(server, "/v1/terminals/wait", body,
		    steady_ms() + STOP_WAIT_MS, &object);
	if (err == ERR_NONE && json_take(object, ask_members, WAIT_MEMBERS,
				   false, &members, &problem) != ERR_NONE)
		err = ERR_UNREACHABLE;
	if (err == ERR_NONE)
		*out_news = strcmp(members.since, number) != 0;
	json_decref(object);
	free(body);
	return err;
}
