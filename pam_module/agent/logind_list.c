/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/logind_list.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-login.h>
#include <unistd.h>

enum {
	PASSWD_BYTES_MAX = 16384
};

#define SESSIONS "/run/systemd/sessions" /* of a logind that runs */

/* Too long for us is none. Frees text. */
static bool keep(char *text, char out[NAME_BYTES_MAX + 1])
{
	bool fits = text && *text != '\0' && strlen(text) <= NAME_BYTES_MAX;

	snprintf(out, NAME_BYTES_MAX + 1, "%s", fits ? text : "");
	free(text);
	return fits;
}

static bool is_word(char *text, const char *const words[])
{
	bool found = false;

	for (; text && *words && !found; words++)
		found = strcmp(text, *words) == 0;
	free(text);
	return found;
}

static bool read_user(uid_t uid, char out[NAME_BYTES_MAX + 1])
{
	char *buffer = malloc(PASSWD_BYTES_MAX);
	struct passwd line, *found = NULL;
	bool known = false;

	if (buffer &&
	    getpwuid_r(uid, &line, buffer, PASSWD_BYTES_MAX, &found) == 0 &&
	    found)
		known = keep(strdup(found->pw_name), out);
	free(buffer);
	return known;
}

/* Several classes of newer systemds begin so: user-early, user-light. */
static bool is_persons(const char *id)
{
	char *class = NULL;
	bool persons =
	    sd_session_get_class(id, &class) >= 0 && class &&
	    (strcmp(class, "user") == 0 || strncmp(class, "user-", 5) == 0);

	free(class);
	return persons;
}

static bool read_open(const char *id, struct logind_open *out)
{
	static const char *const graphical[] = {"x11", "wayland", "mir", NULL};
	char *service = NULL, *tty = NULL, *type = NULL;
	uid_t uid = 0;

	memset(out, 0, sizeof(*out));
	if (strlen(id) >= sizeof(out->id) || !is_persons(id) ||
	    sd_session_get_uid(id, &uid) < 0 || uid == 0 ||
	    !read_user(uid, out->user))
		return false;
	memcpy(out->id, id, strlen(id) + 1);
	if (sd_session_get_service(id, &service) >= 0)
		(void)keep(service, out->service);
	if (sd_session_get_tty(id, &tty) >= 0)
		(void)keep(tty, out->tty);
	if (sd_session_get_type(id, &type) >= 0)
		out->is_graphical = is_word(type, graphical);
	return true;
}

enum err logind_list(
    struct logind_open **out, size_t *out_count, bool *out_more)
{
	struct logind_open *found = NULL;
	char **ids = NULL;
	size_t count = 0;
	int all = access(SESSIONS, F_OK) == 0 ? sd_get_sessions(&ids) : -1;

	if (all < 0)
		return ERR_NOT_FOUND;
	*out_more = all > LOGIND_SESSIONS_MAX;
	found = calloc((size_t)all + 1, sizeof(*found));
	for (int i = 0; i < all; i++) {
		if (found && count < LOGIND_SESSIONS_MAX &&
		    read_open(ids[i], &found[count]))
			count++;
		free(ids[i]);
	}
	free(ids);
	if (!found)
		return ERR_MEMORY;
	*out = found;
	*out_count = count;
	return ERR_NONE;
}

enum err logind_user_of(const char *id, char out[NAME_BYTES_MAX + 1])
{
	uid_t uid = 0;

	return sd_session_get_uid(id, &uid) >= 0 && read_user(uid, out)
		   ? ERR_NONE
		   : ERR_NOT_FOUND;
}

/* --- news ----------------------------------------------------------------- */

struct logind_monitor {
	sd_login_monitor *monitor; /* NULL: not yet */
};

enum err logind_monitor_new(struct logind_monitor **out)
{
	struct logind_monitor *made = calloc(1, sizeof(*made));

	if (!made)
		return ERR_MEMORY;
	*out = made;
	return ERR_NONE;
}

int logind_monitor_fd(struct logind_monitor *monitor)
{
	if (!monitor->monitor && access(SESSIONS, F_OK) == 0 &&
	    sd_login_monitor_new("session", &monitor->monitor) < 0)
		monitor->monitor = NULL;
	return monitor->monitor ? sd_login_monitor_get_fd(monitor->monitor)
				: -1;
}

void logind_monitor_flush(struct logind_monitor *monitor)
{
	if (monitor->monitor)
		(void)sd_login_monitor_flush(monitor->monitor);
}

void logind_monitor_free(struct logind_monitor *monitor)
{
	if (monitor)
		sd_login_monitor_unref(monitor->monitor);
	free(monitor);
}
