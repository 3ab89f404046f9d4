/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger's certificate request is read before his join code is looked at:
 * nothing in it may make the server wait, least of all for somebody to type.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/keys/issue.h"
#include "server/keys/request.h"
#include "shared/certificate.h"

enum {
	WAIT_MS = 3000,
	STEP_MS = 20
};

/* OpenSSL's own answer to this is to ask for a passphrase. */
static const char ENCRYPTED[] = "-----BEGIN CERTIFICATE REQUEST-----\n"
				"Proc-Type: 4,ENCRYPTED\n"
				"DEK-Info: AES-128-CBC,"
				"00112233445566778899AABBCCDDEEFF\n"
				"\n"
				"AAAAAAAAAAAAAAAAAAAAAA==\n"
				"-----END CERTIFICATE REQUEST-----\n";

static enum err check(const char *pem)
{
	return request_check(pem);
}

static enum err read_key(const char *pem)
{
	EVP_PKEY *key = NULL;
	enum err err = request_read(pem, &key);

	EVP_PKEY_free(key);
	return err;
}

static enum err (*const readers[])(const char *) = {check, read_key};

/* Without a terminal, and with a standard input that never says anything, as
 * a server in the foreground may have it. */
static int read_alone(enum err (*reader)(const char *pem), const char *pem)
{
	int silent[2], status = 0;
	pid_t child;

	assert_int_equal(pipe(silent), 0);
	child = fork();
	if (child == 0) {
		setsid();
		dup2(silent[0], 0);
		_exit(reader(pem));
	}
	/* From outside: OpenSSL catches signals while it asks. */
	for (int i = 0; i < WAIT_MS / STEP_MS; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			goto out;
		usleep(STEP_MS * 1000);
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
out:
	close(silent[0]);
	close(silent[1]);
	if (!WIFEXITED(status))
		fail_msg("it waited for somebody to type");
	return WEXITSTATUS(status);
}

static void test_an_encrypted_request_asks_nobody(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		assert_int_equal(
		    read_alone(readers[i], ENCRYPTED), ERR_INVALID);
}

static void test_an_ordinary_request_is_read(void **state)
{
	EVP_PKEY *key = NULL;
	char *pem = NULL;

	(void)state;
	assert_int_equal(certificate_key_new(&key), ERR_NONE);
	assert_int_equal(certificate_request_new(key, &pem), ERR_NONE);
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		assert_int_equal(readers[i](pem), ERR_NONE);
	free(pem);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_an_encrypted_request_asks_nobody),
	    cmocka_unit_test(test_an_ordinary_request_is_read),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
