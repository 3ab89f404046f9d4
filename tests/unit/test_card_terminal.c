/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal's name and its CA, from certificates as the server makes them:
 * the CA that signed, not one of the same name; names of any kind.
 */
#include "pam_module/agent/card_terminal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/keys/issue.h"
#include "shared/certificate.h"

enum {
	NOW_S = 1800000000,
	LIFE_S = 3600,
	CAS = 3 /* all of one name */
};

struct world {
	EVP_PKEY *keys[CAS], *leaf_key;
	X509 *cas[CAS];
	char *pem[CAS];
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->leaf_key = EVP_EC_gen("P-256");
	for (int i = 0; i < CAS; i++) {
		world->keys[i] = EVP_EC_gen("P-256");
		if (issue_authority(&(struct issue_subject){world->keys[i],
					"CA", NOW_S, NOW_S + LIFE_S},
			&world->cas[i]) != ERR_NONE ||
		    certificate_to_pem(world->cas[i], &world->pem[i]) !=
			ERR_NONE)
			return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	EVP_PKEY_free(world->leaf_key);
	for (int i = 0; i < CAS; i++) {
		EVP_PKEY_free(world->keys[i]);
		X509_free(world->cas[i]);
		free(world->pem[i]);
	}
	free(world);
	return 0;
}

static char *terminal(const struct world *world, int ca, const char *name)
{
	X509 *made = NULL;
	char *pem = NULL;

	assert_int_equal(
	    issue_terminal(&(struct issue_subject){world->leaf_key, name, NOW_S,
			       NOW_S + LIFE_S},
		&(struct issue_signer){world->cas[ca], world->keys[ca]}, &made),
	    ERR_NONE);
	assert_int_equal(certificate_to_pem(made, &pem), ERR_NONE);
	X509_free(made);
	return pem;
}

static char *bundle(const struct world *world, int first, int count)
{
	char *pem = calloc(CAS, CERTIFICATE_PEM_BYTES_MAX);

	assert_non_null(pem);
	for (int i = first; i < first + count; i++)
		strcat(pem, world->pem[i]);
	return pem;
}

static void the_ca_is_the_one_that_signed(void **state)
{
	struct world *world = *state;
	char *all = bundle(world, 0, CAS);

	for (int i = 0; i < CAS; i++) {
		struct card_terminal out = {0};
		unsigned char hash[CARD_HASH_BYTES];
		char *pem = terminal(world, i, "madoguchi-3");

		assert_int_equal(card_terminal_read(pem, all, &out), ERR_NONE);
		assert_int_equal(
		    certificate_spki_hash(world->cas[i], hash), ERR_NONE);
		assert_memory_equal(out.ca, hash, sizeof(hash));
		assert_string_equal(out.name, "madoguchi-3");
		free(pem);
	}
	free(all);
}

static void names_are_kept_as_they_are(void **state)
{
	struct world *world = *state;
	char longest[NAME_BYTES_MAX + 1];
	const char *const rows[] = {
	    "a", "CN=other/O=x", "\xe7\xaa\x93\xe5\x8f\xa3", longest};

	memset(longest, 'n', NAME_BYTES_MAX);
	longest[NAME_BYTES_MAX] = '\0';
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct card_terminal out = {0};
		char *pem = terminal(world, 0, rows[i]);

		print_message("row %zu\n", i);
		assert_int_equal(
		    card_terminal_read(pem, world->pem[0], &out), ERR_NONE);
		assert_string_equal(out.name, rows[i]);
		free(pem);
	}
}

static void what_does_not_belong_together_says_nothing(void **state)
{
	struct world *world = *state;
	struct card_terminal out, before;
	char *pem = terminal(world, 0, "desk-1");
	char *nameless = terminal(world, 0, NULL);
	char *others = bundle(world, 1, 2);
	const struct {
		const char *certificate, *cas;
		enum err err;
	} rows[] = {
	    {pem, others, ERR_NOT_FOUND},
	    {pem, pem, ERR_NOT_FOUND},
	    {nameless, world->pem[0], ERR_INVALID},
	    {"", world->pem[0], ERR_INVALID},
	    {pem, "", ERR_INVALID},
	};

	memset(&out, 0x5a, sizeof(out));
	before = out;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err err =
		    card_terminal_read(rows[i].certificate, rows[i].cas, &out);

		print_message("row %zu: %s\n", i, err_text(err));
		assert_int_equal(err, rows[i].err);
		assert_memory_equal(&out, &before, sizeof(out));
	}
	free(pem);
	free(nameless);
	free(others);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_ca_is_the_one_that_signed),
	    cmocka_unit_test(names_are_kept_as_they_are),
	    cmocka_unit_test(what_does_not_belong_together_says_nothing),
	};

	return cmocka_run_group_tests_name(
	    "card_terminal", tests, set_up, tear_down);
}
