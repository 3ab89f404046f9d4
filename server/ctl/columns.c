/* SPDX-License-Identifier: Apache-2.0 */
#include "server/ctl/columns.h"

const struct output_column PERSON_COLUMNS[] = {
    {"ID", "id", OUTPUT_TEXT},
    {"LOGIN", "login", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"DEPARTMENT", "department", OUTPUT_TEXT},
    {"KIND", "kind", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"FROZEN", "frozen", OUTPUT_YES},
    {"FROM", "from", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_END},
    {"ATTENDANT", "attendant", OUTPUT_TEXT},
    {"DECISION", "decision", OUTPUT_TEXT},
    {"ENROLLED", "enrolled", OUTPUT_YES},
    {"RETRY AT", "retry_at", OUTPUT_TIME},
    {0},
};

const struct output_column IMPORT_COLUMNS[] = {
    {"NUMBER", "import", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"TIME", "time", OUTPUT_TIME},
    {"PEOPLE", "people", OUTPUT_NUMBER},
    {"WHOLE STAFF", "whole_staff", OUTPUT_YES},
    {"BY", "actor", OUTPUT_TEXT},
    {"WHY", "detail", OUTPUT_TEXT},
    {0},
};

const struct output_column TOKEN_COLUMNS[] = {
    {"SERIAL", "serial", OUTPUT_TEXT},
    {"USER", "user", OUTPUT_TEXT},
    {"TYPE", "type", OUTPUT_TEXT},
    {"ALGORITHM", "algorithm", OUTPUT_TEXT},
    {"DIGITS", "digits", OUTPUT_NUMBER},
    {"PERIOD", "period", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"CREATED", "created", OUTPUT_TIME},
    {"CONFIRMED", "confirmed", OUTPUT_TIME},
    {"LAST USED", "last_used", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_TIME},
    {"DRIFT", "drift", OUTPUT_NUMBER},
    {"OUT OF STEP", "out_of_step", OUTPUT_YES},
    {0},
};

const struct output_column LEDGER_COLUMNS[] = {
    {"NO", "seq", OUTPUT_NUMBER},
    {"TIME", "time", OUTPUT_TIME},
    {"STATE", "to", OUTPUT_TEXT},
    {"FROM", "from_user", OUTPUT_TEXT},
    {"HOLDER", "user", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"UNTIL", "until", OUTPUT_TIME},
    {"WHY", "why", OUTPUT_TEXT},
    {"BY", "actor", OUTPUT_TEXT},
    {0},
};

const struct output_column INVENTORY_COLUMNS[] = {
    {"DEPARTMENT", "department", OUTPUT_TEXT},
    {"SERIAL", "serial", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"HOLDER", "user", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"SINCE", "confirmed", OUTPUT_TIME},
    {"LAST USED", "last_used", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_TIME},
    {"REMARK", "remark", OUTPUT_TEXT},
    {"CHANGE", "change", OUTPUT_TEXT},
    {0},
};

const struct output_column CARD_COLUMNS[] = {
    {"USER", "user", OUTPUT_TEXT},
    {"SUBJECT", "subject", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"STANDING", "standing", OUTPUT_TEXT},
    {"UNTIL", "until", OUTPUT_TIME},
    {"DAYS", "days_left", OUTPUT_NUMBER},
    {"WARNING", "warning", OUTPUT_TEXT},
    {"LAST USED", "last_used", OUTPUT_TIME},
    {"KEY", "key", OUTPUT_TEXT},
    {0},
};

const struct output_column TERMINAL_COLUMNS[] = {
    {"NAME", "name", OUTPUT_TEXT},
    {"GROUP", "group", OUTPUT_TEXT},
    {"STATE", "state", OUTPUT_TEXT},
    {"FROZEN", "frozen", OUTPUT_YES},
    {"CONNECTED", "connected", OUTPUT_YES},
    {"CREATED", "created", OUTPUT_TIME},
    {"LAST SEEN", "last_seen", OUTPUT_TIME},
    {0},
};

const struct output_column AUDIT_COLUMNS[] = {
    {"SEQ", "seq", OUTPUT_NUMBER},
    {"TIME", "time", OUTPUT_TIME},
    {"KIND", "kind", OUTPUT_TEXT},
    {"USER", "user", OUTPUT_TEXT},
    {"TERMINAL", "terminal", OUTPUT_TEXT},
    {"SERVICE", "service", OUTPUT_TEXT},
    {"ACTION", "action", OUTPUT_TEXT},
    {"TARGET", "target", OUTPUT_TEXT},
    {"FACTOR", "factor", OUTPUT_TEXT},
    {"RESULT", "result", OUTPUT_TEXT},
    {"REASON", "reason", OUTPUT_TEXT},
    {"WOULD BE", "would", OUTPUT_TEXT},
    {"CARD", "card", OUTPUT_TEXT},
    {"BY", "by", OUTPUT_TEXT},
    {"ACTOR", "actor", OUTPUT_TEXT},
    {"COUNT", "count", OUTPUT_NUMBER},
    {0},
};

const struct output_column AUDIT_CSV_COLUMNS[] = {
    {"SEQ", "seq", OUTPUT_NUMBER},
    {"TIME", "time", OUTPUT_TIME},
    {"KIND", "kind", OUTPUT_TEXT},
    {"USER", "user", OUTPUT_TEXT},
    {"ACCOUNT", "account", OUTPUT_TEXT},
    {"TERMINAL", "terminal", OUTPUT_TEXT},
    {"SERVICE", "service", OUTPUT_TEXT},
    {"TTY", "tty", OUTPUT_TEXT},
    {"RHOST", "rhost", OUTPUT_TEXT},
    {"ACTION", "action", OUTPUT_TEXT},
    {"TARGET", "target", OUTPUT_TEXT},
    {"FACTOR", "factor", OUTPUT_TEXT},
    {"RESULT", "result", OUTPUT_TEXT},
    {"REASON", "reason", OUTPUT_TEXT},
    {"WOULD BE", "would", OUTPUT_TEXT},
    {"RULE", "rule", OUTPUT_TEXT},
    {"CARD", "card", OUTPUT_TEXT},
    {"BY", "by", OUTPUT_TEXT},
    {"ACTOR", "actor", OUTPUT_TEXT},
    {"WHY", "why", OUTPUT_TEXT},
    {"COUNT", "count", OUTPUT_NUMBER},
    {0},
};

const struct output_column ADMIN_COLUMNS[] = {
    {"ID", "id", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"ROLE", "role", OUTPUT_TEXT},
    {"DEPARTMENTS", "departments", OUTPUT_TEXT},
    {"PASSWORD", "password", OUTPUT_YES},
    {"SESSIONS", "sessions", OUTPUT_NUMBER},
    {"ADDED", "added", OUTPUT_TIME},
    {0},
};

const struct output_column POLICY_COLUMNS[] = {
    {"VERSION", "version", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"SINCE", "since", OUTPUT_TIME},
    {"SET", "set", OUTPUT_TIME},
    {"AUTHOR", "author", OUTPUT_TEXT},
    {"APPROVER", "approver", OUTPUT_TEXT},
    {"REASON", "reason", OUTPUT_TEXT},
    {"CANCELLED BY", "cancelled", OUTPUT_TEXT},
    {0},
};

const struct output_column SHADOW_COLUMNS[] = {
    {"USER", "user", OUTPUT_TEXT},
    {"NAME", "name", OUTPUT_TEXT},
    {"DEPARTMENT", "department", OUTPUT_TEXT},
    {"WOULD BE", "would", OUTPUT_TEXT},
    {"COUNT", "count", OUTPUT_NUMBER},
    {"RULE", "rule", OUTPUT_TEXT},
    {"TERMINAL", "terminal", OUTPUT_TEXT},
    {"SERVICE", "service", OUTPUT_TEXT},
    {"FIRST", "first", OUTPUT_TIME},
    {"LAST", "last", OUTPUT_TIME},
    {0},
};

const struct output_column REQUEST_COLUMNS[] = {
    {"REQUEST", "request", OUTPUT_NUMBER},
    {"STATE", "state", OUTPUT_TEXT},
    {"ACTION", "action", OUTPUT_TEXT},
    {"BY", "by", OUTPUT_TEXT},
    {"RULE", "rule", OUTPUT_TEXT},
    {"MADE", "made", OUTPUT_TIME},
    {"UNTIL", "until", OUTPUT_TIME},
    {"DECIDED BY", "decided_by", OUTPUT_TEXT},
    {"DECIDED", "decided", OUTPUT_TIME},
    {0},
};

const struct output_column STATUS_COLUMNS[] = {
    {"state", "state", OUTPUT_TEXT},
    {"NOT ENFORCED (SHADOW MODE)", "shadow", OUTPUT_TEXT},
    {"wait for approval", "requests", OUTPUT_NUMBER},
    {"version", "version", OUTPUT_TEXT},
    {"time", "time", OUTPUT_TIME},
    {"instance", "instance", OUTPUT_TEXT},
    {"people", "people", OUTPUT_NUMBER},
    {"tokens", "tokens", OUTPUT_NUMBER},
    {"cards", "cards", OUTPUT_NUMBER},
    {"terminals", "terminals", OUTPUT_NUMBER},
    {"terminals connected", "connected", OUTPUT_NUMBER},
    {"audit records", "records", OUTPUT_NUMBER},
    {"disk free (MB)", "disk_free", OUTPUT_NUMBER},
    {"key generation", "generation", OUTPUT_NUMBER},
    {0},
};
