/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates field by field, where a name or a request could do harm: names
 * that look like configuration, names longer than X.520 wished for, requests
 * whose key is not what it should be or not the asker's.
 */
#include "server/keys/issue.h"
#include "server/keys/request.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	NOW_S = 1800000000,
	LIFE_S = 3600
};

struct world {
	EVP_PKEY *key, *leaf_key;
	X509 *authority;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->key = EVP_EC_gen("P-256");
	world->leaf_key = EVP_EC_gen("P-256");
	return issue_authority(&(struct issue_subject){world->key, "CA", NOW_S,
				   NOW_S + LIFE_S},
		   &world->authority) == ERR_NONE
		   ? 0
		   : -1;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	EVP_PKEY_free(world->key);
	EVP_PKEY_free(world->leaf_key);
	X509_free(world->authority);
	free(world);
	return 0;
}

static X509 *terminal(const struct world *world, const char *name)
{
	X509 *made = NULL;

	assert_int_equal(
	    issue_terminal(&(struct issue_subject){world->leaf_key, name, NOW_S,
			       NOW_S + LIFE_S},
		&(struct issue_signer){world->authority, world->key}, &made),
	    ERR_NONE);
	return made;
}

static void terminal_names_are_kept_as_they_are(void **state)
{
	char longest[257];
	const char *const rows[] = {
	    "desk-1", "CN=other/O=x", "\xe7\xaa\x93\xe5\x8f\xa3", longest};

	memset(longest, 'n', 256);
	longest[256] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *made = terminal(*state, rows[i]);
		X509_NAME *subject = X509_get_subject_name(made);
		const ASN1_STRING *name =
		    X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, 0));

		print_message("row %zu\n", i);
		assert_int_equal(X509_NAME_entry_count(subject), 1);
		assert_int_equal(ASN1_STRING_length(name), strlen(rows[i]));
		assert_memory_equal(
		    ASN1_STRING_get0_data(name), rows[i], strlen(rows[i]));
		X509_free(made);
	}
}

static void serial_numbers_differ(void **state)
{
	X509 *one = terminal(*state, "desk-1");
	X509 *two = terminal(*state, "desk-1");

	assert_int_not_equal(ASN1_INTEGER_cmp(X509_get0_serialNumber(one),
				 X509_get0_serialNumber(two)),
	    0);
	X509_free(one);
	X509_free(two);
}

/* A server name is one entry, whatever is written in it. */
static void server_names_bring_no_others(void **state)
{
	struct world *world = *state;
	char trick[] = "a,DNS:evil.example", address[] = "192.0.2.1";
	char *names[] = {trick, address};
	X509 *made = NULL;
	GENERAL_NAMES *list = NULL;

	assert_int_equal(
	    issue_server(&(struct issue_subject){world->leaf_key, NULL, NOW_S,
			     NOW_S + LIFE_S},
		&(struct issue_signer){world->authority, world->key}, names, 2,
		&made),
	    ERR_NONE);
	list = X509_get_ext_d2i(made, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(list), 2);
	assert_int_equal(sk_GENERAL_NAME_value(list, 0)->type, GEN_DNS);
	assert_int_equal(sk_GENERAL_NAME_value(list, 1)->type, GEN_IPADD);
	assert_int_equal(X509_check_host(made, "evil.example", 0, 0, NULL), 0);
	GENERAL_NAMES_free(list);
	X509_free(made);
}

static void a_server_needs_a_name(void **state)
{
	struct world *world = *state;
	X509 *made = NULL;

	assert_int_equal(
	    issue_server(&(struct issue_subject){world->leaf_key, NULL, NOW_S,
			     NOW_S + LIFE_S},
		&(struct issue_signer){world->authority, world->key}, NULL, 0,
		&made),
	    ERR_CRYPTO);
	assert_null(made);
}

static char *request_of(EVP_PKEY *key, EVP_PKEY *signer)
{
	X509_REQ *made = X509_REQ_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	char *pem = NULL;
	long length = 0;

	X509_REQ_set_pubkey(made, key);
	X509_REQ_sign(made, signer, EVP_sha256());
	PEM_write_bio_X509_REQ(bio, made);
	length = BIO_get_mem_data(bio, &text);
	pem = malloc((size_t)length + 1);
	memcpy(pem, text, (size_t)length);
	pem[length] = '\0';
	BIO_free(bio);
	X509_REQ_free(made);
	return pem;
}

static void a_request_gives_its_key(void **state)
{
	struct world *world = *state;
	char *pem = request_of(world->leaf_key, world->leaf_key);
	EVP_PKEY *key = NULL;

	assert_int_equal(request_read(pem, &key), ERR_NONE);
	assert_int_equal(EVP_PKEY_eq(key, world->leaf_key), 1);
	EVP_PKEY_free(key);
	free(pem);
}

static void bad_requests_are_refused(void **state)
{
	struct world *world = *state;
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	char *large = malloc(20000);
	char *rows[] = {strdup(""), strdup("rubbish"), request_of(rsa, rsa),
	    request_of(p384, p384), request_of(world->leaf_key, world->key),
	    large};

	memset(large, 'A', 19999);
	large[19999] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_PKEY *key = NULL;

		print_message("row %zu\n", i);
		assert_int_equal(request_read(rows[i], &key), ERR_INVALID);
		assert_null(key);
		free(rows[i]);
	}
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(p384);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(terminal_names_are_kept_as_they_are),
	    TEST(serial_numbers_differ),
	    TEST(server_names_bring_no_others),
	    TEST(a_server_needs_a_name),
	    TEST(a_request_gives_its_key),
	    TEST(bad_requests_are_refused),
	};

	return cmocka_run_group_tests_name("issue", tests, NULL, NULL);
}
