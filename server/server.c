/* SPDX-License-Identifier: Apache-2.0 */
#include "server/server.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared/log.h"

enum {
	MS_PER_S = 1000,
	NS_PER_MS = 1000000
};

static int64_t read_clock_ms(clockid_t clock)
{
	struct timespec now = {0};

	if (clock_gettime(clock, &now) != 0)
		return 0;
	return (int64_t)now.tv_sec * MS_PER_S + now.tv_nsec / NS_PER_MS;
}

void server_read_boot_id(char out[CLOCK_BOOT_ID_SIZE])
{
	ssize_t length = 0;
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	memset(out, 0, CLOCK_BOOT_ID_SIZE);
	if (fd >= 0) {
		length = read(fd, out, CLOCK_BOOT_ID_SIZE - 1);
		close(fd);
	}
	if (length > 0)
		out[strcspn(out, "\n")] = '\0';
}

void server_read_clocks(
    const struct server *server, struct clock_reading *out, int64_t *out_ms)
{
	memset(out, 0, sizeof(*out));
	/* The boot clock first: what passes between the two readings then looks
	 * like a step forward, which the next reading takes back. */
	out->boot_s = read_clock_ms(CLOCK_BOOTTIME) / MS_PER_S;
	*out_ms = read_clock_ms(CLOCK_REALTIME);
	out->wall_s = *out_ms / MS_PER_S;
	memcpy(out->boot_id, server->boot_id, sizeof(out->boot_id));
}

struct clock_judgement server_now(struct server *server, int64_t *out_now_ms)
{
	struct clock_reading reading;
	struct clock_judgement judgement;
	int64_t wall_ms;

	server_read_clocks(server, &reading, &wall_ms);
	judgement = clock_judge(&server->mark, &reading, &server->mark);
	if (judgement.trusted == server->clock_doubtful)
		log_line(judgement.trusted ? LOG_NOTICE : LOG_CRIT,
		    judgement.trusted
			? "the clock is believed again"
			: "the clock cannot be believed: nobody is let in. "
			  "Set it, or run: sekimorictl server clock accept",
		    LOG_NUMBER("clock", reading.wall_s),
		    LOG_NUMBER("mark", server->mark.wall_s));
	server->clock_doubtful = !judgement.trusted;
	*out_now_ms = judgement.trusted && reading.wall_s == judgement.now_s
			  ? wall_ms
			  : judgement.now_s * MS_PER_S;
	return judgement;
}
