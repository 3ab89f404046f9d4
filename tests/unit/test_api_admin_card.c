/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration of cards against a real store: whose key is whose, which CAs
 * are believed, what is refused and what is recorded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/card_invitation_code.h"
#include "server/store/subject.h"
#include "shared/encode.h"
#include "tests/support/admin_world.h"
#include "tests/unit/card_maker.h"

enum {
	BODY_SIZE = 16384
};

static struct maker_ca town;

static int make_ca(void **state)
{
	(void)state;
	town = maker_ca_new("Town CA");
	return 0;
}

static int free_ca(void **state)
{
	(void)state;
	maker_ca_free(&town);
	return 0;
}

static int setup_now(void **state)
{
	int result = setup(state);
	struct fixture *f = *state;

	f->now_s = MAKER_NOW;
	return result;
}

/* Frees the bytes. */
static char *base64_of(struct maker_bytes der)
{
	char *text = malloc(ENCODE_BASE64_SIZE(der.length));

	encode_base64(der.bytes, der.length, text);
	free(der.bytes);
	return text;
}

static char *certificate(EVP_PKEY *key, int64_t until)
{
	const struct maker_wish wish = {.key = key, .until = until};

	return base64_of(maker_x509_der(maker_issue(&wish, &town)));
}

/* {"id":ID,"certificate":TEXT}; frees text. */
static json_t *enroll(struct fixture *f, const char *id, char *text)
{
	static char body[BODY_SIZE];

	snprintf(body, sizeof(body), "{\"id\":\"%s\",\"certificate\":\"%s\"}",
	    id, text);
	free(text);
	return call(f, "card/enroll", body);
}

static const char *text_in(json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

/* 0 is no CRL. */
static json_t *trust_until(struct fixture *f, int64_t from, int64_t until)
{
	static char body[BODY_SIZE];
	char *ca = base64_of(maker_ca_der(&town)), *crl = NULL;
	json_t *answer;

	if (until)
		crl = base64_of(maker_crl_der(
		    maker_crl(&town, town.key, from, until, NULL)));
	snprintf(body, sizeof(body), "{\"certificate\":\"%s\"%s%s%s}", ca,
	    crl ? ",\"crl\":\"" : ",\"no_crl\":true", crl ? crl : "",
	    crl ? "\"" : "");
	free(ca);
	free(crl);
	answer = call(f, "card/trust", body);
	return answer;
}

static size_t keys_of(struct fixture *f, const char *user)
{
	struct subject_card keys[SUBJECT_CARDS_MAX];
	struct person person;
	size_t count = 0;

	assert_int_equal(
	    person_find(f->server->store, user, &person), ERR_NONE);
	assert_int_equal(
	    card_keys(f->server->store, person.id, keys, &count), ERR_NONE);
	return count;
}

/* --- enrolling -------------------------------------------------------------
 */

static void test_enroll(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char hex[65], body[128];
	struct person person;
	json_t *answer;

	must(f, "user/add", "{\"id\":\"s1\"}");
	must(f, "user/add", "{\"id\":\"s2\"}");
	answer = enroll(f, "s1", certificate(key, 0));
	assert_string_equal(text_in(answer, "standing"), "untrusted");
	assert_true(json_is_false(json_object_get(answer, "trusted")));
	snprintf(hex, sizeof(hex), "%s",
	    text_in(json_object_get(answer, "card"), "key"));
	assert_int_equal(strlen(hex), 64);
	json_decref(answer);
	snprintf(body, sizeof(body), "\"card_key\":\"%.32s\"", hex);
	must_have_recorded(f, body);
	must_have_recorded(f, "\"action\":\"card enroll\"");
	assert_int_equal(keys_of(f, "s1"), 1);
	assert_int_equal(
	    person_find(f->server->store, "s1", &person), ERR_NONE);
	assert_int_equal(person.enrolled_at, f->now_s);

	/* somebody else's, and again with a newer certificate */
	assert_null(enroll(f, "s2", certificate(key, 0)));
	assert_int_equal(f->status, 409);
	assert_non_null(strstr(f->detail, "s1"));
	answer = enroll(f, "s1", certificate(key, MAKER_NOW + 99));
	assert_int_equal(json_integer_value(json_object_get(
			     json_object_get(answer, "card"), "until")),
	    MAKER_NOW + 99);
	json_decref(answer);
	assert_int_equal(keys_of(f, "s1"), 1);

	/* trusted meanwhile */
	json_decref(trust_until(f, 0, 0));
	answer = enroll(f, "s1", certificate(key, 0));
	assert_string_equal(text_in(answer, "standing"), "good");
	assert_true(json_is_true(json_object_get(answer, "trusted")));
	json_decref(answer);

	snprintf(body, sizeof(body), "{\"key\":\"%s\"}", hex);
	must(f, "card/revoke", body);
	must_have_recorded(f, "\"user\":\"s1\"");
	must(f, "card/revoke", body); /* is so already */
	assert_int_equal(keys_of(f, "s1"), 0);
	json_decref(enroll(f, "s2", certificate(key, 0)));
	assert_int_equal(keys_of(f, "s2"), 1);
	must(f, "user/remove", "{\"id\":\"s2\"}");
	assert_false(card_any_bound(f->server->store));
	EVP_PKEY_free(key);
}

static void test_enroll_refuses(void **state)
{
	struct fixture *f = *state;
	EVP_PKEY *weak = EVP_RSA_gen(1024), *key = EVP_EC_gen("P-256");

	must(f, "user/add", "{\"id\":\"s1\"}");
	assert_null(enroll(f, "s1", certificate(weak, 0)));
	assert_int_equal(f->status, 400);
	assert_null(enroll(f, "s1", strdup("not base64!")));
	assert_int_equal(f->status, 400);
	assert_null(enroll(f, "s1", base64_of(maker_ca_der(&town))));
	assert_int_equal(f->status, 400);
	assert_non_null(strstr(f->detail, "of a CA"));
	assert_null(enroll(f, "nobody", certificate(key, 0)));
	assert_int_equal(f->status, 404);
	assert_int_equal(keys_of(f, "s1"), 0);
	for (int i = 0; i < SUBJECT_CARDS_MAX + 1; i++) {
		EVP_PKEY *next = EVP_EC_gen("P-256");
		json_t *answer = enroll(f, "s1", certificate(next, 0));

		assert_int_equal(answer == NULL, i == SUBJECT_CARDS_MAX);
		json_decref(answer);
		EVP_PKEY_free(next);
	}
	assert_int_equal(f->status, 409);
	must_refuse(f, "card/revoke", "{\"key\":\"00\"}", 400);
	must_refuse(f, "card/revoke",
	    "{\"key\":\"00000000000000000000000000000000"
	    "00000000000000000000000000000000\"}",
	    404);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(key);
}

/* A disabled factor is bound anew. */
static void test_enroll_forgets_failures(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct subject subject = {0};
	struct decision decision = {.throttle_changed = true,
	    .token_index = -1,
	    .emergency_index = -1,
	    .card_index = -1};
	struct person person;

	must(f, "user/add", "{\"id\":\"s1\"}");
	assert_int_equal(person_find(store, "s1", &person), ERR_NONE);
	decision.throttle.proven.failures = 50;
	assert_int_equal(store_begin(store), ERR_NONE);
	assert_int_equal(subject_apply(store, &person, FACTOR_CARD, 0, &subject,
			     &decision, true, f->now_s),
	    ERR_NONE);
	assert_int_equal(store_commit(store), ERR_NONE);
	json_decref(enroll(f, "s1", certificate(key, 0)));
	assert_int_equal(
	    subject_load(store, &person, FACTOR_CARD, 0, f->now_s, &subject),
	    ERR_NONE);
	assert_int_equal(subject.throttle.proven.failures, 0);
	subject_wipe(&subject);
	EVP_PKEY_free(key);
}

/* --- lists -----------------------------------------------------------------
 */

static void test_list(void **state)
{
	static const struct {
		int64_t days;
		const char *warning, *standing;
	} rows[] = {
	    {91, "", "good"},
	    {90, "ends within 90 days", "good"},
	    {30, "ends within 30 days", "good"},
	    {-1, "ended", "expired"},
	};
	struct fixture *f = *state;
	json_t *answer, *items, *item;
	size_t i;

	must(f, "user/add", "{\"id\":\"s1\"}");
	must(f, "user/add", "{\"id\":\"s2\"}");
	json_decref(trust_until(f, 0, 0));
	for (i = 0; i < 4; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		const struct maker_wish wish = {.key = key,
		    .from = MAKER_NOW - 99 * MAKER_DAY,
		    .until = MAKER_NOW + rows[i].days * MAKER_DAY};

		json_decref(enroll(f, "s1",
		    base64_of(maker_x509_der(maker_issue(&wish, &town)))));
		EVP_PKEY_free(key);
	}
	answer = call(f, "card/list", "{}");
	items = json_object_get(answer, "items");
	assert_int_equal(json_array_size(items), 4);
	assert_true(json_is_null(json_object_get(answer, "following")));
	json_array_foreach(items, i, item)
	{
		assert_string_equal(text_in(item, "warning"), rows[i].warning);
		assert_string_equal(
		    text_in(item, "standing"), rows[i].standing);
		assert_string_equal(text_in(item, "user"), "s1");
		assert_string_equal(text_in(item, "subject"), "CN=alice");
		assert_int_equal(
		    json_integer_value(json_object_get(item, "days_left")),
		    rows[i].days < 0 ? 0 : rows[i].days);
	}
	json_decref(answer);
	answer = call(f, "card/list", "{\"id\":\"s2\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
	json_decref(answer);
	answer = call(f, "user/show", "{\"id\":\"s1\"}");
	assert_int_equal(json_array_size(json_object_get(answer, "cards")), 4);
	json_decref(answer);
	must_refuse(f, "card/list", "{\"id\":\"s3\"}", 404);
}

/* More than one answer holds. */
static void test_list_in_parts(void **state)
{
	struct fixture *f = *state;
	struct store *store = f->server->store;
	char body[64];
	json_t *answer;
	size_t total = 0;
	int parts = 0;

	assert_int_equal(store_begin(store), ERR_NONE);
	for (int i = 0; i < 401; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		const struct maker_wish wish = {.key = key};
		struct maker_bytes der =
		    maker_x509_der(maker_issue(&wish, &town));
		struct card_certificate certificate;
		struct person person = {.kind = "regular"};
		int64_t holder;

		snprintf(person.user, sizeof(person.user), "p%d", i);
		snprintf(person.login, sizeof(person.login), "p%d", i);
		assert_int_equal(person_add(store, &person), ERR_NONE);
		assert_int_equal(card_certificate_describe(
				     der.bytes, der.length, &certificate),
		    ERR_NONE);
		assert_int_equal(card_add(store, person.id, &certificate,
				     der.bytes, der.length, NOW, &holder),
		    ERR_NONE);
		free(der.bytes);
		EVP_PKEY_free(key);
	}
	assert_int_equal(store_commit(store), ERR_NONE);
	strcpy(body, "{}");
	while (body[0]) {
		answer = call(f, "card/list", body);
		total += json_array_size(json_object_get(answer, "items"));
		body[0] = '\0';
		if (text_in(answer, "following")[0])
			snprintf(body, sizeof(body), "{\"following\":\"%s\"}",
			    text_in(answer, "following"));
		json_decref(answer);
		parts++;
	}
	assert_int_equal(total, 401);
	assert_int_equal(parts, 5);
}

/* --- CAs -------------------------------------------------------------------
 */

static void check_authority(
    struct fixture *f, const char *warning, int64_t crl_until)
{
	json_t *answer = call(f, "card/authorities", "{}");
	json_t *item = json_array_get(json_object_get(answer, "items"), 0);

	assert_string_equal(text_in(item, "subject"), "CN=Town CA");
	assert_string_equal(text_in(item, "warning"), warning);
	assert_int_equal(
	    json_integer_value(json_object_get(item, "crl_until")), crl_until);
	json_decref(answer);
}

static void test_trust(void **state)
{
	struct fixture *f = *state;
	char body[BODY_SIZE], *ca, key[65];
	json_t *answer;

	answer = trust_until(f, MAKER_NOW - 9, MAKER_NOW + 99);
	assert_non_null(answer);
	snprintf(key, sizeof(key), "%s",
	    text_in(json_object_get(answer, "authority"), "key"));
	json_decref(answer);
	must_have_recorded(f, "\"action\":\"card trust\"");
	check_authority(f, "", MAKER_NOW + 99);
	f->now_s = MAKER_NOW + 99;
	check_authority(f, "CRL stale", MAKER_NOW + 99);
	f->now_s = MAKER_NOW;

	/* an older CRL, a stale one, none at all, both */
	assert_null(trust_until(f, MAKER_NOW - 10, MAKER_NOW + 999));
	assert_int_equal(f->status, 409);
	assert_null(trust_until(f, MAKER_NOW - 9, MAKER_NOW));
	assert_int_equal(f->status, 400);
	ca = base64_of(maker_ca_der(&town));
	snprintf(body, sizeof(body), "{\"certificate\":\"%s\"}", ca);
	must_refuse(f, "card/trust", body, 409);
	snprintf(body, sizeof(body),
	    "{\"certificate\":\"%s\",\"crl\":\"AAAA\",\"no_crl\":true}", ca);
	must_refuse(f, "card/trust", body, 400);
	snprintf(body, sizeof(body),
	    "{\"certificate\":\"%s\",\"crl\":\"AAAA\"}", ca);
	must_refuse(f, "card/trust", body, 400);
	check_authority(f, "", MAKER_NOW + 99);
	json_decref(trust_until(f, MAKER_NOW - 8, MAKER_NOW + 50));
	check_authority(f, "", MAKER_NOW + 50);
	json_decref(trust_until(f, 0, 0));
	check_authority(f, "", 0);

	/* without a CRL at first */
	snprintf(body, sizeof(body), "{\"key\":\"%s\"}", key);
	must(f, "card/distrust", body);
	must_have_recorded(f, "\"action\":\"card distrust\"");
	must_refuse(f, "card/distrust", body, 404);
	snprintf(body, sizeof(body), "{\"certificate\":\"%s\"}", ca);
	must(f, "card/trust", body);
	check_authority(f, "CRL missing", 0);
	free(ca);
}

/* A list that takes several megabytes. */
static void test_large_crl(void **state)
{
	enum {
		SERIALS = 100000
	};
	struct fixture *f = *state;
	long *serials = calloc(SERIALS + 1, sizeof(*serials));
	char *ca = base64_of(maker_ca_der(&town)), *crl, *body = NULL;

	for (long i = 0; i < SERIALS; i++)
		serials[i] = 0x1000000000000 + i;
	crl = base64_of(maker_crl_der(maker_crl(
	    &town, town.key, MAKER_NOW - 9, MAKER_NOW + 99, serials)));
	assert_true(strlen(crl) > 2 * 1048576);
	assert_true(asprintf(&body, "{\"certificate\":\"%s\",\"crl\":\"%s\"}",
			ca, crl) > 0);
	must(f, "card/trust", body);
	check_authority(f, "", MAKER_NOW + 99);
	free(body);
	free(serials);
	free(ca);
	free(crl);
}

/* --- invitations -----------------------------------------------------------
 */

static void test_invite(void **state)
{
	struct fixture *f = *state;
	unsigned char hash[CARD_INVITATION_HASH_BYTES];
	char code[15], typed[16];
	int64_t person_id = 0;
	bool used = false;

	must(f, "user/add", "{\"id\":\"s1\"}");
	must_refuse(f, "card/invite", "{\"id\":\"s2\"}", 404);
	assert_null(call_at(f, "card/invite", "{\"id\":\"s1\"}", false));
	get_text(f, "card/invite", "{\"id\":\"s1\"}", NULL, "code", code,
	    sizeof(code));
	must_have_recorded(f, "\"action\":\"card invite\"");
	assert_int_equal(strlen(code), 14);
	typed[0] = ' ';
	memcpy(typed + 1, code, sizeof(code));
	typed[1] |= 0x20;
	typed[5] = ' ';
	assert_int_equal(
	    card_invitation_code_hash(f->server->store, typed, hash), ERR_NONE);
	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	assert_int_equal(card_invitation_find(f->server->store, hash, hash,
			     f->now_s + 599, &person_id, &used),
	    ERR_NONE);
	store_rollback(f->server->store);
	/* gone once the clock was set back */
	f->now_s = 4000000000;
	json_decref(call_at(f, "server/clock-accept", "{}", false));
	assert_int_equal(store_begin(f->server->store), ERR_NONE);
	assert_int_equal(card_invitation_find(f->server->store, hash, hash,
			     MAKER_NOW, &person_id, &used),
	    ERR_NOT_FOUND);
	store_rollback(f->server->store);
}

#define CARD_TEST(name)                                                        \
	cmocka_unit_test_setup_teardown(name, setup_now, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CARD_TEST(test_enroll),
	    CARD_TEST(test_enroll_refuses),
	    CARD_TEST(test_enroll_forgets_failures),
	    CARD_TEST(test_list),
	    CARD_TEST(test_list_in_parts),
	    CARD_TEST(test_trust),
	    CARD_TEST(test_large_crl),
	    CARD_TEST(test_invite),
	};

	return cmocka_run_group_tests(tests, make_ca, free_ca);
}
