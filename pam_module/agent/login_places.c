/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/agent/login_places.h"

#include <stdio.h>
#include <string.h>

bool login_places_take(struct login_places *places, const char *user)
{
	char *place = NULL;
	size_t same = 0;
	bool taken;

	pthread_mutex_lock(&places->lock);
	for (size_t i = 0; i < LOGIN_PLACES_MAX; i++)
		if (places->users[i][0] == '\0')
			place = places->users[i];
		else if (strcmp(places->users[i], user) == 0)
			same++;
	taken = place && same < LOGIN_PLACES_USER_MAX;
	if (taken)
		snprintf(place, sizeof(places->users[0]), "%s", user);
	pthread_mutex_unlock(&places->lock);
	return taken;
}

void login_places_give_back(struct login_places *places, const char *user)
{
	size_t i = 0;

	pthread_mutex_lock(&places->lock);
	while (i < LOGIN_PLACES_MAX && strcmp(places->users[i], user) != 0)
		i++;
	if (i < LOGIN_PLACES_MAX)
		places->users[i][0] = '\0';
	pthread_mutex_unlock(&places->lock);
}
