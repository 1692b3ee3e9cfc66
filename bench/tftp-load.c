/*
 * TFTP clients, many at once, in one process: RFC 1350, 2347 to 2349, 7440. In C, so that the load costs less than what it
 * measures. Each client fetches its files one after another, every byte compared; the first is at LOCAL, each next one STEP
 * addresses further.
 *
 *   tftp-load SERVER LOCAL STEP CLIENTS BLKSIZE WINDOW RETRY_MS TRIES TIMEOUT_MS LOSS SEED ROUNDS FILE…
 *
 * LOSS (0 to 1) is how much of what comes and of what goes is thrown away, as a network would; requests are kept. FILE is
 * a path, its last part the name asked for; each client goes through all of them ROUNDS times. Prints one JSON line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6 };

struct file {
  const char *name;
  const unsigned char *bytes;
  size_t size;
};

struct client {
  int fd, file, tries, window, since_ack, gap_told, done;
  unsigned blksize, block, gap_at;
  size_t received;
  double started, sent;
  struct sockaddr_in local, peer;
  unsigned char last[512];
  size_t last_size;
};

static struct sockaddr_in server;
static struct file files[16];
static int file_count, rounds, clients, window, epoll, running;
static unsigned blksize;
static double retry_ms, loss;
static int tries;
static unsigned long long seed, bytes_done, repeats;
static int done, failed;
static double *times;
static char fault[200];
static unsigned granted_blksize = 0, granted_window = 0;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static int lost(void) {
  if (loss <= 0) return 0;
  seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
  return (double)(seed >> 11) / 9007199254740992.0 < loss;
}

static void transmit(struct client *c) {
  c->sent = now_ms();
  if (c->last[1] != RRQ && lost()) return;
  sendto(c->fd, c->last, c->last_size, MSG_DONTWAIT, (struct sockaddr *)&c->peer, sizeof c->peer);
}

static void acknowledge(struct client *c) {
  unsigned char packet[4] = {0, ACK, (c->block >> 8) & 255, c->block & 255};
  memcpy(c->last, packet, 4);
  c->last_size = 4;
  c->since_ack = 0;
  c->tries = 0;
  transmit(c);
}

static void put(struct client *c, const char *text) {
  size_t size = strlen(text) + 1;
  memcpy(c->last + c->last_size, text, size);
  c->last_size += size;
}

static void begin(struct client *c);

static void end(struct client *c, const char *why) {
  if (why) {
    failed++;
    if (!fault[0]) snprintf(fault, sizeof fault, "%s: %s", files[c->file % file_count].name, why);
  } else {
    times[done++] = now_ms() - c->started;
    granted_blksize = c->blksize;
    granted_window = c->window;
  }
  /* Of transfers that did not end as well: a slow server has a rate too. */
  bytes_done += c->received;
  close(c->fd);
  if (++c->file < file_count * rounds) begin(c);
  else c->done = 1, running--;
}

/* A transfer from a new port. */
static void begin(struct client *c) {
  char number[16];
  c->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int room = 1 << 20;
  setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  if (c->fd < 0 || bind(c->fd, (struct sockaddr *)&c->local, sizeof c->local) < 0) {
    perror("socket");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
  c->peer = server;
  c->blksize = 512, c->window = 1, c->block = 0, c->received = 0, c->since_ack = 0, c->gap_told = 0, c->tries = 0;
  c->started = now_ms();
  c->last[0] = 0, c->last[1] = RRQ, c->last_size = 2;
  put(c, files[c->file % file_count].name), put(c, "octet");
  if (blksize != 512) put(c, "blksize"), snprintf(number, sizeof number, "%u", blksize), put(c, number);
  if (window != 1) put(c, "windowsize"), snprintf(number, sizeof number, "%d", window), put(c, number);
  put(c, "tsize"), put(c, "0");
  transmit(c);
}

static void take_options(struct client *c, unsigned char *packet, size_t size) {
  size_t at = 2;
  packet[size] = packet[size + 1] = 0;
  while (at < size) {
    const char *name = (char *)packet + at;
    at += strlen(name) + 1;
    const char *value = (char *)packet + at;
    at += strlen(value) + 1;
    if (!strcasecmp(name, "blksize")) c->blksize = atoi(value);
    if (!strcasecmp(name, "windowsize")) c->window = atoi(value);
  }
}

/* Returns 0 when the transfer is over. */
static int take(struct client *c, unsigned char *packet, size_t size) {
  const struct file *file = &files[c->file % file_count];
  if (size < 4) return 1;
  if (packet[1] == ERROR) return packet[size] = 0, end(c, (char *)packet + 4), 0;
  if (packet[1] == OACK) {
    if (c->received == 0 && c->block == 0) take_options(c, packet, size), acknowledge(c);
    return 1;
  }
  if (packet[1] != DATA) return 1;
  unsigned block = packet[2] << 8 | packet[3];
  if (block != ((c->block + 1) & 0xffff)) {
    /* A gap is told once (RFC 7440); a copy of what is there is answered in lock-step, as firmware does. */
    int copy = ((c->block - block) & 0xffff) < 0x8000;
    /* A number below the last one begins another burst, whose gap is news; a window of copies is told at its end. */
    int tells = copy ? block == (c->block & 0xffff) : !c->gap_told || ((block - c->gap_at) & 0xffff) >= 0x8000;
    if (!copy) c->gap_told = 1, c->gap_at = block;
    if (tells) acknowledge(c);
    return 1;
  }
  size_t payload = size - 4;
  if (c->received + payload > file->size || memcmp(file->bytes + c->received, packet + 4, payload)) return end(c, "wrong bytes"), 0;
  c->block = block, c->received += payload, c->since_ack++, c->gap_told = 0, c->tries = 0;
  if (payload < c->blksize) {
    /* The last ACK is not thrown away: nobody would ask for it again. */
    double kept = loss;
    loss = 0, acknowledge(c), loss = kept;
    return end(c, c->received == file->size ? NULL : "too short"), 0;
  }
  if (c->since_ack >= c->window) acknowledge(c);
  return 1;
}

static void drain(struct client *c) {
  static unsigned char packet[65600];
  for (int count = 0; count < 64; count++) {
    struct sockaddr_in from;
    socklen_t length = sizeof from;
    ssize_t size = recvfrom(c->fd, packet, 65536, MSG_DONTWAIT, (struct sockaddr *)&from, &length);
    if (size < 0) return;
    if (c->peer.sin_port == server.sin_port) c->peer.sin_port = from.sin_port;
    else if (c->peer.sin_port != from.sin_port) continue;
    if (lost()) continue;
    c->sent = now_ms();
    if (!take(c, packet, size)) return;
    if (c->window == 1) return;
  }
}

static void look(struct client *c, double now) {
  if (c->done || now - c->sent < retry_ms) return;
  if (++c->tries > tries) return end(c, "no answer");
  repeats++;
  transmit(c);
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

int main(int count, char **words) {
  if (count < 14) return fprintf(stderr, "tftp-load: too few arguments\n"), 2;
  server.sin_family = AF_INET, server.sin_port = htons(69);
  inet_pton(AF_INET, words[1], &server.sin_addr);
  struct in_addr local;
  inet_pton(AF_INET, words[2], &local);
  unsigned step = atoi(words[3]);
  clients = atoi(words[4]), blksize = atoi(words[5]), window = atoi(words[6]), retry_ms = atof(words[7]), tries = atoi(words[8]);
  double timeout_ms = atof(words[9]);
  loss = atof(words[10]), seed = strtoull(words[11], NULL, 10) * 2654435761u + 88172645463325252ull;
  rounds = atoi(words[12]);
  for (int i = 13; i < count && file_count < 16; i++) {
    struct stat stat;
    int fd = open(words[i], O_RDONLY);
    if (fd < 0 || fstat(fd, &stat) < 0) return perror(words[i]), 1;
    const char *name = strrchr(words[i], '/') ? strrchr(words[i], '/') + 1 : words[i];
    files[file_count++] = (struct file){name, mmap(NULL, stat.st_size + 1, PROT_READ, MAP_PRIVATE, fd, 0), stat.st_size};
  }
  struct rlimit limit = {8192, 8192};
  setrlimit(RLIMIT_NOFILE, &limit);
  times = calloc((size_t)clients * file_count * rounds, sizeof *times);
  struct client *all = calloc(clients, sizeof *all);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  running = clients;
  double started = now_ms(), looked = started;
  for (int i = 0; i < clients; i++) {
    all[i].local.sin_family = AF_INET;
    all[i].local.sin_addr.s_addr = htonl(ntohl(local.s_addr) + i * step);
    begin(&all[i]);
  }
  while (running > 0) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, 10);
    for (int i = 0; i < ready; i++) drain(events[i].data.ptr);
    double now = now_ms();
    if (now - looked >= 10) {
      looked = now;
      for (int i = 0; i < clients; i++) look(&all[i], now);
      if (now - started > timeout_ms) {
        for (int i = 0; i < clients; i++)
          while (!all[i].done) end(&all[i], "not finished in time");
      }
    }
  }
  double ms = now_ms() - started;
  qsort(times, done, sizeof *times, compare);
  printf("{\"ms\":%.3f,\"done\":%d,\"failed\":%d,\"bytes\":%llu,\"repeats\":%llu,\"grantedBlksize\":%u,\"grantedWindow\":%u,", ms, done,
         failed, bytes_done, repeats, granted_blksize, granted_window);
  printf("\"p50Ms\":%.3f,\"p99Ms\":%.3f", done ? times[done / 2] : 0, done ? times[(int)(done * 0.99)] : 0);
  if (fault[0]) {
    printf(",\"fault\":\"");
    for (char *c = fault; *c; c++) putchar(*c == '"' || *c == '\\' || *c < 32 ? '?' : *c);
    putchar('"');
  }
  printf("}\n");
  return 0;
}
