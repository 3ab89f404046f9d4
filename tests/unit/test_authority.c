/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The authority in a real store: what its certificates say, to OpenSSL's own
 * verification, and that years of renewals leave no moment in which a terminal
 * that keeps in touch is lost.
 */
#include "server/keys/authority.h"

#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/keys/keyring.h"
#include "server/store/authority_rows.h"

enum {
	DAY_S = 86400,
	NOW_S = 1800000000
};

static const struct authority_lifetimes lifetimes = {
    .ca_s = 3650LL * DAY_S,
    .server_s = 365LL * DAY_S,
    .terminal_s = 90LL * DAY_S,
};

struct world {
	char directory[64];
	char key_path[96], db_path[96];
	struct keyring *keyring;
	struct store *store;
	struct authority *authority;
	char dns[32], address[32];
	char *names[2];
	int64_t now_s, next_s;
};

static void load(struct world *world)
{
	authority_free(world->authority);
	world->authority = NULL;
	assert_int_equal(
	    authority_load(world->store, &world->authority), ERR_NONE);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	strcpy(world->directory, "/tmp/test-authority-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	snprintf(world->key_path, sizeof(world->key_path), "%s/kek",
	    world->directory);
	snprintf(
	    world->db_path, sizeof(world->db_path), "%s/db", world->directory);
	strcpy(world->dns, "token.example.lg.jp");
	strcpy(world->address, "2001:db8::7");
	world->names[0] = world->dns;
	world->names[1] = world->address;
	world->now_s = NOW_S;
	assert_int_equal(keyring_create(world->key_path), ERR_NONE);
	assert_int_equal(
	    keyring_open(world->key_path, &world->keyring), ERR_NONE);
	assert_int_equal(
	    store_create(world->db_path, world->keyring, world->now_s * 1000),
	    ERR_NONE);
	assert_int_equal(store_open(world->db_path, world->keyring,
			     world->now_s, &world->store),
	    ERR_NONE);
	assert_int_equal(store_begin(world->store), ERR_NONE);
	assert_int_equal(authority_create(world->store, &lifetimes,
			     world->names, 2, world->now_s),
	    ERR_NONE);
	assert_int_equal(store_commit(world->store), ERR_NONE);
	load(world);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	char command[128];

	authority_free(world->authority);
	store_close(world->store);
	keyring_free(world->keyring);
	snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	assert_int_equal(system(command), 0);
	free(world);
	return 0;
}

/* As the housekeeping does; true if something was made. */
static bool renew(struct world *world)
{
	bool changed = false;

	assert_int_equal(store_begin(world->store), ERR_NONE);
	assert_int_equal(
	    authority_renew(world->store, world->authority, &lifetimes,
		world->names, 2, world->now_s, &changed, &world->next_s),
	    ERR_NONE);
	assert_int_equal(store_commit(world->store), ERR_NONE);
	if (changed)
		load(world);
	return changed;
}

/* --- certificates as others see them --- */

static X509 *first_of(const char *pem)
{
	X509 *certificate = NULL;

	assert_int_equal(
	    certificate_from_pem(pem, strlen(pem), &certificate), ERR_NONE);
	return certificate;
}

/* Verifies as a TLS peer would, at a time, trusting these CAs only. */
static int verify(
    const char *pem, const char *trusted_pem, int purpose, int64_t at_s)
{
	X509_STORE *trusted = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *authorities = NULL;
	X509 *certificate = first_of(pem);
	int error = X509_V_ERR_UNSPECIFIED;

	assert_int_equal(certificate_stack_from_pem(
			     trusted_pem, strlen(trusted_pem), &authorities),
	    ERR_NONE);
	for (int i = 0; i < sk_X509_num(authorities); i++)
		X509_STORE_add_cert(trusted, sk_X509_value(authorities, i));
	X509_STORE_CTX_init(context, trusted, certificate, NULL);
	X509_STORE_CTX_set_purpose(context, purpose);
	X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
	X509_STORE_CTX_set_time(context, 0, (time_t)at_s);
	if (X509_verify_cert(context) == 1)
		error = X509_V_OK;
	else
		error = X509_STORE_CTX_get_error(context);
	sk_X509_pop_free(authorities, X509_free);
	X509_STORE_CTX_free(context);
	X509_STORE_free(trusted);
	X509_free(certificate);
	return error;
}

static char *request(EVP_PKEY **out_key)
{
	char *pem = NULL;

	assert_int_equal(certificate_key_new(out_key), ERR_NONE);
	assert_int_equal(certificate_request_new(*out_key, &pem), ERR_NONE);
	return pem;
}

static char *join(struct world *world, int64_t *out_until)
{
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];
	EVP_PKEY *key = NULL;
	char *asked = request(&key);
	char *pem = NULL;

	assert_int_equal(authority_sign_terminal(world->authority, asked,
			     "desk-1", world->now_s, lifetimes.terminal_s, &pem,
			     fingerprint, out_until),
	    ERR_NONE);
	EVP_PKEY_free(key);
	free(asked);
	return pem;
}

static void the_ca_signs_leaves_only(void **state)
{
	struct world *world = *state;
	X509 *ca = first_of(authority_trusted(world->authority));
	char name[128] = "";
	char expected[64];
	unsigned char shown[CERTIFICATE_HASH_BYTES];
	unsigned char hash[CERTIFICATE_HASH_BYTES];
	const ASN1_INTEGER *serial = X509_get0_serialNumber(ca);

	X509_NAME_oneline(X509_get_subject_name(ca), name, sizeof(name));
	snprintf(expected, sizeof(expected), "/CN=Sekimori CA %.8s 1",
	    world->store->instance);
	assert_string_equal(name, expected);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(
	    X509_get_key_usage(ca), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_non_null(X509_get0_subject_key_id(ca));
	assert_int_equal(ASN1_STRING_length(serial), 16);
	assert_int_equal(
	    verify(authority_trusted(world->authority),
		authority_trusted(world->authority), X509_PURPOSE_ANY, NOW_S),
	    X509_V_OK);
	certificate_spki_hash(ca, hash);
	authority_signing_spki(world->authority, shown);
	assert_memory_equal(shown, hash, sizeof(hash));
	X509_free(ca);
}

static void the_server_is_called_by_its_names(void **state)
{
	struct world *world = *state;
	const char *chain = authority_server_chain(world->authority);
	const char *trusted = authority_trusted(world->authority);
	X509 *server = first_of(chain);
	STACK_OF(X509) *all = NULL;

	assert_int_equal(
	    verify(chain, trusted, X509_PURPOSE_SSL_SERVER, NOW_S), X509_V_OK);
	assert_int_equal(
	    verify(chain, trusted, X509_PURPOSE_SSL_SERVER, NOW_S - 299),
	    X509_V_OK);
	assert_int_equal(verify(chain, trusted, X509_PURPOSE_SSL_SERVER,
			     NOW_S + lifetimes.server_s + 1),
	    X509_V_ERR_CERT_HAS_EXPIRED);
	assert_int_equal(verify(chain, trusted, X509_PURPOSE_SSL_CLIENT, NOW_S),
	    X509_V_ERR_INVALID_PURPOSE);
	assert_int_equal(X509_check_host(server, world->dns, 0, 0, NULL), 1);
	assert_int_equal(
	    X509_check_host(server, "example.lg.jp", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(server, world->address, 0), 1);
	assert_int_equal(X509_check_ca(server), 0);
	assert_int_equal(
	    certificate_stack_from_pem(chain, strlen(chain), &all), ERR_NONE);
	assert_int_equal(sk_X509_num(all), 2);
	sk_X509_pop_free(all, X509_free);
	X509_free(server);
}

static void a_terminal_is_called_what_the_server_says(void **state)
{
	struct world *world = *state;
	const char *trusted = authority_trusted(world->authority);
	int64_t until = 0, from = 0, end = 0;
	char *pem = join(world, &until);
	X509 *terminal = first_of(pem);
	char name[128] = "";

	X509_NAME_oneline(X509_get_subject_name(terminal), name, sizeof(name));
	assert_string_equal(name, "/CN=desk-1");
	assert_int_equal(until, NOW_S + lifetimes.terminal_s);
	certificate_validity(terminal, &from, &end);
	assert_int_equal(end, until);
	assert_int_equal(from, NOW_S - 300);
	assert_int_equal(
	    verify(pem, trusted, X509_PURPOSE_SSL_CLIENT, NOW_S), X509_V_OK);
	assert_int_equal(verify(pem, trusted, X509_PURPOSE_SSL_SERVER, NOW_S),
	    X509_V_ERR_INVALID_PURPOSE);
	assert_int_equal(
	    verify(pem, trusted, X509_PURPOSE_SSL_CLIENT, until + 1),
	    X509_V_ERR_CERT_HAS_EXPIRED);
	X509_free(terminal);
	free(pem);
}

static void a_bad_request_is_not_signed(void **state)
{
	struct world *world = *state;
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];
	char *pem = NULL;
	int64_t until = 7;

	assert_int_equal(authority_sign_terminal(world->authority, "rubbish",
			     "desk-1", NOW_S, 3600, &pem, fingerprint, &until),
	    ERR_INVALID);
	assert_null(pem);
	assert_int_equal(until, 7);
}

/* --- renewal --- */

static void nothing_is_made_before_it_is_due(void **state)
{
	struct world *world = *state;
	int64_t due = NOW_S + lifetimes.server_s - lifetimes.server_s / 3;

	assert_false(renew(world));
	assert_int_equal(world->next_s, due);
	world->now_s = due - 1;
	assert_false(renew(world));
	world->now_s = due;
	assert_true(renew(world));
	assert_false(renew(world));
	assert_int_equal(world->next_s, due + (due - NOW_S));
}

static void a_new_name_is_a_new_certificate(void **state)
{
	struct world *world = *state;
	X509 *server = NULL;

	strcpy(world->dns, "new.example.lg.jp");
	assert_true(renew(world));
	assert_false(renew(world));
	server = first_of(authority_server_chain(world->authority));
	assert_int_equal(
	    X509_check_host(server, "new.example.lg.jp", 0, 0, NULL), 1);
	assert_int_equal(
	    X509_check_host(server, "token.example.lg.jp", 0, 0, NULL), 0);
	X509_free(server);
}

static void a_rollback_renews_nothing(void **state)
{
	struct world *world = *state;
	bool changed = false;
	char *before = strdup(authority_server_chain(world->authority));

	world->now_s += lifetimes.server_s;
	assert_int_equal(store_begin(world->store), ERR_NONE);
	assert_int_equal(
	    authority_renew(world->store, world->authority, &lifetimes,
		world->names, 2, world->now_s, &changed, &world->next_s),
	    ERR_NONE);
	assert_true(changed);
	store_rollback(world->store);
	load(world);
	assert_string_equal(before, authority_server_chain(world->authority));
	free(before);
}

/* A terminal that fetches `ca` once a month, and renews at a third. */
struct terminal {
	char *trusted;
	char *pem;
	int64_t from, until;
};

static void follow(struct world *world, struct terminal *terminal)
{
	free(terminal->trusted);
	terminal->trusted = strdup(authority_trusted(world->authority));
	if (world->now_s <
	    terminal->until - (terminal->until - terminal->from) / 3)
		return;
	free(terminal->pem);
	terminal->from = world->now_s;
	terminal->pem = join(world, &terminal->until);
}

/*
 * Forty years, week by week. What the terminal last heard of must verify the
 * server's certificate of the day, and what the server trusts must verify the
 * terminal's.
 */
static void terminals_follow_without_a_visit(void **state)
{
	struct world *world = *state;
	struct terminal terminal = {0};
	int changes = 0;

	follow(world, &terminal);
	for (int day = 0; day < 40 * 365; day += 7) {
		world->now_s = NOW_S + (int64_t)day * DAY_S;
		if (world->now_s >= world->next_s && renew(world))
			changes++;
		if (verify(authority_server_chain(world->authority),
			terminal.trusted, X509_PURPOSE_SSL_SERVER,
			world->now_s) != X509_V_OK)
			fail_msg("day %d: the server is not believed", day);
		if (verify(terminal.pem, authority_trusted(world->authority),
			X509_PURPOSE_SSL_CLIENT, world->now_s) != X509_V_OK)
			fail_msg("day %d: the terminal is not believed", day);
		if (day % 28 == 0)
			follow(world, &terminal);
	}
	print_message("%d renewals\n", changes);
	assert_in_range(changes, 60, 80);
	free(terminal.trusted);
	free(terminal.pem);
}

static int count(const char *pem)
{
	STACK_OF(X509) *all = NULL;
	int number = 0;

	assert_int_equal(
	    certificate_stack_from_pem(pem, strlen(pem), &all), ERR_NONE);
	number = sk_X509_num(all);
	sk_X509_pop_free(all, X509_free);
	return number;
}

/* Published at a quarter, signing from an eighth, the old one gone at its
 * end. */
static void a_successor_is_known_before_it_signs(void **state)
{
	struct world *world = *state;
	int64_t end = NOW_S + lifetimes.ca_s;
	unsigned char old[CERTIFICATE_HASH_BYTES];
	unsigned char shown[CERTIFICATE_HASH_BYTES];
	char *first = strdup(authority_trusted(world->authority));
	int64_t until = 0;
	char *pem = NULL;

	authority_signing_spki(world->authority, old);
	world->now_s = end - lifetimes.ca_s / 4 - 1;
	renew(world);
	assert_int_equal(count(authority_trusted(world->authority)), 1);
	world->now_s++;
	assert_true(renew(world));
	assert_int_equal(count(authority_trusted(world->authority)), 2);
	/* newest last */
	assert_memory_equal(
	    authority_trusted(world->authority), first, strlen(first));
	assert_false(renew(world));
	authority_signing_spki(world->authority, shown);
	assert_memory_equal(shown, old, sizeof(old));

	world->now_s = end - lifetimes.ca_s / 8 - 1;
	pem = join(world, &until);
	assert_int_equal(
	    verify(pem, first, X509_PURPOSE_SSL_CLIENT, world->now_s),
	    X509_V_OK);
	free(pem);
	world->now_s++;
	pem = join(world, &until);
	assert_int_not_equal(
	    verify(pem, first, X509_PURPOSE_SSL_CLIENT, world->now_s),
	    X509_V_OK);
	free(pem);

	world->now_s = end;
	assert_true(renew(world));
	assert_int_equal(count(authority_trusted(world->authority)), 1);
	authority_signing_spki(world->authority, shown);
	assert_memory_not_equal(shown, old, sizeof(old));
	free(first);
}

/* A server that slept through it all comes back with a new CA; terminals
 * join again. */
static void after_a_long_sleep_it_begins_anew(void **state)
{
	struct world *world = *state;
	int64_t until = 0;
	char *pem = NULL;
	EVP_PKEY *key = NULL;
	char *asked = request(&key);
	unsigned char fingerprint[CERTIFICATE_HASH_BYTES];

	world->now_s += lifetimes.ca_s + 400LL * DAY_S;
	assert_int_equal(
	    authority_sign_terminal(world->authority, asked, "desk-1",
		world->now_s, 3600, &pem, fingerprint, &until),
	    ERR_NOT_ALLOWED);
	EVP_PKEY_free(key);
	free(asked);
	assert_true(renew(world));
	assert_false(renew(world));
	assert_int_equal(count(authority_trusted(world->authority)), 1);
	assert_int_equal(verify(authority_server_chain(world->authority),
			     authority_trusted(world->authority),
			     X509_PURPOSE_SSL_SERVER, world->now_s),
	    X509_V_OK);
	pem = join(world, &until);
	assert_int_equal(verify(pem, authority_trusted(world->authority),
			     X509_PURPOSE_SSL_CLIENT, world->now_s),
	    X509_V_OK);
	free(pem);
}

/* --- keys --- */

static void heads_are_signed(void **state)
{
	struct world *world = *state;
	const char text[] = "sekimori-head-v1";
	unsigned char public_key[32], signature[64];
	EVP_PKEY *key = NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	authority_audit_key(world->authority, public_key);
	assert_int_equal(authority_sign_head(
			     world->authority, text, sizeof(text), signature),
	    ERR_NONE);
	key = EVP_PKEY_new_raw_public_key(
	    EVP_PKEY_ED25519, NULL, public_key, sizeof(public_key));
	assert_int_equal(
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestVerify(context, signature, sizeof(signature),
			     (const unsigned char *)text, sizeof(text)),
	    1);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

static void keys_survive_resealing_and_nothing_else(void **state)
{
	struct world *world = *state;
	struct authority *other = NULL;
	char *before = strdup(authority_server_key(world->authority));

	assert_int_equal(
	    keyring_add_generation(world->keyring, world->key_path), ERR_NONE);
	assert_int_equal(store_begin(world->store), ERR_NONE);
	assert_int_equal(authority_rows_reseal(world->store), ERR_NONE);
	assert_int_equal(store_commit(world->store), ERR_NONE);
	assert_int_equal(
	    keyring_drop_old(world->keyring, world->key_path), ERR_NONE);
	load(world);
	assert_string_equal(before, authority_server_key(world->authority));
	free(before);
	/* A key moved to another row does not open. */
	assert_int_equal(
	    db_script(world->store->db,
		"UPDATE authority SET sealed_key ="
		" (SELECT sealed_key FROM authority WHERE kind = 1)"
		" WHERE kind = 2"),
	    ERR_NONE);
	assert_int_equal(authority_load(world->store, &other), ERR_CRYPTO);
	assert_null(other);
}

static void a_store_without_keys_is_corrupt(void **state)
{
	struct world *world = *state;
	struct authority *other = NULL;

	for (int kind = AUTHORITY_AUDIT; kind >= AUTHORITY_CA; kind--) {
		char sql[64];

		snprintf(sql, sizeof(sql),
		    "DELETE FROM authority WHERE kind = %d", kind);
		assert_int_equal(db_script(world->store->db, sql), ERR_NONE);
		assert_int_equal(
		    authority_load(world->store, &other), ERR_CORRUPT);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_ca_signs_leaves_only),
	    TEST(the_server_is_called_by_its_names),
	    TEST(a_terminal_is_called_what_the_server_says),
	    TEST(a_bad_request_is_not_signed),
	    TEST(nothing_is_made_before_it_is_due),
	    TEST(a_new_name_is_a_new_certificate),
	    TEST(a_rollback_renews_nothing),
	    TEST(terminals_follow_without_a_visit),
	    TEST(a_successor_is_known_before_it_signs),
	    TEST(after_a_long_sleep_it_begins_anew),
	    TEST(heads_are_signed),
	    TEST(keys_survive_resealing_and_nothing_else),
	    TEST(a_store_without_keys_is_corrupt),
	};

	return cmocka_run_group_tests_name("authority", tests, NULL, NULL);
}
