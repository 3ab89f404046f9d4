/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/watch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/state.h"
#include "pam_module/agent/steady.h"
#include "shared/json.h"
#include "shared/log.h"

enum {
	WATCH_WAIT_MS = 10000,
	PATH_SIZE = 64,
	BODY_SIZE = 256
};

enum finding {
	FINDING_UNKNOWN = 0, /* no answer, or none that means anything */
	FINDING_KEPT,
	FINDING_LOST, /* another hash there, or nothing */
};

struct members {
	const char *hash;
};

static const struct json_member hash_members[] = {
    {.name = "hash",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, hash),
	.required = true},
};

static enum finding compare(
    const struct server_reply *reply, const struct head *kept)
{
	struct members members = {0};
	struct json_problem problem;
	json_t *object = NULL;
	enum finding finding = FINDING_UNKNOWN;

	if (reply->status == 404)
		return FINDING_LOST;
	if (reply->status != 200 || json_read(reply->body, reply->length,
					&object, &problem) != ERR_NONE)
		return FINDING_UNKNOWN;
	if (json_take(object, hash_members, 1, false, &members, &problem) ==
	    ERR_NONE)
		finding = strcmp(members.hash, kept->hash) == 0 ? FINDING_KEPT
								: FINDING_LOST;
	json_decref(object);
	return finding;
}

static enum finding ask(
    const struct server_call *server, const struct head *kept)
{
	char path[PATH_SIZE];
	struct server_request request = {
	    .path = path, .deadline_ms = steady_ms() + WATCH_WAIT_MS};
	struct server_reply reply = {0};
	enum finding finding;

	snprintf(path, sizeof(path), "/v1/audit/hashes/%" PRId64, kept->seq);
	if (server->perform(server->context, &request, &reply) != ERR_NONE)
		return FINDING_UNKNOWN;
	finding = compare(&reply, kept);
	server_reply_free(&reply);
	return finding;
}

static enum err report(
    const struct server_call *server, const struct head *kept)
{
	char body[BODY_SIZE];
	int length = snprintf(body, sizeof(body),
	    "{\"kind\":\"rollback\",\"seq\":%" PRId64 ",\"hash\":\"%s\"}",
	    kept->seq, kept->hash);
	struct server_request request = {.path = "/v1/reports",
	    .body = body,
	    .body_length = (size_t)length,
	    .deadline_ms = steady_ms() + WATCH_WAIT_MS};
	struct server_reply reply = {0};
	int status;

	if (server->perform(server->context, &request, &reply) != ERR_NONE)
		return ERR_UNREACHABLE;
	status = reply.status;
	server_reply_free(&reply);
	return status == 200 ? ERR_NONE : ERR_UNREACHABLE;
}

static enum err read_kept(const char *directory, struct head *out)
{
	char *text = NULL;
	size_t length = 0;
	enum err err = state_read(directory, STATE_HEAD, &text, &length);

	if (err == ERR_NONE)
		err = head_parse(text, length, out);
	free(text);
	return err;
}

static enum err write_head(
    const char *directory, const char *name, const struct head *head)
{
	char *text = NULL;
	enum err err = head_print(head, &text);

	if (err == ERR_NONE)
		err = state_write(directory, name, 0644, text, strlen(text));
	free(text);
	return err;
}

static bool is_genuine(const char *directory, const struct head *head)
{
	char *key = NULL;
	bool genuine =
	    state_read(directory, STATE_AUDIT_KEY, &key, NULL) == ERR_NONE &&
	    head_is_genuine(head, key);

	free(key);
	return genuine;
}

/* The old head gives way only once the server has put it on record. */
static enum err tell_loss(const char *directory,
    const struct server_call *server, const struct head *kept)
{
	enum err err;

	log_line(LOG_ALERT,
	    "the server's audit chain no longer holds the head this terminal "
	    "saw: it was rolled back, restored or altered",
	    LOG_TEXT("instance", kept->instance), LOG_NUMBER("seq", kept->seq),
	    LOG_TEXT("hash", kept->hash));
	err = write_head(directory, WATCH_EVIDENCE, kept);
	if (err == ERR_NONE)
		err = report(server, kept);
	return err;
}

enum err watch_head(const char *directory, const struct server_call *server,
    const struct self *self)
{
	struct head kept = {0};
	enum finding finding = FINDING_KEPT;
	enum err err = read_kept(directory, &kept);

	if (err == ERR_NONE) {
		finding = ask(server, &kept);
	} else if (err != ERR_NOT_FOUND) {
		log_line(LOG_WARNING, "the kept audit head is unreadable",
		    LOG_TEXT("error", err_text(err)));
		kept.seq = 0;
	}
	if (finding == FINDING_UNKNOWN)
		return ERR_UNREACHABLE;
	if (finding == FINDING_LOST &&
	    tell_loss(directory, server, &kept) != ERR_NONE)
		return ERR_UNREACHABLE;
	if (!self->has_head)
		return ERR_NONE;
	if (!is_genuine(directory, &self->head)) {
		log_plain(LOG_ALERT,
		    "the server's audit head is not signed by the key this "
		    "terminal learnt when it joined");
		return ERR_INVALID;
	}
	/* A head further back than the one kept says less. */
	if (finding == FINDING_KEPT && self->head.seq <= kept.seq)
		return ERR_NONE;
	return write_head(directory, STATE_HEAD, &self->head);
}
