/* SPDX-License-Identifier: Apache-2.0 */
#include "pam_module/card/modules.h"

#include <p11-kit/p11-kit.h>
#include <stdlib.h>
#include <string.h>

static bool is_trust_policy(CK_FUNCTION_LIST *module)
{
	char *value = p11_kit_config_option(module, "trust-policy");
	bool is = value && strcmp(value, "yes") == 0;

	free(value);
	return is;
}

static void add(CK_FUNCTION_LIST *module, struct modules *out)
{
	if (module && out->count < MODULES_MAX && !is_trust_policy(module))
		out->list[out->count++] = module;
}

void modules_load(char *const *paths, struct modules *out)
{
	CK_FUNCTION_LIST **configured;

	out->count = 0;
	p11_kit_be_quiet();
	if (paths[0]) {
		for (; *paths; paths++)
			add(p11_kit_module_load(
				*paths, P11_KIT_MODULE_UNMANAGED),
			    out);
		return;
	}
	configured = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	for (size_t i = 0; configured && configured[i]; i++)
		add(configured[i], out);
}

bool module_start(CK_FUNCTION_LIST *module)
{
	return p11_kit_module_initialize(module) == CKR_OK;
}
