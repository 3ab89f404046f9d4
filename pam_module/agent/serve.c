/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/serve.h"

#include <string.h>
#include <sys/socket.h>

#include "pam_module/agent/enrol.h"
#include "pam_module/agent/frame_name.h"
#include "pam_module/agent/frame_socket.h"
#include "pam_module/agent/login.h"
#include "pam_module/agent/logind.h"
#include "pam_module/agent/seat_session.h"
#include "pam_module/agent/session.h"
#include "pam_module/agent/steady.h"
#include "pam_module/agent/stop_session.h"
#include "shared/frame.h"
#include "shared/log.h"
#include "shared/text.h"

struct connection {
	struct serve *serve;
	const struct caller *caller;
	int socket;
	struct login_asker asker;
	unsigned char bytes[FRAME_BYTES_MAX]; /* of the frame read last */
};

static enum err send_frame(
    struct connection *connection, struct frame_writer *writer)
{
	return frame_socket_send(
	    connection->socket, writer, SERVE_WRITE_WAIT_MS);
}

static void put_message(
    struct frame_writer *writer, enum frame_message message, uint64_t number)
{
	if (message != 0)
		frame_put_u8(writer, FRAME_MESSAGE, (uint8_t)message);
	if (message != 0 && number != 0)
		frame_put_u64(writer, FRAME_NUMBER, number);
}

static enum err send_question(
    struct connection *connection, const struct login_question *question)
{
	struct frame_writer writer = {0};

	frame_begin(&writer, FRAME_ASK);
	frame_put_u8(&writer, FRAME_PROMPT, (uint8_t)question->prompt);
	put_message(&writer, question->message, question->number);
	return send_frame(connection, &writer);
}

static enum err ask_person(void *context, const struct login_question *question,
    unsigned char *typed, size_t typed_size, size_t *out_length)
{
	struct connection *connection = context;
	struct frame frame;
	const struct frame_field *text;
	enum err err = send_question(connection, question);

	if (err == ERR_NONE)
		err =
		    frame_socket_receive(connection->socket, connection->bytes,
			steady_ms() + SERVE_PERSON_WAIT_MS, &frame);
	/* Also after CANCEL: there is nobody left to answer. */
	if (err == ERR_NONE && frame.type != FRAME_ANSWER)
		err = ERR_NOT_ALLOWED;
	if (err != ERR_NONE)
		return err;
	text = &frame.fields[FRAME_TEXT];
	if (text->length > typed_size)
		return ERR_TOO_LONG;
	if (text->length > 0)
		memcpy(typed, text->bytes, text->length);
	*out_length = text->length;
	/* A PIN stays no longer than it must. */
	secret_wipe_bytes(connection->bytes, sizeof(connection->bytes));
	return ERR_NONE;
}

/* Not to who is at work already and only confirms something. */
static bool is_told_of_last(const char *service)
{
	static const char *const others[] = {
	    "sudo", "sudo-i", "su", "su-l", "polkit-1", "pkexec"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], service) == 0)
			return false;
	return true;
}

static void tell_last(struct connection *connection,
    const struct login_subject *subject, const struct login_last *last)
{
	struct frame_writer writer = {0};

	if (last->at != 0 && is_told_of_last(subject->service)) {
		frame_begin(&writer, FRAME_TELL);
		put_message(
		    &writer, FRAME_MESSAGE_LAST_LOGIN, (uint64_t)last->at);
		frame_put_text(&writer, FRAME_TERMINAL, last->terminal);
		frame_put_u64(&writer, FRAME_COUNT, last->failures);
		(void)send_frame(connection, &writer);
	}
	if (last->bound) {
		frame_begin(&writer, FRAME_TELL);
		put_message(&writer, FRAME_MESSAGE_NEW_AUTHENTICATOR, 0);
		(void)send_frame(connection, &writer);
	}
}

static void send_verdict(
    struct connection *connection, const struct login_verdict *verdict)
{
	struct frame_writer writer = {0};

	frame_begin(&writer, FRAME_VERDICT);
	frame_put_u8(&writer, FRAME_RESULT, (uint8_t)verdict->result);
	put_message(&writer, verdict->message, verdict->number);
	if (verdict->login[0] != '\0')
		frame_put_text(&writer, FRAME_LOGIN, verdict->login);
	(void)send_frame(connection, &writer);
}

static const char *result_word(enum frame_result result)
{
	switch (result) {
	case FRAME_ACCEPT:
		return "accept";
	case FRAME_EXEMPT:
		return "exempt";
	case FRAME_DENY_UNAVAILABLE:
		return "unavailable";
	case FRAME_DENY:
	case FRAME_DENY_LOCKED:
	case FRAME_DENY_PERMISSION:
	case FRAME_DENY_NOT_ENROLLED:
		break;
	}
	return "deny";
}

static void log_verdict(const struct connection *connection,
    const struct login_subject *subject, const struct login_verdict *verdict)
{
	bool unavailable = verdict->result == FRAME_DENY_UNAVAILABLE;
	bool passed =
	    verdict->result == FRAME_ACCEPT || verdict->result == FRAME_EXEMPT;

	if (verdict->other_user)
		log_line(LOG_ALERT,
		    "the server accepted another user than was asked for",
		    LOG_TEXT("user", subject->user));
	if (verdict->needs_person)
		log_line(LOG_WARNING,
		    "several share this account, and a line with appended= "
		    "cannot ask who it is",
		    LOG_TEXT("user", subject->proven ? subject->user : ""),
		    LOG_TEXT("service", subject->service));
	/* Before the first factor is proven, a name may be a password typed
	 * into the wrong field. */
	log_line(unavailable ? LOG_WARNING
		 : passed    ? LOG_INFO
			     : LOG_NOTICE,
	    "login",
	    LOG_TEXT("user", subject->proven || passed ? subject->user : ""),
	    LOG_TEXT("person", verdict->person),
	    LOG_TEXT("service", subject->service),
	    LOG_TEXT("result", result_word(verdict->result)),
	    LOG_TEXT("reason", verdict->pin_locked
				   ? "pin_locked"
				   : login_reason_text(verdict->reason)),
	    LOG_TEXT("by", verdict->by_card    ? "card"
			   : verdict->by_grace ? "grace"
					       : ""),
	    LOG_TEXT("first_factor", subject->proven ? "proven" : "unproven"),
	    LOG_NUMBER("caller_uid", connection->caller->uid),
	    LOG_NUMBER("status", verdict->status));
}

static enum err read_subject(const struct connection *connection,
    const struct frame *frame, struct login_subject *out)
{
	uint8_t first_factor = FRAME_UNPROVEN, once = 0;
	enum err err = frame_get_name(frame, FRAME_USER, out->user);

	if (err == ERR_NONE)
		err = frame_get_name(frame, FRAME_SERVICE, out->service);
	if (err == ERR_NONE)
		err = frame_get_u8(frame, FRAME_FIRST_FACTOR, &first_factor);
	if (err != ERR_NONE)
		return err;
	frame_get_tty(frame, out->tty);
	frame_get_optional_name(frame, FRAME_RHOST, out->rhost);
	out->once = frame_get_u8(frame, FRAME_ONCE, &once) == ERR_NONE && once;
	/* Whoever has typed his code already has it looked at. */
	if (!out->once &&
	    login_asker_may_have_grace(connection->caller, out->user, out->tty))
		memcpy(out->session, connection->asker.session,
		    sizeof(out->session));
	/* Any other speaks for itself alone (caller.h). */
	out->own_account = !connection->caller->is_root;
	/* Only root's word on the first factor counts. */
	out->proven =
	    first_factor == FRAME_PROVEN && connection->caller->is_root;
	return ERR_NONE;
}

static void refuse(struct connection *connection,
    const struct login_subject *subject, enum caller_ruling ruling)
{
	const struct login_verdict denied = {0};

	log_line(LOG_WARNING,
	    ruling == CALLER_TOO_OFTEN
		? "caller asks too often"
		: "caller may not ask for this user and service",
	    LOG_NUMBER("caller_uid", connection->caller->uid),
	    LOG_NUMBER("caller_pid", connection->caller->pid),
	    LOG_TEXT("user", subject->user),
	    LOG_TEXT("service", subject->service));
	send_verdict(connection, &denied);
}

/* A value that no module sends: hung up on like any other malformed frame. */
static bool is_known_factor(const struct frame *frame)
{
	uint8_t value;

	return frame_get_u8(frame, FRAME_FIRST_FACTOR, &value) == ERR_NONE &&
	       value <= FRAME_PROVEN;
}

/* Kept before the module hears of it: its session may open at once. */
static void remember(const struct connection *connection,
    const struct login_subject *subject, const struct login_verdict *verdict)
{
	struct serve *serve = connection->serve;
	struct accepted_login login = {.asker = connection->asker,
	    .by_card = verdict->by_card,
	    .removed = verdict->card_removed};

	if (verdict->result != FRAME_ACCEPT)
		return;
	memcpy(login.user, subject->user, sizeof(login.user));
	memcpy(login.person, verdict->person, sizeof(login.person));
	memcpy(login.login, verdict->login, sizeof(login.login));
	memcpy(login.key, verdict->key, sizeof(login.key));
	accepted_logins_put(&serve->accepted_logins, &login, steady_ms());
	if (verdict->by_card)
		seats_look(serve->seats, verdict->key);
	seat_session_unlocked(serve->seats, &login, connection->caller->is_root,
	    connection->caller->pid);
	stop_session_accepted(
	    serve->stop, serve->people, &login, connection->caller);
}

static enum err run_login(struct connection *connection,
    const struct login_subject *subject, struct login_verdict *out)
{
	struct serve *serve = connection->serve;
	struct card_terminal terminal;
	struct login_means means = {.server = serve->server,
	    .person = {.ask = ask_person, .context = connection},
	    .cards = serve->cards,
	    .shapes = &serve->shapes};

	if (server_client_terminal(serve->client, &terminal) == ERR_NONE)
		means.terminal = &terminal;
	return login_run(subject, &means, out);
}

static void handle_begin(
    struct connection *connection, const struct frame *frame)
{
	struct serve *serve = connection->serve;
	struct login_subject subject = {0};
	struct login_verdict verdict = {0};
	enum caller_ruling ruling;
	enum err err;

	if (!is_known_factor(frame))
		return;
	if (read_subject(connection, frame, &subject) != ERR_NONE) {
		log_line(LOG_WARNING, "user or service is no name",
		    LOG_NUMBER("caller_uid", connection->caller->uid));
		send_verdict(connection, &verdict);
		return;
	}
	ruling = caller_rule(connection->caller, serve->user_services,
	    subject.user, subject.service, &serve->attempts, steady_ms());
	if (ruling == CALLER_ALLOWED && subject.proven &&
	    !login_places_take(&serve->places, subject.user))
		ruling = CALLER_TOO_OFTEN;
	if (ruling != CALLER_ALLOWED) {
		refuse(connection, &subject, ruling);
		return;
	}
	err = run_login(connection, &subject, &verdict);
	if (subject.proven)
		login_places_give_back(&serve->places, subject.user);
	if (err != ERR_NONE) {
		log_line(LOG_INFO, "login given up",
		    LOG_TEXT("user", subject.proven ? subject.user : ""),
		    LOG_TEXT("service", subject.service));
		return;
	}
	remember(connection, &subject, &verdict);
	tell_last(connection, &subject, &verdict.last);
	send_verdict(connection, &verdict);
	log_verdict(connection, &subject, &verdict);
}

/* While its caller waits for an answer: where it is can be asked only as long
 * as it lives. */
static void follow_session(struct connection *connection,
    struct session *session, enum frame_event event)
{
	struct serve *serve = connection->serve;
	pid_t caller = connection->caller->pid;
	bool is_its_own;

	if (event == FRAME_SESSION_OPEN) {
		seat_session_opened(
		    serve->seats, &serve->accepted_logins, session, caller);
		stop_session_opened(
		    serve->stop, serve->people, session, caller);
		is_its_own =
		    login_asker_has_opened(&session->asker, &connection->asker);
	} else {
		seat_session_closed(serve->seats, caller);
		stop_session_closed(serve->people, session, caller);
		is_its_own = process_leads_session(caller);
	}
	if (is_its_own)
		memcpy(session->session, connection->asker.session,
		    sizeof(session->session));
}

/* The module is answered first: a session must not wait for a server. */
static void handle_session(
    struct connection *connection, const struct frame *frame)
{
	struct session session = {0};
	enum frame_event event;
	struct frame_writer writer = {0};

	if (!connection->caller->is_root) {
		log_line(LOG_WARNING, "only root may report sessions",
		    LOG_NUMBER("caller_uid", connection->caller->uid));
		return;
	}
	if (session_read(frame, &session, &event) != ERR_NONE)
		return;
	follow_session(connection, &session, event);
	frame_begin(&writer, FRAME_DONE);
	(void)send_frame(connection, &writer);
	(void)shutdown(connection->socket, SHUT_RDWR);
	(void)session_report(&connection->serve->server, &session,
	    event == FRAME_SESSION_OPEN ? "open" : "close", NULL);
}

/* The other key of the person is the last thing shown: it is what he still
 * has to see to. */
static void send_enrol_verdict(
    struct connection *connection, const struct enrol_verdict *verdict)
{
	struct frame_writer writer = {0};
	enum frame_message last = verdict->message;
	uint64_t number = verdict->number;

	if (verdict->other_until > 0) {
		frame_begin(&writer, FRAME_TELL);
		put_message(&writer, verdict->message, verdict->number);
		(void)send_frame(connection, &writer);
		last = FRAME_MESSAGE_ENROLLED_OTHER;
		number = verdict->other_until;
	}
	frame_begin(&writer, FRAME_VERDICT);
	frame_put_u8(&writer, FRAME_RESULT, (uint8_t)verdict->result);
	put_message(&writer, last, number);
	if (verdict->user[0] != '\0')
		frame_put_text(&writer, FRAME_USER, verdict->user);
	(void)send_frame(connection, &writer);
}

static enum err run_enrolment(struct connection *connection,
    const struct secret *code, struct enrol_verdict *out)
{
	struct serve *serve = connection->serve;
	struct card_terminal terminal;
	struct enrol_means means = {.server = serve->server,
	    .person = {.ask = ask_person, .context = connection},
	    .cards = serve->cards};

	if (server_client_terminal(serve->client, &terminal) == ERR_NONE)
		means.terminal = &terminal;
	return enrol_run(code, &means, out);
}

/* Of anybody who sits here: what he may enrol, and for whom, is the code's
 * business. Whoever has come from afar could try PINs on another's card. */
static void handle_enroll(
    struct connection *connection, const struct frame *frame)
{
	const struct frame_field *typed = &frame->fields[FRAME_TEXT];
	const struct caller *caller = connection->caller;
	struct enrol_verdict verdict = {.result = FRAME_DENY,
	    .message = FRAME_MESSAGE_ENROLL_CODE,
	    .reason = "code"};
	struct secret code = {0};
	enum err err = ERR_NONE;

	if (!caller_count_attempt(
		&connection->serve->attempts, caller->uid, steady_ms())) {
		verdict.message = FRAME_MESSAGE_THROTTLED;
		verdict.reason = "asks_too_often";
	} else if (!caller->is_root && !logind_is_at_seat(caller->uid)) {
		verdict.message = FRAME_MESSAGE_ENROLL_AFAR;
		verdict.reason = "from_afar";
	} else if (secret_set(&code, typed->bytes, typed->length) == ERR_NONE) {
		secret_wipe_bytes(connection->bytes, sizeof(connection->bytes));
		err = run_enrolment(connection, &code, &verdict);
	}
	secret_wipe(&code);
	log_line(verdict.result == FRAME_ACCEPT ? LOG_INFO : LOG_NOTICE,
	    "card enrolment",
	    LOG_TEXT("result", err != ERR_NONE                  ? "given up"
			       : verdict.result == FRAME_ACCEPT ? "done"
								: "refused"),
	    LOG_TEXT("reason", err == ERR_NONE ? verdict.reason : ""),
	    LOG_TEXT("user", verdict.user),
	    LOG_NUMBER("caller_uid", connection->caller->uid),
	    LOG_NUMBER("status", verdict.status));
	if (err == ERR_NONE)
		send_enrol_verdict(connection, &verdict);
}

static void handle(struct connection *connection, const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_BEGIN:
		handle_begin(connection, frame);
		return;
	case FRAME_SESSION:
		handle_session(connection, frame);
		return;
	case FRAME_ENROLL:
		handle_enroll(connection, frame);
		return;
	case FRAME_ANSWER:
	case FRAME_CANCEL:
	case FRAME_ASK:
	case FRAME_TELL:
	case FRAME_VERDICT:
	case FRAME_DONE:
		break; /* nothing begins with these */
	}
}

void serve_connection(struct serve *serve, const struct caller *caller,
    int socket, atomic_bool *begun)
{
	struct connection connection = {
	    .serve = serve, .caller = caller, .socket = socket};
	struct frame frame = {0};

	/* Now, not when a frame asks for it: the process that connected is
	 * still the one of that number. */
	login_asker_note(caller, &serve->session_key, &connection.asker);
	if (frame_socket_receive(socket, connection.bytes,
		steady_ms() + SERVE_FIRST_FRAME_WAIT_MS, &frame) == ERR_NONE) {
		atomic_store(begun, true);
		handle(&connection, &frame);
	}
	secret_wipe_bytes(connection.bytes, sizeof(connection.bytes));
}
