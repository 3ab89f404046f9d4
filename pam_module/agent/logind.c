/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/logind.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#define SERVICE "org.freedesktop.login1"
#define MANAGER_PATH "/org/freedesktop/login1"
#define MANAGER SERVICE ".Manager"
#define SESSION SERVICE ".Session"
#define SEATS "/run/systemd/seats" /* of a logind that runs */

static enum err open_bus(sd_bus **out)
{
	sd_bus *bus = NULL;

	if (sd_bus_open_system(&bus) < 0)
		return ERR_UNREACHABLE;
	if (sd_bus_set_method_call_timeout(
		bus, (uint64_t)LOGIND_WAIT_MS * 1000) < 0) {
		sd_bus_close_unref(bus);
		return ERR_IO;
	}
	*out = bus;
	return ERR_NONE;
}

static enum err err_of(int status, const sd_bus_error *error)
{
	if (status >= 0)
		return ERR_NONE;
	if (sd_bus_error_has_name(error, SERVICE ".NoSuchSession") ||
	    sd_bus_error_has_name(error, SERVICE ".NoSessionForPID"))
		return ERR_NOT_FOUND;
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(
		error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return ERR_NOT_ALLOWED;
	return status == -ETIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE;
}

/* LockSession or TerminateSession. */
static enum err call(const char *method, const char *session)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus *bus = NULL;
	enum err err = open_bus(&bus);

	if (err == ERR_NONE)
		err = err_of(sd_bus_call_method(bus, SERVICE, MANAGER_PATH,
				 MANAGER, method, &error, NULL, "s", session),
		    &error);
	sd_bus_error_free(&error);
	sd_bus_close_unref(bus);
	return err;
}

static enum err lock(void *context, const char *session)
{
	(void)context;
	return call("LockSession", session);
}

static enum err end(void *context, const char *session)
{
	(void)context;
	return call("TerminateSession", session);
}

/* logind's own files: no bus, so that it can be asked each second. */
static bool exists(void *context, const char *session)
{
	uid_t uid;

	(void)context;
	return sd_session_get_uid(session, &uid) != -ENXIO;
}

struct seat_logind logind_calls(void)
{
	return (struct seat_logind){.exists = exists, .lock = lock, .end = end};
}

static enum err keep_id(const char *id, char out[SEAT_SESSION_SIZE])
{
	int length = snprintf(out, SEAT_SESSION_SIZE, "%s", id);

	return length > 0 && length < SEAT_SESSION_SIZE ? ERR_NONE
							: ERR_TOO_LONG;
}

/* By uid and not by session: programs of a desktop are in none, and whoever
 * came from afar can leave his. */
bool logind_is_at_seat(uid_t uid)
{
	return access(SEATS, F_OK) != 0 || sd_uid_get_seats(uid, 1, NULL) > 0;
}

enum err logind_session_id(pid_t pid, char out[SEAT_SESSION_SIZE])
{
	char *id = NULL;
	enum err err = ERR_NOT_FOUND;

	if (sd_pid_get_session(pid, &id) >= 0)
		err = keep_id(id, out);
	free(id);
	return err;
}

/* logind also remembers leaders that are in no control group of a session. */
static enum err ask_id(sd_bus *bus, pid_t pid, char out[SEAT_SESSION_SIZE])
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const char *path = NULL;
	char *id = NULL;
	int status = sd_bus_call_method(bus, SERVICE, MANAGER_PATH, MANAGER,
	    "GetSessionByPID", &error, &reply, "u", (uint32_t)pid);
	enum err err = err_of(status, &error);

	if (err == ERR_NONE &&
	    (sd_bus_message_read(reply, "o", &path) < 0 ||
		sd_bus_path_decode(path, MANAGER_PATH "/session", &id) <= 0))
		err = ERR_INVALID;
	if (err == ERR_NONE)
		err = keep_id(id, out);
	free(id);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	return err;
}

static enum err read_leader(sd_bus *bus, const char *id, uint32_t *out)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;
	enum err err = ERR_MEMORY;

	if (sd_bus_path_encode(MANAGER_PATH "/session", id, &path) >= 0)
		err = err_of(sd_bus_get_property_trivial(bus, SERVICE, path,
				 SESSION, "Leader", &error, 'u', out),
		    &error);
	free(path);
	sd_bus_error_free(&error);
	return err;
}

static bool is_text_console(const char *id)
{
	char *type = NULL;
	bool text =
	    sd_session_get_type(id, &type) >= 0 && strcmp(type, "tty") == 0;

	free(type);
	return text;
}

enum err logind_session_of(pid_t pid, struct logind_session *out)
{
	struct logind_session found = {0};
	uint32_t leader = 0;
	sd_bus *bus = NULL;
	enum err err = open_bus(&bus);

	if (err == ERR_NONE && logind_session_id(pid, found.id) != ERR_NONE)
		err = ask_id(bus, pid, found.id);
	if (err == ERR_NONE)
		err = read_leader(bus, found.id, &leader);
	if (err == ERR_NONE) {
		found.is_leader = leader == (uint32_t)pid;
		found.is_text_console = is_text_console(found.id);
		*out = found;
	}
	sd_bus_close_unref(bus);
	return err;
}
