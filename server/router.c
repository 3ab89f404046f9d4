/* SPDX-License-Identifier: Apache-2.0 */
#include "server/router.h"

#include <string.h>

#include "server/api_admin.h"
#include "server/api_card.h"
#include "server/api_login.h"
#include "server/api_session.h"
#include "server/api_status.h"
#include "server/api_stop.h"
#include "server/api_terminal.h"
#include "server/server.h"

enum route_needs {
	ROUTE_TERMINAL = 0, /* a certificate of ours, in date */
	ROUTE_ADMIN,        /* the admin socket, a session, or to sign in */
	ROUTE_NEAR,         /* the admin socket or loopback */
	ROUTE_NOTHING,
};

static const struct route {
	const char *method;
	const char *path; /* ending in '/': and one more segment */
	enum route_needs needs;
	void (*handle)(struct server *server, struct http_exchange *exchange);
} routes[] = {
    {"POST", "/v1/logins", ROUTE_TERMINAL, api_login_begin},
    {"POST", "/v1/logins/", ROUTE_TERMINAL, api_login_finish},
    {"GET", "/v1/capabilities", ROUTE_TERMINAL, api_login_capabilities},
    {"POST", "/v1/terminals/join", ROUTE_NOTHING, api_terminal_join},
    {"GET", "/v1/terminals/self", ROUTE_TERMINAL, api_terminal_self},
    {"POST", "/v1/terminals/renew", ROUTE_TERMINAL, api_terminal_renew},
    {"POST", "/v1/terminals/wait", ROUTE_TERMINAL, api_stop_wait},
    {"POST", "/v1/terminals/stops", ROUTE_TERMINAL, api_stop_ask},
    {"POST", "/v1/cards", ROUTE_TERMINAL, api_card_enroll},
    {"POST", "/v1/cards/challenge", ROUTE_TERMINAL, api_card_challenge},
    {"POST", "/v1/sessions", ROUTE_TERMINAL, api_session_report},
    {"GET", "/v1/audit/hashes/", ROUTE_TERMINAL, api_terminal_audit_hash},
    {"POST", "/v1/reports", ROUTE_TERMINAL, api_terminal_report},
    {"POST", "/v1/admin/signin", ROUTE_NOTHING, api_admin_handle},
    {"POST", "/v1/admin/", ROUTE_ADMIN, api_admin_handle},
    {"GET", "/healthz", ROUTE_NOTHING, api_status_health},
    {"GET", "/readyz", ROUTE_NOTHING, api_status_ready},
    {"GET", "/metrics", ROUTE_NEAR, api_status_metrics},
};

static bool path_matches(const struct route *route, const char *path)
{
	size_t length = strlen(route->path);

	if (route->path[length - 1] != '/')
		return strcmp(path, route->path) == 0;
	if (strncmp(path, route->path, length) != 0 || path[length] == '\0')
		return false;
	/* Administration has noun and verb below its prefix. */
	return route->needs == ROUTE_ADMIN ||
	       strchr(path + length, '/') == NULL;
}

static bool is_allowed(struct server *server,
    const struct http_exchange *exchange, enum route_needs needs)
{
	const struct http_peer *peer = exchange->peer;
	int64_t now_ms;

	switch (needs) {
	case ROUTE_NOTHING:
		return true;
	case ROUTE_ADMIN:
		/* Whether the session is one is looked at later. */
		return peer->kind == HTTP_PEER_LOCAL ||
		       exchange->message->bearer[0] != '\0';
	case ROUTE_NEAR:
		return peer->kind == HTTP_PEER_LOCAL || peer->loopback;
	case ROUTE_TERMINAL:
		/* The handshake looked at dates too, but a connection may
		 * outlive its certificate. */
		return peer->kind == HTTP_PEER_TERMINAL &&
		       server_now(server, &now_ms).now_s <
			   peer->certificate_until;
	}
	return false;
}

static const char *refusal_of(enum route_needs needs)
{
	switch (needs) {
	case ROUTE_TERMINAL:
		return "This call needs the certificate of a terminal that "
		       "has joined.";
	case ROUTE_ADMIN:
		return "Sign in first: `sekimorictl admin signin ID`.";
	case ROUTE_NEAR:
	case ROUTE_NOTHING:
		break;
	}
	return "This call is answered on the server itself only.";
}

static void dispatch(struct server *server, const struct route *route,
    struct http_exchange *exchange)
{
	if (!is_allowed(server, exchange, route->needs))
		http_reply_problem(exchange, 403, refusal_of(route->needs));
	else if (exchange->body_length > 0 && !exchange->message->is_json)
		http_reply_problem(exchange, 415, "Send application/json.");
	else if (strcmp(route->method, "GET") == 0 && exchange->body_length > 0)
		http_reply_problem(exchange, 400, "GET has no body.");
	else
		route->handle(server, exchange);
}

void router_handle(void *context, struct http_exchange *exchange)
{
	struct server *server = context;
	bool path_known = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!path_matches(&routes[i], exchange->message->path))
			continue;
		path_known = true;
		if (strcmp(routes[i].method, exchange->message->method) == 0) {
			dispatch(server, &routes[i], exchange);
			return;
		}
	}
	if (path_known)
		http_reply_problem(
		    exchange, 405, "This path takes another method.");
	else
		http_reply_problem(exchange, 404, "There is no such path.");
}
