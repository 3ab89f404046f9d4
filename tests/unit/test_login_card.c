/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server/login_card.c: what a body must hold, the very bytes that are signed,
 * what a proof is worth, and the tags of a challenge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/login_card.h"
#include "server/store/card.h"
#include "tests/unit/card_maker.h"
#include "tests/unit/store_fixture.h"

static struct http_peer peer;
static struct http_exchange exchange = {.peer = &peer};

static struct login_call some_call(void)
{
	struct login_call login = {.factor = FACTOR_CARD};

	memset(peer.issuer_spki, 0xca, sizeof(peer.issuer_spki));
	login.call.exchange = &exchange;
	login.call.now_s = MAKER_NOW;
	strcpy(login.call.terminal.name, "desk-07");
	strcpy(login.claims.user, "madoguchi");
	strcpy(login.claims.person, "s1042");
	strcpy(login.claims.service, "sshd");
	memset(login.claims.challenge, 0xc4, LOGIN_CHALLENGE_BYTES);
	return login;
}

/* --- the body ------------------------------------------------------------ */

enum {
	OPEN = -1, /* well formed, and no proof */
	WHOLE = 0,
	BAD = 1
};

static void test_members(void **state)
{
	static const struct {
		const char *certificate, *signature, *algorithm;
		enum factor factor;
		int outcome;
	} rows[] = {
	    {"AAEC", "AwQF", "ecdsa-sha256", FACTOR_CARD, WHOLE},
	    {"AAEC", "AwQ=", "rsa-pkcs1-sha256", FACTOR_CARD, WHOLE},
	    {NULL, NULL, NULL, FACTOR_CARD, OPEN},
	    {"", "", "", FACTOR_CARD, OPEN},
	    {NULL, "AwQF", "ecdsa-sha256", FACTOR_CARD, OPEN},
	    {"AAEC", NULL, "ecdsa-sha256", FACTOR_CARD, OPEN},
	    {"AAEC", "AwQF", NULL, FACTOR_CARD, OPEN},
	    {"", "AwQF", "ecdsa-sha256", FACTOR_CARD, OPEN},
	    {"AAEC", "", "ecdsa-sha256", FACTOR_CARD, OPEN},
	    {"AAEC", "AwQF", "", FACTOR_CARD, OPEN},
	    {"AAE", "AwQF", "ecdsa-sha256", FACTOR_CARD, BAD},
	    {"AA-_", "AwQF", "ecdsa-sha256", FACTOR_CARD, BAD},
	    {" AAEC", "AwQF", "ecdsa-sha256", FACTOR_CARD, BAD},
	    {"", "!", "ecdsa-sha256", FACTOR_CARD, BAD},
	    {"AAEC", "AwQF", "rsa-pss-sha256", FACTOR_CARD, BAD},
	    {NULL, NULL, "ECDSA-SHA256", FACTOR_CARD, BAD},
	    {"AAEC", NULL, NULL, FACTOR_OTP, BAD},
	    {NULL, "", NULL, FACTOR_EMERGENCY, BAD},
	    {NULL, NULL, "ecdsa-sha256", FACTOR_OTP, BAD},
	    {NULL, NULL, NULL, FACTOR_OTP, OPEN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct login_card_members members = {
		    rows[i].certificate, rows[i].signature, rows[i].algorithm};
		struct login_call login = {.factor = rows[i].factor};
		const char *problem = NULL;
		enum err err = login_card_take(&login, &members, &problem);

		if (err != (rows[i].outcome == BAD ? ERR_INVALID : ERR_NONE) ||
		    (problem != NULL) != (rows[i].outcome == BAD) ||
		    (login.proof != NULL) != (rows[i].outcome == WHOLE))
			fail_msg("row %zu: %s", i, problem ? problem : "");
		free(login.proof);
	}
}

static char *base64_of(size_t length)
{
	unsigned char *bytes = calloc(1, length);
	char *text = malloc(ENCODE_BASE64_SIZE(length));

	encode_base64(bytes, length, text);
	free(bytes);
	return text;
}

static void test_longest_members(void **state)
{
	static const struct {
		size_t certificate, signature;
		enum err err;
	} rows[] = {
	    {CARD_CERTIFICATE_BYTES_MAX, CARD_SIGNATURE_BYTES_MAX, ERR_NONE},
	    {CARD_CERTIFICATE_BYTES_MAX + 1, 1, ERR_INVALID},
	    {1, CARD_SIGNATURE_BYTES_MAX + 1, ERR_INVALID},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *certificate = base64_of(rows[i].certificate);
		char *signature = base64_of(rows[i].signature);
		const struct login_card_members members = {
		    certificate, signature, "ecdsa-sha256"};
		struct login_call login = {.factor = FACTOR_CARD};
		const char *problem = NULL;

		assert_int_equal(
		    login_card_take(&login, &members, &problem), rows[i].err);
		if (login.proof)
			assert_int_equal(login.proof->certificate_length,
			    rows[i].certificate);
		free(login.proof);
		free(certificate);
		free(signature);
	}
}

/* --- what is signed, and what it is worth -------------------------------- */

/* The PAM account, not the staff number: that is who logs in. */
static void test_signed_bytes(void **state)
{
	static const char names[] = "\0\007desk-07\0\011madoguchi\0\004sshd";
	struct login_call login = some_call();
	struct card_message message;

	(void)state;
	assert_int_equal(login_card_message(&login, &message), ERR_NONE);
	assert_int_equal(message.length, 18 + 32 + 32 + sizeof(names) - 1);
	assert_memory_equal(message.bytes, "sekimori-login-v1\0", 18);
	assert_memory_equal(message.bytes + 18, peer.issuer_spki, 32);
	assert_memory_equal(message.bytes + 50, login.claims.challenge, 32);
	assert_memory_equal(message.bytes + 82, names, sizeof(names) - 1);
}

/* A town's CA without CRL, and a card of its. */
struct town {
	struct maker_ca ca;
	EVP_PKEY *key;
	struct card_authorities *trusted;
	struct login_proof proof;
};

static void make_town(struct town *town)
{
	const struct maker_wish wish = {.key = town->key = EVP_EC_gen("P-256")};
	struct maker_bytes ca_der, der;
	struct card_authority row = {0};

	town->ca = maker_ca_new("Town CA");
	ca_der = maker_ca_der(&town->ca);
	der = maker_x509_der(maker_issue(&wish, &town->ca));
	row.certificate = ca_der.bytes;
	row.certificate_length = ca_der.length;
	assert_int_equal(
	    card_authorities_new(&row, 1, &town->trusted), ERR_NONE);
	town->proof.algorithm = CARD_ECDSA_SHA256;
	town->proof.certificate_length = der.length;
	memcpy(town->proof.certificate, der.bytes, der.length);
	free(ca_der.bytes);
	free(der.bytes);
}

static void free_town(struct town *town)
{
	card_authorities_free(town->trusted);
	maker_ca_free(&town->ca);
	EVP_PKEY_free(town->key);
}

static void sign(struct town *town, const struct login_call *login)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct card_message message;

	assert_int_equal(login_card_message(login, &message), ERR_NONE);
	town->proof.signature_length = sizeof(town->proof.signature);
	assert_int_equal(
	    EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, town->key),
	    1);
	assert_int_equal(
	    EVP_DigestSign(context, town->proof.signature,
		&town->proof.signature_length, message.bytes, message.length),
	    1);
	EVP_MD_CTX_free(context);
}

/* Each part of the message changed after signing. */
static void test_a_proof_is_of_this_login_alone(void **state)
{
	struct town town = {0};
	struct store store = {0};
	struct login_call login = some_call();

	(void)state;
	make_town(&town);
	store.card_authorities = town.trusted;
	sign(&town, &login);
	login.proof = &town.proof;
	assert_int_equal(login_card_look(&login, &store), ERR_NONE);
	assert_int_equal(login.card.standing, CARD_GOOD);
	assert_int_equal(
	    login.card.valid_until, MAKER_NOW + 3650LL * MAKER_DAY);
	for (int i = 0; i < 5; i++) {
		struct login_call other = login;

		if (i == 0)
			other.claims.challenge[31] ^= 1;
		else if (i == 1)
			strcpy(other.call.terminal.name, "desk-08");
		else if (i == 2)
			strcpy(other.claims.user, "madoguchj");
		else if (i == 3)
			strcpy(other.claims.service, "sudo");
		else
			peer.issuer_spki[0] ^= 1;
		assert_int_equal(login_card_look(&other, &store), ERR_NONE);
		if (other.card.standing != CARD_FORGED)
			fail_msg("part %d is not signed", i);
	}
	login.proof = NULL;
	assert_int_equal(login_card_look(&login, &store), ERR_NONE);
	assert_int_equal(login.card.standing, CARD_FORGED);
	free_town(&town);
}

static void test_what_the_record_says(void **state)
{
	static const struct subject mine = {
	    .card_count = 1, .cards = {{.id = 1, .key = {7}}}};
	static const struct subject nobodys = {0};
	static const struct {
		const struct subject *subject;
		enum card_standing standing;
		struct decision decision;
		const char *note;
	} rows[] = {
	    {&mine, CARD_GOOD, {.result = RESULT_ACCEPT, .evaluated = true},
		"good"},
	    {&mine, CARD_GOOD, {.evaluated = true}, "not_offered"},
	    {&mine, CARD_CRL_STALE, {.card_unfit = true}, "crl_stale"},
	    {&mine, CARD_FORGED, {.evaluated = true}, "forged"},
	    {&nobodys, CARD_GOOD, {.evaluated = true}, "not_bound"},
	    {&nobodys, CARD_EXPIRED, {.evaluated = true}, "not_bound"},
	    {&nobodys, CARD_FORGED, {.evaluated = true}, "forged"},
	    {&mine, CARD_GOOD, {.reason = REASON_THROTTLED}, NULL},
	};
	struct login_proof proof = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct login_call login = {.proof = &proof,
		    .decision = rows[i].decision,
		    .card_note = "left over",
		    .card = {.standing = rows[i].standing, .key = {7}}};

		login_card_note(&login, rows[i].subject);
		if (rows[i].note)
			assert_string_equal(login.card_note, rows[i].note);
		else
			assert_null(login.card_note);
	}
}

/* --- tags ---------------------------------------------------------------- */

static const struct policy_answer any = {.action = POLICY_PERMIT,
    .factors = 1u << FACTOR_CARD | 1u << FACTOR_OTP,
    .rule = ""};

static void bind(struct store *store, int64_t person_id, unsigned char byte)
{
	struct card_certificate certificate = {.valid_until = NOW_S + 1};
	int64_t holder = 0;

	memset(certificate.key, byte, CARD_KEY_BYTES);
	COMMITTED(store,
	    card_add(store, person_id, &certificate, &byte, 1, NOW_S, &holder));
}

static bool has_tag_of(const struct login_call *login, unsigned char byte)
{
	unsigned char key[CARD_KEY_BYTES], tag[CARD_TAG_BYTES];

	memset(key, byte, sizeof(key));
	assert_int_equal(card_tag(login->claims.challenge, key, tag), ERR_NONE);
	for (size_t i = 0; i < login->tag_count; i++)
		if (memcmp(login->tags[i], tag, CARD_TAG_BYTES) == 0)
			return true;
	return false;
}

static void expect_sorted_all(const struct login_call *login, size_t count)
{
	assert_int_equal(login->tag_count, count);
	assert_true(login->names_keys);
	for (size_t i = 1; i < count; i++)
		assert_true(memcmp(login->tags[i - 1], login->tags[i],
				CARD_TAG_BYTES) < 0);
}

static void expect_sorted(const struct login_call *login)
{
	expect_sorted_all(login, CARD_TAGS);
}

static void test_no_tags_in_a_town_without_cards(void **state)
{
	struct fixture *f = *state;
	struct login_call login = some_call();

	login.tag_count = CARD_TAGS;
	assert_int_equal(login_card_tags(&login, f->store, &any), ERR_NONE);
	assert_int_equal(login.tag_count, 0);
}

static void test_tags(void **state)
{
	const struct policy_answer otp_only = {
	    .action = POLICY_PERMIT, .factors = 1u << FACTOR_OTP, .rule = ""};
	struct fixture *f = *state;
	struct login_call login = some_call(), again, stranger;
	struct person one = fixture_person("s1"), two = fixture_person("s2");

	COMMITTED(f->store, person_add(f->store, &one));
	COMMITTED(f->store, person_add(f->store, &two));
	bind(f->store, one.id, 0x11);
	bind(f->store, one.id, 0x12);
	bind(f->store, two.id, 0x21);
	login.person = one;
	assert_int_equal(login_card_tags(&login, f->store, &any), ERR_NONE);
	expect_sorted(&login);
	assert_true(has_tag_of(&login, 0x11));
	assert_true(has_tag_of(&login, 0x12));
	assert_false(has_tag_of(&login, 0x21));

	again = login;
	again.claims.challenge[0] ^= 1;
	assert_int_equal(login_card_tags(&again, f->store, &any), ERR_NONE);
	expect_sorted(&again);
	for (size_t i = 0; i < CARD_TAGS; i++)
		assert_memory_not_equal(
		    login.tags[i], again.tags[i], CARD_TAG_BYTES);

	stranger = login;
	stranger.person = (struct person){.id = 1, .decoy = true};
	assert_int_equal(login_card_tags(&stranger, f->store, &any), ERR_NONE);
	expect_sorted(&stranger);
	assert_false(has_tag_of(&stranger, 0x11));

	assert_int_equal(
	    login_card_tags(&stranger, f->store, &otp_only), ERR_NONE);
	assert_int_equal(stranger.tag_count, 0);
}

/* Of all who share the account, as long as they are not too many. */
static void test_tags_of_several(void **state)
{
	struct fixture *f = *state;
	struct login_call login = some_call();
	struct person people[CARD_TAGS_SHARED / SUBJECT_CARDS_MAX + 1];
	char name[8];
	size_t count = sizeof(people) / sizeof(people[0]);

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "s%zu", i);
		people[i] = fixture_person(name);
		if (i + 1 < count)
			strcpy(people[i].login, "counter");
		COMMITTED(f->store, person_add(f->store, &people[i]));
		for (int card = 0; card < SUBJECT_CARDS_MAX; card++)
			bind(f->store, people[i].id,
			    (unsigned char)(4 * i + (size_t)card + 1));
	}
	strcpy(login.claims.user, "counter");
	login.asks_person = true;
	assert_int_equal(login_card_tags(&login, f->store, &any), ERR_NONE);
	expect_sorted_all(&login, CARD_TAGS_SHARED);
	for (unsigned char key = 1; key <= CARD_TAGS_SHARED; key++)
		assert_true(has_tag_of(&login, key));
	assert_false(has_tag_of(&login, CARD_TAGS_SHARED + 1));

	strcpy(people[count - 1].login, "counter");
	COMMITTED(f->store, person_save(f->store, &people[count - 1]));
	assert_int_equal(login_card_tags(&login, f->store, &any), ERR_NONE);
	assert_int_equal(login.tag_count, 0);
	assert_true(login.names_keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_members),
	    cmocka_unit_test(test_longest_members),
	    cmocka_unit_test(test_signed_bytes),
	    cmocka_unit_test(test_a_proof_is_of_this_login_alone),
	    cmocka_unit_test(test_what_the_record_says),
	    STORE_TEST(test_no_tags_in_a_town_without_cards),
	    STORE_TEST(test_tags),
	    STORE_TEST(test_tags_of_several),
	};

	return STORE_RUN("login_card", tests);
}
