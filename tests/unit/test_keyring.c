/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing opens only what was sealed here, whole and in its place; the key
 * file is refused when it is anybody else's or malformed; rotation keeps old
 * values readable until the old key is dropped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/keys/keyring.h"

struct fixture {
	char folder[64];
	char path[96];
	struct keyring *keyring;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->folder, "/tmp/sekimori-keyring-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/kek", f->folder);
	assert_int_equal(keyring_create(f->path), ERR_NONE);
	assert_int_equal(keyring_open(f->path, &f->keyring), ERR_NONE);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	keyring_free(f->keyring);
	snprintf(command, sizeof(command), "rm -rf %s", f->folder);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static enum err open_at(struct keyring *keyring, const char *place,
    const unsigned char *sealed, size_t length, char *out)
{
	size_t n = 0;
	enum err err =
	    keyring_open_sealed(keyring, place, sealed, length, out, 64, &n);

	if (err == ERR_NONE)
		out[n] = '\0';
	return err;
}

static void test_seal_and_open(void **state)
{
	struct fixture *f = *state;
	unsigned char sealed[128], again[128], changed[128];
	size_t length = 0;
	char out[65] = "untouched";

	assert_int_equal(keyring_seal(f->keyring, "seed 1", "canary", 6, sealed,
			     sizeof(sealed), &length),
	    ERR_NONE);
	assert_int_equal(length, 6 + SEALED_OVERHEAD);
	assert_null(memmem(sealed, length, "canary", 6));
	assert_int_equal(keyring_seal(f->keyring, "seed 1", "canary", 6, again,
			     sizeof(again), &length),
	    ERR_NONE);
	assert_memory_not_equal(sealed, again, length);
	assert_int_equal(
	    open_at(f->keyring, "seed 2", sealed, length, out), ERR_CRYPTO);
	assert_int_equal(
	    open_at(f->keyring, "seed 11", sealed, length, out), ERR_CRYPTO);
	for (size_t i = 0; i < length; i++) {
		memcpy(changed, sealed, length);
		changed[i] ^= 1;
		if (open_at(f->keyring, "seed 1", changed, length, out) !=
		    ERR_CRYPTO)
			fail_msg("byte %zu", i);
	}
	for (size_t i = 0; i < length; i++) {
		if (open_at(f->keyring, "seed 1", sealed, i, out) != ERR_CRYPTO)
			fail_msg("length %zu", i);
	}
	assert_string_equal(out, "untouched");
	assert_int_equal(
	    open_at(f->keyring, "seed 1", sealed, length, out), ERR_NONE);
	assert_string_equal(out, "canary");
}

static void test_sizes(void **state)
{
	struct fixture *f = *state;
	static unsigned char big[SEALED_BYTES_MAX], sealed[SEALED_BYTES_MAX];
	size_t length = 0, n = 0;

	assert_int_equal(keyring_seal(f->keyring, "x", big,
			     sizeof(big) - SEALED_OVERHEAD + 1, sealed,
			     sizeof(sealed), &length),
	    ERR_TOO_LONG);
	assert_int_equal(keyring_seal(f->keyring, "x", big, 10, sealed,
			     10 + SEALED_OVERHEAD - 1, &length),
	    ERR_TOO_LONG);
	assert_int_equal(
	    keyring_seal(f->keyring, "x", big, sizeof(big) - SEALED_OVERHEAD,
		sealed, sizeof(sealed), &length),
	    ERR_NONE);
	assert_int_equal(keyring_open_sealed(f->keyring, "x", sealed, length,
			     big, length - SEALED_OVERHEAD - 1, &n),
	    ERR_TOO_LONG);
	assert_int_equal(keyring_open_sealed(f->keyring, "x", sealed, length,
			     big, sizeof(big), &n),
	    ERR_NONE);
	assert_int_equal(n, length - SEALED_OVERHEAD);
	assert_int_equal(keyring_seal(f->keyring, "x", big, 0, sealed,
			     sizeof(sealed), &length),
	    ERR_NONE);
	assert_int_equal(
	    keyring_open_sealed(f->keyring, "x", sealed, length, big, 0, &n),
	    ERR_NONE);
	assert_int_equal(n, 0);
}

static void test_another_key_opens_nothing(void **state)
{
	struct fixture *f = *state;
	struct keyring *other = NULL;
	unsigned char sealed[128];
	size_t length = 0;
	char path[128], out[65];

	snprintf(path, sizeof(path), "%s/other", f->folder);
	assert_int_equal(keyring_create(path), ERR_NONE);
	assert_int_equal(keyring_open(path, &other), ERR_NONE);
	assert_int_equal(keyring_seal(other, "x", "canary", 6, sealed,
			     sizeof(sealed), &length),
	    ERR_NONE);
	assert_int_equal(
	    open_at(f->keyring, "x", sealed, length, out), ERR_CRYPTO);
	keyring_free(other);
}

static void test_file_permissions(void **state)
{
	struct fixture *f = *state;
	struct keyring *other = NULL;
	struct stat status;
	char path[128];

	assert_int_equal(stat(f->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(keyring_create(f->path), ERR_EXISTS);
	chmod(f->path, 0640);
	assert_int_equal(keyring_open(f->path, &other), ERR_NOT_ALLOWED);
	chmod(f->path, 0604);
	assert_int_equal(keyring_open(f->path, &other), ERR_NOT_ALLOWED);
	chmod(f->path, 0400);
	assert_int_equal(keyring_open(f->path, &other), ERR_NONE);
	keyring_free(other);
	other = NULL;
	snprintf(path, sizeof(path), "%s/link", f->folder);
	assert_int_equal(symlink(f->path, path), 0);
	assert_int_equal(keyring_open(path, &other), ERR_NOT_ALLOWED);
	snprintf(path, sizeof(path), "%s/none", f->folder);
	assert_int_equal(keyring_open(path, &other), ERR_NOT_FOUND);
	if (geteuid() == 0) {
		assert_int_equal(chown(f->path, 1, 1), 0);
		assert_int_equal(
		    keyring_open(f->path, &other), ERR_NOT_ALLOWED);
		assert_int_equal(chown(f->path, 0, 0), 0);
		chmod(f->path, 0440); /* a systemd credential */
		assert_int_equal(keyring_open(f->path, &other), ERR_NONE);
		keyring_free(other);
		other = NULL;
	}
	assert_null(other);
}

#define K "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_file_forms(void **state)
{
	static const struct {
		const char *text;
		enum err err;
	} rows[] = {
	    {"1 " K "\n", ERR_NONE},
	    {"1 " K "\n7 " K "\n4294967295 " K "\n", ERR_NONE},
	    {"", ERR_INVALID},
	    {"\n", ERR_INVALID},
	    {"1 " K, ERR_INVALID},
	    {"1 " K "\n\n", ERR_INVALID},
	    {"0 " K "\n", ERR_INVALID},
	    {"-1 " K "\n", ERR_INVALID},
	    {"4294967296 " K "\n", ERR_INVALID},
	    {"1 " K "0\n", ERR_INVALID},
	    {"1 " K "00\n", ERR_INVALID},
	    {"1  " K "\n", ERR_INVALID},
	    {"1 zz" K "\n", ERR_INVALID},
	    {"1\n", ERR_INVALID},
	    {"2 " K "\n1 " K "\n", ERR_INVALID},
	    {"1 " K "\n1 " K "\n", ERR_INVALID},
	    {"1 " K "\n2 " K "\n3 " K "\n4 " K "\n", ERR_INVALID},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct keyring *keyring = NULL;
		FILE *file = fopen(f->path, "w");

		fputs(rows[i].text, file);
		fclose(file);
		if (keyring_open(f->path, &keyring) != rows[i].err)
			fail_msg("row %zu", i);
		keyring_free(keyring);
	}
}

static void test_rotation(void **state)
{
	struct fixture *f = *state;
	unsigned char old[128], new[128];
	size_t old_length = 0, new_length = 0;
	struct keyring *again = NULL;
	char out[65];

	assert_int_equal(keyring_seal(f->keyring, "x", "old", 3, old,
			     sizeof(old), &old_length),
	    ERR_NONE);
	assert_int_equal(keyring_add_generation(f->keyring, f->path), ERR_NONE);
	assert_int_equal(keyring_newest(f->keyring), 2);
	assert_int_equal(keyring_seal(f->keyring, "x", "new", 3, new,
			     sizeof(new), &new_length),
	    ERR_NONE);
	assert_int_equal(keyring_generation_of(old, old_length), 1);
	assert_int_equal(keyring_generation_of(new, new_length), 2);
	assert_int_equal(keyring_generation_of(new, 5), 0);
	assert_int_equal(keyring_open(f->path, &again), ERR_NONE);
	assert_int_equal(open_at(again, "x", old, old_length, out), ERR_NONE);
	assert_int_equal(open_at(again, "x", new, new_length, out), ERR_NONE);
	keyring_free(again);

	/* the folder cannot be written: ring and file stay as they were */
	assert_int_equal(
	    keyring_add_generation(f->keyring, "/nonexistent/folder/kek"),
	    ERR_NOT_FOUND);
	assert_int_equal(keyring_newest(f->keyring), 2);

	assert_int_equal(keyring_add_generation(f->keyring, f->path), ERR_NONE);
	assert_int_equal(keyring_add_generation(f->keyring, f->path), ERR_FULL);
	assert_int_equal(keyring_drop_old(f->keyring, f->path), ERR_NONE);
	assert_int_equal(
	    open_at(f->keyring, "x", new, new_length, out), ERR_CRYPTO);
	assert_int_equal(keyring_newest(f->keyring), 3);
	assert_int_equal(keyring_open(f->path, &again), ERR_NONE);
	assert_int_equal(open_at(again, "x", new, new_length, out), ERR_CRYPTO);
	assert_int_equal(keyring_newest(again), 3);
	keyring_free(again);
}

static void test_export_and_import(void **state)
{
	struct fixture *f = *state;
	struct secret bytes = {0};
	unsigned char sealed[128];
	size_t length = 0;
	struct keyring *other = NULL;
	char path[128], out[65];

	assert_int_equal(keyring_add_generation(f->keyring, f->path), ERR_NONE);
	assert_int_equal(keyring_seal(f->keyring, "x", "canary", 6, sealed,
			     sizeof(sealed), &length),
	    ERR_NONE);
	assert_int_equal(keyring_export(f->keyring, &bytes), ERR_NONE);
	snprintf(path, sizeof(path), "%s/restored", f->folder);
	assert_int_equal(keyring_import(&bytes, f->path), ERR_EXISTS);
	assert_int_equal(keyring_import(&bytes, path), ERR_NONE);
	assert_int_equal(keyring_open(path, &other), ERR_NONE);
	assert_int_equal(open_at(other, "x", sealed, length, out), ERR_NONE);
	keyring_free(other);
	unlink(path);
	bytes.length--;
	assert_int_equal(keyring_import(&bytes, path), ERR_INVALID);
	bytes.length = 0;
	assert_int_equal(keyring_import(&bytes, path), ERR_INVALID);
	assert_int_not_equal(access(path, F_OK), 0);
	secret_wipe(&bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(test_seal_and_open),
	    TEST(test_sizes),
	    TEST(test_another_key_opens_nothing),
	    TEST(test_file_permissions),
	    TEST(test_file_forms),
	    TEST(test_rotation),
	    TEST(test_export_and_import),
	};

	return cmocka_run_group_tests_name("keyring", tests, NULL, NULL);
}
