/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/session.h"

#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/frame_name.h"
#include "pam_module/agent/steady.h"
#include "shared/json.h"
#include "shared/log.h"

enum err session_read(
    const struct frame *frame, struct session *out, enum frame_event *out_event)
{
	uint8_t event = 0;
	enum err err = frame_get_name(frame, FRAME_USER, out->user);

	if (err == ERR_NONE)
		err = frame_get_name(frame, FRAME_SERVICE, out->service);
	if (err == ERR_NONE)
		err = frame_get_u8(frame, FRAME_EVENT, &event);
	if (err == ERR_NONE && event != FRAME_SESSION_OPEN &&
	    event != FRAME_SESSION_CLOSE)
		err = ERR_INVALID;
	if (err != ERR_NONE)
		return err;
	frame_get_tty(frame, out->tty);
	if (frame_get_text(
		frame, FRAME_LOGIN, out->login, sizeof(out->login)) != ERR_NONE)
		out->login[0] = '\0';
	*out_event = (enum frame_event)event;
	return ERR_NONE;
}

static bool put(json_t *object, const char *name, const char *text)
{
	return !text || *text == '\0' ||
	       json_object_set_new(object, name, json_string(text)) == 0;
}

static char *body_of(
    const struct session *session, const char *event, const char *reason)
{
	json_t *object = json_object();
	char *body = NULL;

	if (object && put(object, "event", event) &&
	    put(object, "reason", reason) &&
	    put(object, "user", session->user) &&
	    put(object, "person", session->person) &&
	    put(object, "service", session->service) &&
	    put(object, "tty", session->tty) &&
	    put(object, "login", session->login) &&
	    put(object, "session", session->session))
		body = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return body;
}

enum err session_report(const struct server_call *server,
    const struct session *session, const char *event, const char *reason)
{
	char *body = body_of(session, event, reason);
	struct server_request request = {.path = "/v1/sessions",
	    .body = body,
	    .deadline_ms = steady_ms() + SESSION_REPORT_WAIT_MS};
	struct server_reply reply = {0};
	int status = 0;

	if (body) {
		request.body_length = strlen(body);
		if (server->perform(server->context, &request, &reply) ==
		    ERR_NONE)
			status = reply.status;
		server_reply_free(&reply);
	}
	free(body);
	if (status == 200)
		return ERR_NONE;
	log_line(LOG_WARNING, "session not reported", LOG_TEXT("event", event),
	    LOG_TEXT("user", session->user),
	    LOG_TEXT("service", session->service),
	    LOG_NUMBER("status", status));
	return status >= 400 && status < 500 && status != 429 ? ERR_NOT_ALLOWED
							      : ERR_UNREACHABLE;
}
