/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/server_call.h"

#include <stdlib.h>
#include <string.h>

#include "shared/secret.h"

void server_reply_free(struct server_reply *reply)
{
	if (reply->body)
		secret_wipe_bytes(reply->body, reply->length);
	free(reply->body);
	memset(reply, 0, sizeof(*reply));
}
