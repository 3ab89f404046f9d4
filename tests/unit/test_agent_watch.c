/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signed heads and the rollback watch: what is kept, what is reported, what
 * is not believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pam_module/agent/state.h"
#include "pam_module/agent/watch.h"
#include "shared/encode.h"

enum {
	CALLS_MAX = 4,
	TEXT_SIZE = 256
};

struct place {
	char directory[64];
	char key_text[64];
	EVP_PKEY *key;
	/* The server's side. */
	char hash[HEAD_HASH_SIZE]; /* at any number; empty: 404 */
	int report_status;
	size_t calls;
	char paths[CALLS_MAX][TEXT_SIZE], bodies[CALLS_MAX][TEXT_SIZE];
};

static enum err answer(void *context, const struct server_request *request,
    struct server_reply *out)
{
	struct place *place = context;
	size_t call = place->calls++;
	char text[TEXT_SIZE] = "{}";
	int status = 200;

	assert_true(call < CALLS_MAX);
	snprintf(place->paths[call], TEXT_SIZE, "%s", request->path);
	snprintf(place->bodies[call], TEXT_SIZE, "%s",
	    request->body ? request->body : "");
	if (strcmp(request->path, "/v1/reports") == 0)
		status = place->report_status;
	else if (place->hash[0] == '\0')
		status = 404;
	else
		snprintf(text, sizeof(text), "{\"seq\":1,\"hash\":\"%s\"}",
		    place->hash);
	if (status == 0)
		return ERR_UNREACHABLE;
	*out = (struct server_reply){
	    .status = status, .body = strdup(text), .length = strlen(text)};
	return ERR_NONE;
}

static void sign(const struct place *place, struct head *head)
{
	char bytes[TEXT_SIZE];
	unsigned char signature[64];
	size_t length = sizeof(signature), used = sizeof("sekimori-head-v1");
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	memcpy(bytes, "sekimori-head-v1", used);
	used += (size_t)snprintf(bytes + used, sizeof(bytes) - used,
	    "%s\n%lld\n%s\n%lld\n", head->instance, (long long)head->seq,
	    head->hash, (long long)head->time);
	assert_int_equal(
	    EVP_DigestSignInit(context, NULL, NULL, NULL, place->key), 1);
	assert_int_equal(EVP_DigestSign(context, signature, &length,
			     (const unsigned char *)bytes, used),
	    1);
	EVP_MD_CTX_free(context);
	encode_base64(signature, sizeof(signature), head->signature);
}

static struct self self_with_head(
    const struct place *place, int64_t seq, char fill)
{
	struct self self = {.has_head = true,
	    .head = {.instance = "0123", .seq = seq, .time = 1774915200}};

	memset(self.head.hash, fill, HEAD_HASH_SIZE - 1);
	sign(place, &self.head);
	return self;
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));
	unsigned char raw[HEAD_KEY_BYTES];
	size_t length = sizeof(raw);

	snprintf(place->directory, sizeof(place->directory),
	    "/tmp/test-watch-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	place->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(place->key);
	assert_int_equal(
	    EVP_PKEY_get_raw_public_key(place->key, raw, &length), 1);
	encode_base64(raw, sizeof(raw), place->key_text);
	assert_int_equal(state_write(place->directory, STATE_AUDIT_KEY, 0644,
			     place->key_text, strlen(place->key_text)),
	    ERR_NONE);
	place->report_status = 200;
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	state_remove(place->directory, STATE_AUDIT_KEY);
	state_remove(place->directory, STATE_HEAD);
	state_remove(place->directory, WATCH_EVIDENCE);
	assert_int_equal(rmdir(place->directory), 0);
	EVP_PKEY_free(place->key);
	free(place);
	return 0;
}

static int64_t kept_seq(const struct place *place, const char *name)
{
	struct head head;
	char *text = NULL;
	size_t length = 0;
	int64_t seq = -1;

	if (state_read(place->directory, name, &text, &length) == ERR_NONE &&
	    head_parse(text, length, &head) == ERR_NONE)
		seq = head.seq;
	free(text);
	return seq;
}

static enum err watch(struct place *place, const struct self *self)
{
	const struct server_call server = {answer, place};

	place->calls = 0;
	return watch_head(place->directory, &server, self);
}

static void only_the_audit_key_signs_heads(void **state)
{
	struct place *place = *state;
	struct self self = self_with_head(place, 5, 'a');
	struct head changed;

	assert_true(head_is_genuine(&self.head, place->key_text));
	assert_false(head_is_genuine(&self.head, ""));
	assert_false(head_is_genuine(
	    &self.head, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	changed = self.head;
	changed.seq++;
	assert_false(head_is_genuine(&changed, place->key_text));
	changed = self.head;
	changed.hash[3] = 'b';
	assert_false(head_is_genuine(&changed, place->key_text));
	changed = self.head;
	changed.instance[0] = '1';
	assert_false(head_is_genuine(&changed, place->key_text));
	changed = self.head;
	changed.time++;
	assert_false(head_is_genuine(&changed, place->key_text));
	/* And it is not kept. */
	self.head = changed;
	assert_int_equal(watch(place, &self), ERR_INVALID);
	assert_int_equal(kept_seq(place, STATE_HEAD), -1);
}

static void heads_go_forward(void **state)
{
	struct place *place = *state;
	struct self five = self_with_head(place, 5, 'a');
	struct self nine = self_with_head(place, 9, 'b');

	assert_int_equal(watch(place, &five), ERR_NONE);
	assert_int_equal(place->calls, 0);
	assert_int_equal(kept_seq(place, STATE_HEAD), 5);
	memcpy(place->hash, five.head.hash, HEAD_HASH_SIZE);
	assert_int_equal(watch(place, &nine), ERR_NONE);
	assert_int_equal(place->calls, 1);
	/* The number, never the hash. */
	assert_string_equal(place->paths[0], "/v1/audit/hashes/5");
	assert_string_equal(place->bodies[0], "");
	assert_int_equal(kept_seq(place, STATE_HEAD), 9);
	memcpy(place->hash, nine.head.hash, HEAD_HASH_SIZE);
	assert_int_equal(watch(place, &five), ERR_NONE);
	assert_int_equal(kept_seq(place, STATE_HEAD), 9);
	assert_int_equal(kept_seq(place, WATCH_EVIDENCE), -1);
}

/* Another hash there, or nothing any more. */
static void a_lost_head_is_reported(void **state)
{
	struct place *place = *state;

	for (int missing = 0; missing < 2; missing++) {
		struct self nine = self_with_head(place, 9, 'b');
		struct self four = self_with_head(place, 4, 'c');

		state_remove(place->directory, STATE_HEAD);
		assert_int_equal(watch(place, &nine), ERR_NONE);
		memset(place->hash, 0, sizeof(place->hash));
		if (!missing)
			memcpy(place->hash, four.head.hash, HEAD_HASH_SIZE);
		/* Not taken down yet: the old head stays. */
		place->report_status = missing ? 0 : 503;
		assert_int_not_equal(watch(place, &four), ERR_NONE);
		assert_int_equal(kept_seq(place, STATE_HEAD), 9);
		place->report_status = 200;
		assert_int_equal(watch(place, &four), ERR_NONE);
		assert_string_equal(place->paths[1], "/v1/reports");
		assert_non_null(
		    strstr(place->bodies[1], "\"kind\":\"rollback\""));
		assert_non_null(strstr(place->bodies[1], "\"seq\":9"));
		assert_non_null(strstr(place->bodies[1], nine.head.hash));
		assert_int_equal(kept_seq(place, STATE_HEAD), 4);
		assert_int_equal(kept_seq(place, WATCH_EVIDENCE), 9);
	}
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    PLACED(only_the_audit_key_signs_heads),
	    PLACED(heads_go_forward),
	    PLACED(a_lost_head_is_reported),
	};

	return cmocka_run_group_tests_name("agent_watch", tests, NULL, NULL);
}
