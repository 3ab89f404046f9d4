/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/caller.h"

#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PASSWD_BYTES_MAX = 16384,
	PROC_TEXT_SIZE = 64
};

enum err caller_identify(int socket, struct caller *out)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t size = sizeof(peer);

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
	    size != sizeof(peer) || peer.uid == (uid_t)-1 || peer.pid <= 0)
		return ERR_NOT_ALLOWED;
	*out = (struct caller){
	    .uid = peer.uid, .pid = peer.pid, .is_root = peer.uid == 0};
	return ERR_NONE;
}

bool caller_is_account(uid_t uid, const char *user)
{
	char *buffer = malloc(PASSWD_BYTES_MAX);
	struct passwd line, *found = NULL;
	bool own = false;

	if (buffer &&
	    getpwuid_r(uid, &line, buffer, PASSWD_BYTES_MAX, &found) == 0 &&
	    found)
		own = strcmp(found->pw_name, user) == 0;
	free(buffer);
	return own;
}

static bool is_listed(const struct config_list *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return true;
	return false;
}

/* The entry of uid, or one whose minute is over, or a new one. */
static size_t find_entry(
    const struct caller_attempts *attempts, uid_t uid, int64_t now_ms)
{
	size_t free_entry = attempts->count;

	for (size_t i = 0; i < attempts->count; i++) {
		size_t newest =
		    (attempts->entries[i].next + CALLER_ATTEMPTS_MAX - 1) %
		    CALLER_ATTEMPTS_MAX;

		if (attempts->entries[i].uid == uid)
			return i;
		if (now_ms - attempts->entries[i].stamps_ms[newest] >=
		    CALLER_WINDOW_MS)
			free_entry = i;
	}
	return free_entry;
}

bool caller_count_attempt(
    struct caller_attempts *attempts, uid_t uid, int64_t now_ms)
{
	bool allowed = false;
	int64_t *oldest;
	size_t i;

	pthread_mutex_lock(&attempts->lock);
	i = find_entry(attempts, uid, now_ms);
	if (i == CALLER_UIDS_MAX)
		goto out;
	if (i == attempts->count || attempts->entries[i].uid != uid) {
		memset(&attempts->entries[i], 0, sizeof(attempts->entries[i]));
		attempts->entries[i].uid = uid;
		attempts->count += i == attempts->count;
	}
	oldest = &attempts->entries[i].stamps_ms[attempts->entries[i].next];
	if (*oldest != 0 && now_ms - *oldest < CALLER_WINDOW_MS)
		goto out;
	*oldest = now_ms;
	attempts->entries[i].next =
	    (attempts->entries[i].next + 1) % CALLER_ATTEMPTS_MAX;
	allowed = true;
out:
	pthread_mutex_unlock(&attempts->lock);
	return allowed;
}

enum caller_ruling caller_rule(const struct caller *caller,
    const struct config_list *user_services, const char *user,
    const char *service, struct caller_attempts *attempts, int64_t now_ms)
{
	if (caller->is_root)
		return CALLER_ALLOWED;
	if (!is_listed(user_services, service) ||
	    !caller_is_account(caller->uid, user))
		return CALLER_NOT_ALLOWED;
	if (!caller_count_attempt(attempts, caller->uid, now_ms))
		return CALLER_TOO_OFTEN;
	return CALLER_ALLOWED;
}

static enum err read_line(const char *path, char out[PROC_TEXT_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return ERR_NOT_FOUND;
	got = read(fd, out, PROC_TEXT_SIZE - 1);
	close(fd);
	if (got <= 0)
		return ERR_NOT_FOUND;
	out[got] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return ERR_NONE;
}

enum err caller_hash_session(const char *boot, const char *session,
    const struct secret *key, char out[CALLER_SESSION_SIZE])
{
	char text[2 * PROC_TEXT_SIZE + 2];
	unsigned char hash[CALLER_SESSION_BYTES];
	unsigned int hash_length = 0;
	int length = snprintf(text, sizeof(text), "%s\n%s\n", boot, session);

	if (length < 0 || (size_t)length >= sizeof(text))
		return ERR_TOO_LONG;
	if (!HMAC(EVP_sha256(), key->bytes, (int)key->length,
		(const unsigned char *)text, (size_t)length, hash,
		&hash_length) ||
	    hash_length != sizeof(hash))
		return ERR_CRYPTO;
	encode_base64url(hash, sizeof(hash), out);
	return ERR_NONE;
}

enum err caller_session(const struct process *process, const struct secret *key,
    char out[CALLER_SESSION_SIZE])
{
	char boot[PROC_TEXT_SIZE];
	enum err err = process->session[0] == '\0' ? ERR_NOT_FOUND : ERR_NONE;

	if (err == ERR_NONE)
		err = read_line("/proc/sys/kernel/random/boot_id", boot);
	if (err == ERR_NONE)
		err = caller_hash_session(boot, process->session, key, out);
	return err;
}
