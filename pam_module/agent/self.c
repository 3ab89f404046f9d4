/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/self.h"

#include <string.h>

#include "shared/certificate.h"
#include "shared/json.h"

enum {
	AUDIT_KEY_CHARACTERS_MAX = 64,
	SHADOW_CHARACTERS_MAX = 1024,
};

struct members {
	const char *terminal, *ca, *audit_key, *shadow;
	int64_t renew_at;
	json_t *head;
};

static const struct json_member self_members[] = {
    {.name = "terminal",
	.kind = JSON_MEMBER_NAME,
	.offset = offsetof(struct members, terminal),
	.required = true},
    {.name = "ca",
	.kind = JSON_MEMBER_LINES,
	.offset = offsetof(struct members, ca),
	.required = true,
	.maximum = CERTIFICATE_PEM_BYTES_MAX},
    {.name = "audit_key",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, audit_key),
	.required = true,
	.maximum = AUDIT_KEY_CHARACTERS_MAX},
    {.name = "renew_at",
	.kind = JSON_MEMBER_NUMBER,
	.offset = offsetof(struct members, renew_at),
	.required = true,
	.minimum = 0,
	.maximum = INT64_MAX},
    {.name = "shadow",
	.kind = JSON_MEMBER_TEXT,
	.offset = offsetof(struct members, shadow),
	.maximum = SHADOW_CHARACTERS_MAX},
    {.name = "head",
	.kind = JSON_MEMBER_OBJECT,
	.offset = offsetof(struct members, head)},
};

enum err self_read(const struct server_reply *reply, struct self *out)
{
	struct members members = {0};
	struct json_problem problem;
	struct self self = {0};
	enum err err;

	if (reply->status != 200)
		return ERR_INVALID;
	err = json_read(reply->body, reply->length, &self.object, &problem);
	if (err == ERR_NONE)
		err = json_take(self.object, self_members,
		    sizeof(self_members) / sizeof(self_members[0]), false,
		    &members, &problem);
	if (err != ERR_NONE) {
		json_decref(self.object);
		return ERR_INVALID;
	}
	self.terminal = members.terminal;
	self.ca = members.ca;
	self.audit_key = members.audit_key;
	self.shadow = members.shadow;
	self.renew_at = members.renew_at;
	self.has_head =
	    members.head && head_read(members.head, &self.head) == ERR_NONE;
	*out = self;
	return ERR_NONE;
}

void self_free(struct self *self)
{
	json_decref(self->object);
	memset(self, 0, sizeof(*self));
}

enum err self_ask(
    const struct server_call *server, int64_t deadline_ms, struct self *out)
{
	const struct server_request request = {
	    .path = SELF_PATH, .deadline_ms = deadline_ms};
	struct server_reply reply = {0};
	enum err err = server->perform(server->context, &request, &reply);

	if (err != ERR_NONE)
		return err;
	err = reply.status == 403 ? ERR_NOT_ALLOWED : self_read(&reply, out);
	server_reply_free(&reply);
	return err;
}
