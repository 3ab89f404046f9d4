/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The emulated card's program: dials the virtual reader vpcd of vsmartcard
 * (the card is inserted), hangs up (it is removed), and takes orders from a
 * FIFO, one a line, answered by the log's line `ctl ORDER`:
 *
 *	insert | remove | reinsert MS | tries N | tell | quit
 *	cut-on INS [N] | short-on INS [N] | long-on INS [N] | silent-on INS [N]
 *	sw-on INS SW [N]	(in hexadecimal, 100 any; N: after so many)
 *	(SW 6983 and 6984 lock the PIN as well)
 *	apdu-delay MS | sign-delay MS | false-ends 0|1
 *
 * vcard -a jpki|piv [-p PORT] [-c FIFO] [-l LOG] [-r] -k KEY.pem -x CERT.der
 *	[-K KEY -X CERT] [-A CA.der] [-P PIN] [-S PIN]
 *
 * -K, -X, -S are of the second key (JPKI: signature; PIV: 9C, no PIN of its
 * own); -r starts removed. vpcd's wire: messages of a two-byte big-endian
 * length and a body; bodies of one byte are control, all others are APDUs.
 */
#include "tests/card/vcard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CONTROL_ATR = 4, /* 0, 1, 2: power off, on, reset; not answered */
	MESSAGE_BYTES_MAX = 65536,
};

struct line { /* to the reader; socket -1: the card is out */
	int socket;
	int port;
};

/* 3b80800101, what PIV cards may say, makes OpenSC take it for a PIVKey,
 * which has no elliptic curves. */
static const unsigned char atr_piv[] = {
    0x3b, 0x87, 0x80, 0x01, 0x43, 0x41, 0x52, 0x44, 0x4c, 0x41, 0x42, 0x5d};
static const unsigned char atr_jpki[] = {
    0x3b, 0xe0, 0x00, 0xff, 0x81, 0x31, 0xfe, 0x45, 0x14};

static void take_out(struct vcard *card, struct line *line)
{
	if (line->socket < 0)
		return;
	close(line->socket);
	line->socket = -1;
	vcard_log(card, "removed");
}

static void insert(struct vcard *card, struct line *line)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)line->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;

	if (line->socket >= 0)
		return;
	line->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(line->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(line->socket, (struct sockaddr *)&to, sizeof(to)) != 0) {
		vcard_log(card, "connect: %s", strerror(errno));
		close(line->socket);
		line->socket = -1;
		return;
	}
	card->faults.is_silent = false;
	vcard_reset(card);
	vcard_log(card, "inserted");
}

/* vpcd sends length and body apart: without a quick ACK each costs 40 ms. */
static bool receive(int fd, unsigned char *out, size_t length)
{
	int one = 1;

	while (length > 0) {
		ssize_t n;

		setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof(one));
		n = read(fd, out, length);
		if (n <= 0)
			return false;
		out += n;
		length -= (size_t)n;
	}
	return true;
}

static bool reply(const struct line *line, const void *bytes, size_t length)
{
	unsigned char message[VCARD_BYTES_MAX + 2] = {
	    (unsigned char)(length >> 8), (unsigned char)length};

	memcpy(message + 2, bytes, length);
	return write(line->socket, message, length + 2) ==
	       (ssize_t)(length + 2);
}

static void serve(struct vcard *card, struct line *line)
{
	static unsigned char message[MESSAGE_BYTES_MAX];
	static struct bytes answer;
	unsigned char head[2];
	size_t length;
	bool ok = receive(line->socket, head, sizeof(head));

	length = ok ? (size_t)head[0] << 8 | head[1] : 0;
	ok = ok && receive(line->socket, message, length);
	if (ok && length == 1 && message[0] == CONTROL_ATR) {
		ok = card->is_piv ? reply(line, atr_piv, sizeof(atr_piv))
				  : reply(line, atr_jpki, sizeof(atr_jpki));
	} else if (ok && length == 1) {
		vcard_log(card, "control %d", message[0]);
		vcard_reset(card);
	} else if (ok) {
		ok = vcard_apdu(card, message, length, &answer)
			 ? reply(line, answer.at, answer.length)
			 : card->faults.is_silent;
	}
	if (!ok)
		take_out(card, line);
}

/* "cut-on 2a 1": INS in hexadecimal, and how many to let pass. */
static bool set_strike(struct vcard_faults *faults, const char *order)
{
	struct {
		const char *name;
		struct vcard_fault *fault;
	} strikes[] = {{"cut-on", &faults->cut}, {"short-on", &faults->brief},
	    {"long-on", &faults->lengthy}, {"silent-on", &faults->silent}};
	char name[16];
	unsigned ins;
	int after = 0;

	if (sscanf(order, "%15s %x %d", name, &ins, &after) < 2)
		return false;
	for (size_t i = 0; i < sizeof(strikes) / sizeof(*strikes); i++) {
		if (strcmp(name, strikes[i].name) != 0)
			continue;
		*strikes[i].fault = (struct vcard_fault){(int)ins, after};
		return true;
	}
	return false;
}

static bool set_fault(struct vcard_faults *faults, const char *order)
{
	unsigned ins, word;
	int number, flag, after = 0;

	if (set_strike(faults, order))
		return true;
	if (sscanf(order, "sw-on %x %x %d", &ins, &word, &after) >= 2) {
		faults->word = (struct vcard_fault){(int)ins, after};
		faults->status_word = (int)word;
		return true;
	}
	if (sscanf(order, "apdu-delay %d", &number) == 1)
		faults->apdu_delay_ms = number;
	else if (sscanf(order, "sign-delay %d", &number) == 1)
		faults->sign_delay_ms = number;
	else if (sscanf(order, "false-ends %d", &flag) == 1)
		faults->false_ends = flag != 0;
	else
		return false;
	return true;
}

static void obey(struct vcard *card, struct line *line, const char *order)
{
	int number;

	if (strcmp(order, "insert") == 0) {
		insert(card, line);
	} else if (strcmp(order, "remove") == 0) {
		take_out(card, line);
	} else if (sscanf(order, "reinsert %d", &number) == 1) {
		take_out(card, line);
		usleep((useconds_t)number * 1000);
		insert(card, line);
	} else if (sscanf(order, "tries %d", &number) == 1) {
		card->pins[VCARD_AUTH].left = number;
		card->pins[VCARD_SIGN].left = number;
	} else if (strcmp(order, "tell") == 0) {
		vcard_log(card, "PINs verified: %d %d",
		    card->pins[VCARD_AUTH].verified,
		    card->pins[VCARD_SIGN].verified);
	} else if (strcmp(order, "quit") == 0) {
		exit(EXIT_SUCCESS);
	} else if (!set_fault(&card->faults, order)) {
		vcard_log(card, "no such order: %s", order);
		return;
	}
	vcard_log(card, "ctl %s", order);
}

static void obey_all(struct vcard *card, struct line *line, int fifo)
{
	char text[1024], *rest = text, *order;
	ssize_t n = read(fifo, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	while ((order = strsep(&rest, "\n")))
		if (*order)
			obey(card, line, order);
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file) {
		perror(path);
		exit(2);
	}
	return file;
}

static EVP_PKEY *load_key(const char *path)
{
	FILE *file = open_file(path, "r");
	EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);

	fclose(file);
	if (!key) {
		fprintf(stderr, "%s: not a private key\n", path);
		exit(2);
	}
	return key;
}

static void load_bytes(const char *path, struct bytes *out)
{
	FILE *file = open_file(path, "r");

	out->length = fread(out->at, 1, sizeof(out->at), file);
	fclose(file);
}

struct settings {
	const char *fifo, *pins[2];
	bool starts_removed;
};

static void read_options(int argc, char **argv, struct vcard *card,
    struct line *line, struct settings *out)
{
	int option;

	while ((option = getopt(argc, argv, "a:p:c:P:S:k:x:K:X:A:l:r")) > 0) {
		switch (option) {
		case 'a':
			card->is_piv = strcmp(optarg, "piv") == 0;
			break;
		case 'p':
			line->port = atoi(optarg);
			break;
		case 'c':
			out->fifo = optarg;
			break;
		case 'P':
		case 'S':
			out->pins[option == 'S'] = optarg;
			break;
		case 'k':
		case 'K':
			card->keys[option == 'K'].key = load_key(optarg);
			break;
		case 'x':
		case 'X':
			load_bytes(
			    optarg, &card->keys[option == 'X'].certificate);
			break;
		case 'A':
			load_bytes(optarg, &card->ca);
			break;
		case 'l':
			card->log = open_file(optarg, "a");
			break;
		case 'r':
			out->starts_removed = true;
			break;
		default:
			exit(2);
		}
	}
}

static void set_pin(struct vcard_pin *pin, const char *value, int tries)
{
	snprintf(pin->value, sizeof(pin->value), "%s", value);
	pin->left = pin->most = tries;
}

int main(int argc, char **argv)
{
	static struct vcard card = {.faults = {.cut = {-1, 0},
					.word = {-1, 0},
					.brief = {-1, 0},
					.lengthy = {-1, 0},
					.silent = {-1, 0}}};
	struct line line = {-1, 35963};
	struct settings settings = {0};
	struct pollfd waits[2] = {{-1, POLLIN, 0}, {-1, POLLIN, 0}};

	read_options(argc, argv, &card, &line, &settings);
	if (!settings.pins[0])
		settings.pins[0] = card.is_piv ? "123456" : "1234";
	set_pin(&card.pins[VCARD_AUTH], settings.pins[0], 3);
	set_pin(&card.pins[VCARD_SIGN],
	    settings.pins[1] ? settings.pins[1] : "ABC123", 5);
	if (settings.fifo) {
		mkfifo(settings.fifo, 0600);
		waits[0].fd =
		    open(settings.fifo, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	}
	if (!settings.starts_removed)
		insert(&card, &line);
	for (;;) {
		waits[1].fd = line.socket;
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[0].revents)
			obey_all(&card, &line, waits[0].fd);
		if (line.socket >= 0 && waits[1].revents)
			serve(&card, &line);
	}
}
