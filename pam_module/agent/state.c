/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pam_module/agent/https.h"
#include "shared/certificate.h"
#include "shared/secret.h"
#include "shared/text.h"

#define NEW_SUFFIX ".new"

static bool is_url(const char *text)
{
	struct https_server server;

	return https_read_url(text, &server);
}

static bool is_service(const char *text)
{
	return text_is_name(text, strlen(text));
}

static bool is_module(const char *text)
{
	return text[0] == '/';
}

/* Only lockers: they run as the person whose session they guard. */
static const char *const default_services[] = {"i3lock", "swaylock", "vlock",
    "physlock", "xscreensaver", "kde", "kscreenlocker", "xlock", "xtrlock-pam"};

static const char *const text_sessions[] = {"end", "leave", NULL};

static const struct config_key config_keys[] = {
    {.section = "agent",
	.name = "servers",
	.kind = CONFIG_LIST,
	.offset = offsetof(struct state_config, servers),
	.is_valid = is_url,
	.expected = "https://HOST:PORT",
	.required = true},
    {.section = "agent",
	.name = "user_services",
	.kind = CONFIG_LIST,
	.offset = offsetof(struct state_config, user_services),
	.is_valid = is_service,
	.expected = "a PAM service, such as i3lock"},
    {.section = "agent",
	.name = "card_modules",
	.kind = CONFIG_LIST,
	.offset = offsetof(struct state_config, card_modules),
	.is_valid = is_module,
	.expected = "the absolute path of a PKCS #11 module"},
    {.section = "agent",
	.name = "frozen_text_sessions",
	.kind = CONFIG_CHOICE,
	.offset = offsetof(struct state_config, frozen_text_sessions),
	.choices = text_sessions},
};

static enum err path_of(const char *directory, const char *name,
    const char *suffix, char out[STATE_PATH_SIZE])
{
	int length =
	    snprintf(out, STATE_PATH_SIZE, "%s/%s%s", directory, name, suffix);

	return length > 0 && length < STATE_PATH_SIZE ? ERR_NONE : ERR_TOO_LONG;
}

enum err state_read_config(const char *directory, struct state_config *out,
    struct config_problem *problem)
{
	char path[STATE_PATH_SIZE];
	enum err err = path_of(directory, STATE_CONFIG, "", path);

	if (err != ERR_NONE) {
		snprintf(problem->text, sizeof(problem->text),
		    "the path of the state directory is too long");
		return err;
	}
	memset(out, 0, sizeof(*out));
	out->user_services.count =
	    sizeof(default_services) / sizeof(default_services[0]);
	for (size_t i = 0; i < out->user_services.count; i++)
		snprintf(out->user_services.items[i], CONFIG_VALUE_SIZE, "%s",
		    default_services[i]);
	return config_read_file(path, config_keys,
	    sizeof(config_keys) / sizeof(config_keys[0]), out, problem);
}

static enum err open_regular(const char *path, int *out, size_t *out_size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	enum err err = ERR_NONE;

	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	if (fstat(fd, &status) != 0)
		err = ERR_IO;
	else if (!S_ISREG(status.st_mode))
		err = ERR_INVALID;
	else if (status.st_size > STATE_FILE_BYTES_MAX)
		err = ERR_TOO_LONG;
	if (err != ERR_NONE) {
		close(fd);
		return err;
	}
	*out = fd;
	*out_size = (size_t)status.st_size;
	return ERR_NONE;
}

static enum err read_path(const char *path, char **out, size_t *out_length)
{
	char *bytes = NULL;
	size_t size = 0, used = 0;
	ssize_t got = 1;
	int fd = -1;
	enum err err = open_regular(path, &fd, &size);

	if (err != ERR_NONE)
		return err;
	bytes = malloc(size + 1);
	while (bytes && used < size && got > 0) {
		got = read(fd, bytes + used, size - used);
		if (got > 0)
			used += (size_t)got;
	}
	close(fd);
	if (!bytes)
		return ERR_MEMORY;
	if (got < 0) {
		secret_wipe_bytes(bytes, size);
		free(bytes);
		return ERR_IO;
	}
	bytes[used] = '\0';
	*out = bytes;
	if (out_length)
		*out_length = used;
	return ERR_NONE;
}

enum err state_read(
    const char *directory, const char *name, char **out, size_t *out_length)
{
	char path[STATE_PATH_SIZE];
	enum err err = path_of(directory, name, "", path);

	return err == ERR_NONE ? read_path(path, out, out_length) : err;
}

static enum err sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int failed;

	if (fd < 0)
		return ERR_IO;
	failed = fsync(fd);
	close(fd);
	return failed ? ERR_IO : ERR_NONE;
}

/* agent.conf stays root's when root writes it: the agent reads it only, and
 * root must accept it too when it runs status or doctor. */
static bool belongs_to_owner(const char *name)
{
	return strcmp(name, STATE_CONFIG) != 0;
}

static enum err fill_file(const char *directory, const char *name, int fd,
    mode_t mode, const char *bytes, size_t length)
{
	struct stat owner;
	size_t written = 0;

	if (stat(directory, &owner) != 0)
		return ERR_IO;
	if (geteuid() == 0 && belongs_to_owner(name) &&
	    fchown(fd, owner.st_uid, owner.st_gid) != 0)
		return ERR_IO;
	if (fchmod(fd, mode) != 0)
		return ERR_IO;
	while (written < length) {
		ssize_t got = write(fd, bytes + written, length - written);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == ENOSPC ? ERR_FULL : ERR_IO;
		written += (size_t)got;
	}
	return fsync(fd) == 0 ? ERR_NONE : ERR_IO;
}

/* Writes beside the final name; place_file() then puts it there. */
static enum err write_beside(const char *directory, const char *name,
    mode_t mode, const void *bytes, size_t length)
{
	char path[STATE_PATH_SIZE];
	enum err err = path_of(directory, name, NEW_SUFFIX, path);
	int fd;

	if (err != ERR_NONE)
		return err;
	if (unlink(path) != 0 && errno != ENOENT)
		return ERR_IO;
	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return ERR_IO;
	err = fill_file(directory, name, fd, mode, bytes, length);
	if (close(fd) != 0 && err == ERR_NONE)
		err = ERR_IO;
	if (err != ERR_NONE)
		(void)unlink(path);
	return err;
}

static enum err place_file(const char *directory, const char *name)
{
	char from[STATE_PATH_SIZE], to[STATE_PATH_SIZE];
	enum err err = path_of(directory, name, NEW_SUFFIX, from);

	if (err == ERR_NONE)
		err = path_of(directory, name, "", to);
	if (err != ERR_NONE)
		return err;
	if (rename(from, to) != 0)
		return ERR_IO;
	return sync_directory(directory);
}

enum err state_write(const char *directory, const char *name, mode_t mode,
    const void *bytes, size_t length)
{
	enum err err = write_beside(directory, name, mode, bytes, length);

	return err == ERR_NONE ? place_file(directory, name) : err;
}

enum err state_remove(const char *directory, const char *name)
{
	char path[STATE_PATH_SIZE];
	enum err err = path_of(directory, name, "", path);

	if (err != ERR_NONE)
		return err;
	if (unlink(path) != 0)
		return errno == ENOENT ? ERR_NONE : ERR_IO;
	return sync_directory(directory);
}

bool state_has(const char *directory, const char *name)
{
	char path[STATE_PATH_SIZE];
	struct stat status;

	return path_of(directory, name, "", path) == ERR_NONE &&
	       lstat(path, &status) == 0;
}

static bool is_pair(const char *key_pem, const char *certificate_pem)
{
	X509 *certificate = NULL;
	EVP_PKEY *key = NULL;
	bool pair = false;

	if (certificate_from_pem(certificate_pem, strlen(certificate_pem),
		&certificate) == ERR_NONE &&
	    certificate_key_from_pem(key_pem, strlen(key_pem), &key) ==
		ERR_NONE)
		pair = X509_check_private_key(certificate, key) == 1;
	X509_free(certificate);
	EVP_PKEY_free(key);
	return pair;
}

/*
 * The swap renames the key first. Cut short there, the new key lies beside
 * the old certificate, and the certificate that belongs to it is still
 * waiting under its new name.
 */
static enum err finish_swap(
    const char *directory, struct state_identity *identity)
{
	char path[STATE_PATH_SIZE];
	char *waiting = NULL;
	enum err err = path_of(directory, STATE_CERTIFICATE, NEW_SUFFIX, path);

	if (err == ERR_NONE)
		err = read_path(path, &waiting, NULL);
	if (err == ERR_NONE && !is_pair(identity->key_pem, waiting))
		err = ERR_CORRUPT;
	if (err == ERR_NONE)
		err = place_file(directory, STATE_CERTIFICATE);
	if (err == ERR_NONE) {
		free(identity->certificate_pem);
		identity->certificate_pem = waiting;
		waiting = NULL;
	}
	free(waiting);
	return err == ERR_NONE ? ERR_NONE : ERR_CORRUPT;
}

enum err state_read_identity(const char *directory, struct state_identity *out)
{
	struct state_identity found = {0};
	enum err err;

	err = state_read(directory, STATE_KEY, &found.key_pem, NULL);
	if (err == ERR_NONE)
		err = state_read(
		    directory, STATE_CERTIFICATE, &found.certificate_pem, NULL);
	if (err == ERR_NONE)
		err = state_read(directory, STATE_CA, &found.ca_pem, NULL);
	if (err == ERR_NONE && !is_pair(found.key_pem, found.certificate_pem))
		err = finish_swap(directory, &found);
	if (err != ERR_NONE) {
		state_identity_free(&found);
		return err;
	}
	*out = found;
	return ERR_NONE;
}

enum err state_swap_identity(
    const char *directory, const char *key_pem, const char *certificate_pem)
{
	enum err err;

	if (!is_pair(key_pem, certificate_pem))
		return ERR_INVALID;
	err =
	    write_beside(directory, STATE_KEY, 0600, key_pem, strlen(key_pem));
	if (err == ERR_NONE)
		err = write_beside(directory, STATE_CERTIFICATE, 0644,
		    certificate_pem, strlen(certificate_pem));
	if (err == ERR_NONE)
		err = sync_directory(directory);
	if (err == ERR_NONE)
		err = place_file(directory, STATE_KEY);
	if (err == ERR_NONE)
		err = place_file(directory, STATE_CERTIFICATE);
	return err;
}

void state_identity_free(struct state_identity *identity)
{
	if (identity->key_pem)
		secret_wipe_bytes(identity->key_pem, strlen(identity->key_pem));
	free(identity->key_pem);
	free(identity->certificate_pem);
	free(identity->ca_pem);
	memset(identity, 0, sizeof(*identity));
}
