/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state directory: whole files, owners and modes, and the swap of key and
 * certificate cut short at every step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_module/agent/state.h"
#include "shared/certificate.h"

struct pair {
	char *key, *certificate;
};

static void pair_new(struct pair *out)
{
	EVP_PKEY *key = NULL;
	X509 *certificate = X509_new();
	size_t length = 0;

	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	assert_non_null(certificate);
	X509_set_version(certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	assert_int_equal(
	    certificate_to_pem(certificate, &out->certificate), ERR_NONE);
	assert_int_equal(
	    certificate_key_to_pem(key, &out->key, &length), ERR_NONE);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void pair_free(struct pair *pair)
{
	free(pair->key);
	free(pair->certificate);
}

struct place {
	char directory[64];
	struct pair old, new;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	snprintf(place->directory, sizeof(place->directory),
	    "/tmp/test-state-XXXXXX");
	assert_non_null(mkdtemp(place->directory));
	pair_new(&place->old);
	pair_new(&place->new);
	assert_int_equal(
	    state_write(place->directory, STATE_CA, 0644, "ca", 2), ERR_NONE);
	*state = place;
	return 0;
}

static void path_of(const struct place *place, const char *name, char out[128])
{
	snprintf(out, 128, "%s/%s", place->directory, name);
}

static int teardown(void **state)
{
	static const char *const names[] = {STATE_KEY, STATE_CERTIFICATE,
	    STATE_CA, STATE_CONFIG, STATE_KEY ".new", STATE_CERTIFICATE ".new",
	    "file", "link"};
	struct place *place = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_of(place, names[i], path);
		unlink(path);
	}
	assert_int_equal(rmdir(place->directory), 0);
	pair_free(&place->old);
	pair_free(&place->new);
	free(place);
	return 0;
}

static void put(
    const struct place *place, const char *name, const char *content)
{
	char path[128];
	FILE *file;

	path_of(place, name, path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

static void assert_holds(const struct place *place, const struct pair *pair)
{
	struct state_identity identity = {0};

	assert_int_equal(
	    state_read_identity(place->directory, &identity), ERR_NONE);
	assert_string_equal(identity.key_pem, pair->key);
	assert_string_equal(identity.certificate_pem, pair->certificate);
	assert_string_equal(identity.ca_pem, "ca");
	state_identity_free(&identity);
	assert_null(identity.key_pem);
}

static void writes_and_reads_back(void **state)
{
	struct place *place = *state;
	char path[128];
	struct stat status;
	char *text = NULL;
	size_t length = 0;

	path_of(place, "file", path);
	assert_false(state_has(place->directory, "file"));
	assert_int_equal(state_read(place->directory, "file", &text, &length),
	    ERR_NOT_FOUND);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(state_write(place->directory, "file", 0600,
				     i ? "two" : "first", i ? 3 : 5),
		    ERR_NONE);
		assert_int_equal(
		    state_read(place->directory, "file", &text, &length),
		    ERR_NONE);
		assert_string_equal(text, i ? "two" : "first");
		assert_int_equal(length, i ? 3 : 5);
		free(text);
		text = NULL;
	}
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_false(state_has(place->directory, "file.new"));
	assert_int_equal(state_remove(place->directory, "file"), ERR_NONE);
	assert_int_equal(state_remove(place->directory, "file"), ERR_NONE);
	assert_false(state_has(place->directory, "file"));
}

static void reads_regular_files_only(void **state)
{
	struct place *place = *state;
	char path[128], target[128];
	char *text = NULL;

	path_of(place, "link", path);
	path_of(place, STATE_CA, target);
	assert_int_equal(symlink(target, path), 0);
	assert_int_not_equal(
	    state_read(place->directory, "link", &text, NULL), ERR_NONE);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(
	    state_read(place->directory, "link", &text, NULL), ERR_INVALID);
	path_of(place, "file", path);
	put(place, "file", "");
	assert_int_equal(truncate(path, STATE_FILE_BYTES_MAX + 1), 0);
	assert_int_equal(
	    state_read(place->directory, "file", &text, NULL), ERR_TOO_LONG);
	assert_null(text);
}

static void does_not_follow_a_link_when_writing(void **state)
{
	struct place *place = *state;
	char path[128], target[128];
	char *text = NULL;

	path_of(place, "file.new", path);
	path_of(place, STATE_CA, target);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(
	    state_write(place->directory, "file", 0600, "mine", 4), ERR_NONE);
	assert_int_equal(
	    state_read(place->directory, STATE_CA, &text, NULL), ERR_NONE);
	assert_string_equal(text, "ca");
	free(text);
}

static void swap_replaces_both(void **state)
{
	struct place *place = *state;
	struct state_identity identity;

	assert_int_equal(
	    state_read_identity(place->directory, &identity), ERR_NOT_FOUND);
	assert_int_equal(state_swap_identity(place->directory, place->old.key,
			     place->old.certificate),
	    ERR_NONE);
	assert_holds(place, &place->old);
	assert_int_equal(state_swap_identity(place->directory, place->new.key,
			     place->new.certificate),
	    ERR_NONE);
	assert_holds(place, &place->new);
	assert_int_equal(state_swap_identity(place->directory, place->old.key,
			     place->new.certificate),
	    ERR_INVALID);
	assert_holds(place, &place->new);
}

/* What a power cut leaves after each step of the swap. */
static void swap_cut_short_leaves_a_pair(void **state)
{
	struct place *place = *state;
	struct pair *old = &place->old, *new = &place->new;
	const struct {
		const char *key, *certificate, *key_new, *certificate_new;
		const struct pair *found;
	} rows[] = {
	    {old->key, old->certificate, "half", NULL, old},
	    {old->key, old->certificate, new->key, NULL, old},
	    {old->key, old->certificate, new->key, "half", old},
	    {old->key, old->certificate, new->key, new->certificate, old},
	    {new->key, old->certificate, NULL, new->certificate, new},
	    {new->key, new->certificate, NULL, NULL, new},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("row %zu\n", i);
		state_remove(place->directory, STATE_KEY ".new");
		state_remove(place->directory, STATE_CERTIFICATE ".new");
		put(place, STATE_KEY, rows[i].key);
		put(place, STATE_CERTIFICATE, rows[i].certificate);
		if (rows[i].key_new)
			put(place, STATE_KEY ".new", rows[i].key_new);
		if (rows[i].certificate_new)
			put(place, STATE_CERTIFICATE ".new",
			    rows[i].certificate_new);
		assert_holds(place, rows[i].found);
		assert_holds(place, rows[i].found);
		/* And the next renewal still works. */
		assert_int_equal(state_swap_identity(place->directory, new->key,
				     new->certificate),
		    ERR_NONE);
		assert_holds(place, new);
	}
}

static void no_pair_is_told(void **state)
{
	struct place *place = *state;
	struct state_identity identity;

	put(place, STATE_KEY, place->new.key);
	put(place, STATE_CERTIFICATE, place->old.certificate);
	assert_int_equal(
	    state_read_identity(place->directory, &identity), ERR_CORRUPT);
	put(place, STATE_CERTIFICATE ".new", "garbage");
	assert_int_equal(
	    state_read_identity(place->directory, &identity), ERR_CORRUPT);
	assert_true(state_has(place->directory, STATE_CERTIFICATE ".new"));
}

static void reads_configuration(void **state)
{
	struct place *place = *state;
	struct state_config config;
	struct config_problem problem;
	const struct {
		const char *text;
		enum err err;
	} rows[] = {
	    {"[agent]\nservers = https://a:8443 https://[::1]:8443\n",
		ERR_NONE},
	    {"[agent]\nservers = https://a:1\nuser_services = vlock\n",
		ERR_NONE},
	    {"[agent]\n", ERR_INVALID},
	    {"[agent]\nservers = http://a:8443\n", ERR_INVALID},
	    {"[agent]\nservers = https://a\n", ERR_INVALID},
	    {"[agent]\nservers = https://a:0\n", ERR_INVALID},
	    {"[agent]\nservers = https://a:65536\n", ERR_INVALID},
	    {"[agent]\nservers = https://a:8443/path\n", ERR_INVALID},
	    {"[agent]\nservers = https://u@a:8443\n", ERR_INVALID},
	    {"[agent]\nservers = https://[::1:8443\n", ERR_INVALID},
	    {"[agent]\nservers = https://:8443\n", ERR_INVALID},
	    {"[agent]\nservers = https://a:1\nsecret = x\n", ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum err err;

		assert_int_equal(state_write(place->directory, STATE_CONFIG,
				     0644, rows[i].text, strlen(rows[i].text)),
		    ERR_NONE);
		err = state_read_config(place->directory, &config, &problem);
		if ((err == ERR_NONE) != (rows[i].err == ERR_NONE))
			fail_msg("row %zu: %s", i, err_text(err));
		if (i == 0) {
			assert_int_equal(config.servers.count, 2);
			assert_true(config.user_services.count >= 4);
		}
		if (i == 1)
			assert_int_equal(config.user_services.count, 1);
	}
}

int main(void)
{
#define PLACED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    PLACED(writes_and_reads_back),
	    PLACED(reads_regular_files_only),
	    PLACED(does_not_follow_a_link_when_writing),
	    PLACED(swap_replaces_both),
	    PLACED(swap_cut_short_leaves_a_pair),
	    PLACED(no_pair_is_told),
	    PLACED(reads_configuration),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
