/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stops somebody and what does not: only a 200 that says so of exactly
 * what was asked. The server is made here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/stop_ask.h"

enum {
	CALLS_MAX = 16,
	BODY_BYTES_MAX = 16384, /* docs/PROTOCOL.md */
};

struct world {
	/* Per call; past the end the last goes on. NULL: none answers. */
	const char *replies[CALLS_MAX];
	int status;
	unsigned calls;
	char path[64];
	char *body;  /* of the last */
	bool counts; /* answer with as many `true` as were asked */
};

static char *all_stopped(const char *body)
{
	char *text = calloc(1, 65536), *at = text;
	bool first = true;

	assert_non_null(text);
	at += sprintf(at, "{\"since\":\"n.1\",\"stopped\":[");
	while ((body = strstr(body, "\"user\""))) {
		at += sprintf(at, "%strue", first ? "" : ",");
		first = false;
		body++;
	}
	sprintf(at, "]}");
	return text;
}

static enum err answer(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct world *world = context;
	const char *text = world->replies[world->calls];

	assert_true(world->calls < CALLS_MAX - 1);
	assert_true(request->body_length <= BODY_BYTES_MAX);
	assert_int_equal(request->body_length, strlen(request->body));
	world->calls++;
	snprintf(world->path, sizeof(world->path), "%s", request->path);
	free(world->body);
	world->body = strdup(request->body);
	if (!text && !world->counts)
		return ERR_UNREACHABLE;
	out->body = text ? strdup(text) : all_stopped(request->body);
	out->length = strlen(out->body);
	out->status = world->status ? world->status : 200;
	return ERR_NONE;
}

static struct server_call call_of(struct world *world)
{
	return (struct server_call){.perform = answer, .context = world};
}

static void end(struct world *world)
{
	free(world->body);
}

static void the_answers_are_in_order(void **state)
{
	struct world world = {
	    .replies = {"{\"since\":\"n.7\",\"stopped\":[false,true]"
			",\"more\":1}"}};
	const struct server_call server = call_of(&world);
	struct stop_question questions[] = {
	    {.user = "alice"}, {.user = "counter", .person = "s2\"x"}};
	char number[STOP_NUMBER_SIZE];

	(void)state;
	assert_int_equal(stop_ask(&server, questions, 2, number), ERR_NONE);
	assert_string_equal(world.path, "/v1/terminals/stops");
	assert_string_equal(world.body,
	    "{\"sessions\":[{\"user\":\"alice\"},"
	    "{\"user\":\"counter\",\"person\":\"s2\\\"x\"}]}");
	assert_string_equal(number, "n.7");
	assert_false(questions[0].stopped);
	assert_true(questions[1].stopped);
	end(&world);
}

static void nothing_else_stops_anybody(void **state)
{
	static const struct {
		int status;
		const char *reply;
		enum err err;
	} rows[] = {
	    {200, NULL, ERR_UNREACHABLE},
	    {200, "", ERR_UNREACHABLE},
	    {200, "{}", ERR_UNREACHABLE},
	    {200, "[true]", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[true", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[]}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[true,true]}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[1]}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[\"true\"]}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":[null]}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"n\",\"stopped\":true}", ERR_UNREACHABLE},
	    {200, "{\"since\":\"\",\"stopped\":[true]}", ERR_UNREACHABLE},
	    {200, "{\"since\":1,\"stopped\":[true]}", ERR_UNREACHABLE},
	    {200, "{\"stopped\":[true]}", ERR_UNREACHABLE},
	    {500, "{\"since\":\"n\",\"stopped\":[true]}", ERR_UNREACHABLE},
	    {503, "{\"since\":\"n\",\"stopped\":[true]}", ERR_UNREACHABLE},
	    {429, "{\"since\":\"n\",\"stopped\":[true]}", ERR_UNREACHABLE},
	    {403, "{\"since\":\"n\",\"stopped\":[true]}", ERR_NOT_ALLOWED},
	    {404, "{\"since\":\"n\",\"stopped\":[true]}", ERR_NOT_ALLOWED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world = {
		    .replies = {rows[i].reply}, .status = rows[i].status};
		const struct server_call server = call_of(&world);
		struct stop_question question = {.user = "alice"};
		char number[STOP_NUMBER_SIZE] = "before";

		if (stop_ask(&server, &question, 1, number) != rows[i].err ||
		    question.stopped || strcmp(number, "before") != 0)
			fail_msg("row %zu", i);
		end(&world);
	}
}

static void nobody_there_is_a_question_too(void **state)
{
	struct world world = {
	    .replies = {"{\"since\":\"n.7\",\"stopped\":[]}"}};
	const struct server_call server = call_of(&world);
	char number[STOP_NUMBER_SIZE];

	(void)state;
	assert_int_equal(stop_ask(&server, NULL, 0, number), ERR_NONE);
	assert_string_equal(world.body, "{\"sessions\":[]}");
	assert_string_equal(number, "n.7");
	end(&world);
}

/* However many, and however long their names. */
static void many_are_asked_about_in_parts(void **state)
{
	static struct stop_question questions[300];
	char name[257], number[STOP_NUMBER_SIZE];
	struct world world = {.counts = true};
	const struct server_call server = call_of(&world);

	(void)state;
	memset(name, '"', 256); /* each two bytes in JSON */
	name[256] = '\0';
	for (size_t i = 0; i < 300; i++)
		questions[i] =
		    (struct stop_question){.user = i < 150 ? "alice" : name,
			.person = i < 280 ? NULL : name};
	assert_int_equal(stop_ask(&server, questions, 300, number), ERR_NONE);
	assert_in_range(world.calls, 6, CALLS_MAX);
	for (size_t i = 0; i < 300; i++)
		assert_true(questions[i].stopped);
	end(&world);
}

static void half_an_answer_is_none(void **state)
{
	static struct stop_question questions[300];
	char number[STOP_NUMBER_SIZE] = "before";
	char first[16384] = "{\"since\":\"n\",\"stopped\":[true";
	struct world world = {.replies = {first}};
	const struct server_call server = call_of(&world);

	(void)state;
	for (size_t i = 0; i < 300; i++)
		questions[i].user = "alice";
	for (size_t i = 1; i < STOP_ASK_EACH_MAX; i++)
		strcat(first, ",true");
	strcat(first, "]}");
	assert_int_equal(
	    stop_ask(&server, questions, 300, number), ERR_UNREACHABLE);
	assert_int_equal(world.calls, 2);
	assert_false(questions[0].stopped);
	assert_string_equal(number, "before");
	end(&world);
}

static void news_are_another_number(void **state)
{
	static const struct {
		int status;
		const char *reply;
		enum err err;
		bool news;
	} rows[] = {
	    {200, "{\"since\":\"n.7\"}", ERR_NONE, false},
	    {200, "{\"since\":\"n.8\",\"x\":1}", ERR_NONE, true},
	    {200, "{}", ERR_UNREACHABLE, false},
	    {200, NULL, ERR_UNREACHABLE, false},
	    {503, "{\"since\":\"n.8\"}", ERR_UNREACHABLE, false},
	    {403, "{\"since\":\"n.8\"}", ERR_NOT_ALLOWED, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world world = {
		    .replies = {rows[i].reply}, .status = rows[i].status};
		const struct server_call server = call_of(&world);
		bool news = false;

		if (stop_wait(&server, "n.7", &news) != rows[i].err ||
		    news != rows[i].news)
			fail_msg("row %zu", i);
		assert_string_equal(world.path, "/v1/terminals/wait");
		assert_string_equal(world.body, "{\"since\":\"n.7\"}");
		end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_answers_are_in_order),
	    cmocka_unit_test(nothing_else_stops_anybody),
	    cmocka_unit_test(nobody_there_is_a_question_too),
	    cmocka_unit_test(many_are_asked_about_in_parts),
	    cmocka_unit_test(half_an_answer_is_none),
	    cmocka_unit_test(news_are_another_number),
	};

	return cmocka_run_group_tests_name("stop_ask", tests, NULL, NULL);
}
