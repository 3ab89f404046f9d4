/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/card_world.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shared/certificate.h"

enum {
	DAY_S = 86400,
	BUFFERS = 4
};

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

/* Two folders up from the test, which is BUILD/unit/NAME. */
static void in_build(const char *name, char out[PATH_MAX])
{
	char self[PATH_MAX - 64] = "";

	require(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0, "exe");
	*strrchr(self, '/') = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(out, PATH_MAX, "%s/%s", self, name);
}

void card_world_open(struct card_world *world)
{
	memset(world, 0, sizeof(*world));
	strcpy(world->directory, "/tmp/sekimori-card-XXXXXX");
	require(mkdtemp(world->directory) != NULL, "mkdtemp");
	in_build("sekimori-card", world->program);
	world->child.program = world->program;
	world->child.modules = &world->modules;
	world->reader = card_child_reader(&world->child);
	signal(SIGPIPE, SIG_IGN);
}

void card_world_close(struct card_world *world)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	require(system(command) == 0, "rm");
}

const char *card_world_path(const struct card_world *world, const char *name)
{
	static char buffers[BUFFERS][PATH_MAX];
	static size_t turn;
	char *out = buffers[turn++ % BUFFERS];

	snprintf(out, PATH_MAX, "%s/%s", world->directory, name);
	return out;
}

static void extend(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	require(
	    extension && X509_add_ext(certificate, extension, -1) == 1, value);
	X509_EXTENSION_free(extension);
}

static void extend_all(X509 *certificate, const struct card_made *what)
{
	char *comment;

	extend(certificate, NID_basic_constraints,
	    what->is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	extend(certificate, NID_key_usage,
	    what->usage ? what->usage : "critical,digitalSignature");
	if (!what->purpose || *what->purpose)
		extend(certificate, NID_ext_key_usage,
		    what->purpose ? what->purpose : "clientAuth");
	if (what->padding == 0)
		return;
	comment = calloc(1, what->padding + 1);
	require(comment != NULL, "calloc");
	memset(comment, 'x', what->padding);
	extend(certificate, NID_netscape_comment, comment);
	free(comment);
}

static EVP_PKEY *key_new(const struct card_made *what)
{
	if (strcmp(what->algorithm, "RSA") == 0)
		return EVP_RSA_gen(what->bits ? what->bits : 2048);
	return EVP_EC_gen(what->algorithm);
}

static void write_pair(const struct card_world *world, const char *name,
    X509 *certificate, EVP_PKEY *key)
{
	char file[128];
	FILE *out;

	snprintf(file, sizeof(file), "%s.der", name);
	out = fopen(card_world_path(world, file), "w");
	require(out && i2d_X509_fp(out, certificate) == 1, file);
	fclose(out);
	snprintf(file, sizeof(file), "%s.pem", name);
	out = fopen(card_world_path(world, file), "w");
	require(out && PEM_write_PKCS8PrivateKey(
			   out, key, NULL, NULL, 0, NULL, NULL) == 1,
	    file);
	fclose(out);
}

void card_world_make(const struct card_world *world, const char *name,
    const struct card_made *what, unsigned char out_key[CARD_HASH_BYTES])
{
	X509 *certificate = X509_new();
	EVP_PKEY *key = key_new(what);
	X509_NAME *subject = X509_NAME_new();
	long from_s = (long)what->from_days * DAY_S;
	long days = what->days ? what->days : 365;

	require(certificate && key && subject, "make");
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 7);
	X509_set_subject_name(certificate, subject);
	X509_set_issuer_name(certificate, subject);
	X509_gmtime_adj(X509_getm_notBefore(certificate), from_s - 60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), from_s + days * DAY_S);
	X509_set_pubkey(certificate, key);
	extend_all(certificate, what);
	require(X509_sign(certificate, key, EVP_sha256()) > 0, "X509_sign");
	write_pair(world, name, certificate, key);
	require(certificate_spki_hash(certificate, out_key) == ERR_NONE,
	    "certificate_spki_hash");
	X509_NAME_free(subject);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void write_script(
    const struct card_world *world, const char *path, const char *script)
{
	FILE *file = fopen(path, "w");

	require(file != NULL, path);
	for (; *script; script++)
		if (script[0] == '{' && script[1] == '}') {
			fputs(world->directory, file);
			script++;
		} else {
			fputc(*script, file);
		}
	fclose(file);
}

void card_world_module(
    struct card_world *world, const char *name, const char *script)
{
	char library[PATH_MAX], command[2 * PATH_MAX + 64], path[PATH_MAX];
	size_t i;

	snprintf(path, sizeof(path), "%s/%s.so", world->directory, name);
	for (i = 0; i < world->modules.count; i++)
		if (strcmp(world->modules.items[i], path) == 0)
			break;
	if (i == world->modules.count) {
		in_build("fake_token.so", library);
		snprintf(command, sizeof(command), "cp %s %s", library, path);
		require(system(command) == 0, command);
		snprintf(world->modules.items[world->modules.count++],
		    CONFIG_VALUE_SIZE, "%.500s", path);
	}
	snprintf(command, sizeof(command), "%s.script", path);
	write_script(world, command, script);
	snprintf(command, sizeof(command), "%s.log", path);
	(void)unlink(command);
}

void card_world_logins(const struct card_world *world, const char *name,
    char *out, size_t out_size)
{
	char file[128];
	FILE *in;

	snprintf(file, sizeof(file), "%s.so.log", name);
	in = fopen(card_world_path(world, file), "r");
	out[in ? fread(out, 1, out_size - 1, in) : 0] = '\0';
	if (in)
		fclose(in);
}

struct card_wanted card_world_wanted(
    const unsigned char keys[][CARD_HASH_BYTES], size_t count)
{
	struct card_wanted wanted = {.tag_count = count};
	static const unsigned char ca[CARD_HASH_BYTES] = {0xca};

	memset(wanted.challenge, 0x5c, sizeof(wanted.challenge));
	for (size_t i = 0; i < count; i++)
		require(card_tag(wanted.challenge, keys[i], wanted.tags[i]) ==
			    ERR_NONE,
		    "card_tag");
	require(card_login_message(ca, wanted.challenge, "desk-07", "s1042",
		    "sshd", &wanted.message) == ERR_NONE,
	    "card_login_message");
	return wanted;
}

enum card_signing card_world_sign(const struct card_world *world,
    struct card_session *session, const char *pin, struct card_seen *seen,
    struct card_signature *out)
{
	struct secret secret = {0};

	require(!pin || secret_set(&secret, pin, strlen(pin)) == ERR_NONE,
	    "secret_set");
	return world->reader.sign(world->reader.context, session,
	    pin ? &secret : NULL, INT64_MAX, seen, out);
}

bool card_world_is_proof(
    const struct card_wanted *wanted, const struct card_signature *signature)
{
	const unsigned char *der = signature->certificate;
	X509 *certificate =
	    d2i_X509(NULL, &der, (long)signature->certificate_length);
	EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool is_proof =
	    key && context &&
	    EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestVerify(context, signature->signature,
		signature->signature_length, wanted->message.bytes,
		wanted->message.length) == 1;

	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
	X509_free(certificate);
	return is_proof;
}
