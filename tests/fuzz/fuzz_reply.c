/* SPDX-License-Identifier: Apache-2.0 */
/* Needs pam_module/agent/{http_reply,login_reply,server_call}.c. */
/*
 * What the agent makes of arbitrary bytes from a server: first as the head of
 * an HTTP reply, then as the body of a login's answer. Nobody is accepted but
 * by a JSON object that says so and names the user; no token leaves that
 * could not stand in a path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pam_module/agent/http_reply.h"
#include "pam_module/agent/login_reply.h"
#include "pam_module/agent/typed.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void read_head(const char *text, size_t length)
{
	struct http_reply_head head = {.status = -1};
	enum err err = http_reply_read_head(text, length, &head);

	if (err != ERR_NONE) {
		require(head.status == -1);
		return;
	}
	require(head.status >= 200 && head.status <= 599);
	require(head.head_length <= length);
	require(head.head_length <= HTTP_REPLY_HEAD_BYTES_MAX);
	require(head.body_length <= SERVER_REPLY_BYTES_MAX);
	require(memcmp(text + head.head_length - 4, "\r\n\r\n", 4) == 0);
}

static void read_body(char *text, size_t length)
{
	struct server_reply reply = {
	    .status = 200, .body = text, .length = length};
	struct login_reply verdict;

	login_reply_read(&reply, "s1042", &verdict);
	require(verdict.outcome <= LOGIN_ACCEPTED);
	require(verdict.reason <= LOGIN_REASON_CLOCK);
	require((verdict.outcome == LOGIN_DENIED) ==
		(verdict.reason != LOGIN_REASON_NONE));
	if (verdict.outcome == LOGIN_ACCEPTED)
		require(memmem(text, length, "s1042", 5) ||
			memmem(text, length, "\\u", 2));
	if (verdict.outcome == LOGIN_CONTINUES) {
		require(verdict.login[0] != '\0');
		require(verdict.challenge.offers_card ||
			verdict.challenge.offers_codes);
		require(verdict.challenge.tag_count <= CARD_TAGS_SHARED);
		require(verdict.challenge.tag_count == 0 ||
			verdict.challenge.offers_card);
	}
	require(!verdict.challenge.asks_person ||
		verdict.outcome == LOGIN_CONTINUES);
	require(verdict.card_expires == 0 || verdict.outcome == LOGIN_ACCEPTED);
	require(verdict.card_expires >= 0 && verdict.last.at >= 0);
	if (verdict.outcome != LOGIN_ACCEPTED)
		require(!verdict.by_grace && verdict.last.at == 0 &&
			!verdict.last.bound && verdict.person[0] == '\0');
	require(
	    verdict.shadow_until == 0 ||
	    (verdict.shadow_until > 0 && verdict.outcome == LOGIN_EXEMPTED));
	require(verdict.last.at == 0 ||
		text_is_identifier(verdict.last.terminal,
		    strnlen(verdict.last.terminal, NAME_BYTES_MAX)));
	require(verdict.last.at == 0 || verdict.outcome == LOGIN_ACCEPTED);
	require((verdict.last.at > 0) == (verdict.last.terminal[0] != '\0'));
	require(verdict.card_removed <= CARD_REMOVED_NOTHING);
	require(strpbrk(verdict.login, "/.?#% \\\"\r\n") == NULL);
	require(!verdict.other_user || verdict.outcome == LOGIN_UNAVAILABLE);
	reply.status = 503;
	login_reply_read(&reply, "s1042", &verdict);
	require(verdict.outcome == LOGIN_UNAVAILABLE);
}

/* What people type before a code. */
static void read_number(const char *text, size_t length)
{
	char number[NAME_BYTES_MAX + 1];
	size_t at = typed_number(text, length, number);

	require(at <= length);
	require(number[0] == '\0' || strcmp(number, TYPED_NO_NUMBER) == 0 ||
		text_is_identifier(number, strlen(number)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *text = malloc(length + 1);

	if (!text)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	read_head(text, length);
	read_body(text, length);
	read_number(text, length);
	free(text);
	return 0;
}
