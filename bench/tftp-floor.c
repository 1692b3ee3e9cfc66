/*
 * The floor: as little TFTP server as the bench's clients can be served by. One thread, one epoll, files in memory, a connected
 * socket a transfer, a window as one segmented message; no log, no events, no rules, no rendering. What a server in C could
 * reach on this machine, beside which the others are read.
 *
 *   tftp-floor ADDRESS FILE…
 *
 * FILE is a path, its last part the name served. Ends with SIGTERM, or after ten minutes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { RRQ = 1, DATA = 3, ACK = 4, ERROR = 5, OACK = 6, MOST_FILES = 16, MOST_TRANSFERS = 8192, MOST_WINDOW = 1024 };

struct file {
  const char *name;
  const unsigned char *bytes;
  size_t size;
};

struct transfer {
  int fd, used;
  const struct file *file;
  size_t blksize, window, acknowledged, last;
  double sent;
  unsigned char oack[128];
  size_t oack_size;
};

static struct file files[MOST_FILES];
static struct transfer transfers[MOST_TRANSFERS];
static int unused[MOST_TRANSFERS], unused_count, file_count, epoll, listener;
static struct sockaddr_in own;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void end(struct transfer *t) {
  close(t->fd);
  t->used = 0;
  unused[unused_count++] = t - transfers;
}

/* The window behind the last ACK, in messages of at most 64 segments. */
static void send_window(struct transfer *t) {
  static unsigned char headers[64][4];
  size_t first = t->acknowledged + 1, until = t->acknowledged + t->window;
  if (until > t->last) until = t->last;
  t->sent = now_ms();
  size_t most = 65507 / (t->blksize + 4);
  if (most > 64) most = 64;
  while (first <= until) {
    struct iovec pieces[128];
    size_t count = 0;
    for (; count < most && first <= until; count++, first++) {
      size_t start = (first - 1) * t->blksize, size = t->file->size - start;
      if (size > t->blksize) size = t->blksize;
      headers[count][0] = 0, headers[count][1] = DATA, headers[count][2] = first >> 8, headers[count][3] = first;
      pieces[2 * count] = (struct iovec){headers[count], 4};
      pieces[2 * count + 1] = (struct iovec){(void *)(t->file->bytes + start), size};
    }
    char control[CMSG_SPACE(sizeof(uint16_t))] = {0};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2 * count};
    if (count > 1) {
      message.msg_control = control, message.msg_controllen = sizeof control;
      struct cmsghdr *head = CMSG_FIRSTHDR(&message);
      head->cmsg_level = IPPROTO_UDP, head->cmsg_type = UDP_SEGMENT, head->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      *(uint16_t *)CMSG_DATA(head) = t->blksize + 4;
    }
    sendmsg(t->fd, &message, MSG_DONTWAIT);
  }
}

static void begin(unsigned char *packet, size_t size, struct sockaddr_in *peer) {
  packet[size] = packet[size + 1] = packet[size + 2] = 0;
  const char *name = (char *)packet + 2;
  const struct file *file = NULL;
  for (int i = 0; i < file_count; i++)
    if (!strcmp(files[i].name, name)) file = &files[i];
  if (!file) {
    static const unsigned char absent[] = "\0\5\0\1file not found";
    sendto(listener, absent, sizeof absent, MSG_DONTWAIT, (struct sockaddr *)peer, sizeof *peer);
    return;
  }
  if (unused_count == 0) return;
  struct transfer *t = &transfers[unused[--unused_count]];
  struct sockaddr_in local = own;
  local.sin_port = 0;
  *t = (struct transfer){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), .used = 1, .file = file, .blksize = 512, .window = 1, .oack = {0, OACK}, .oack_size = 2};
  if (bind(t->fd, (struct sockaddr *)&local, sizeof local) < 0 || connect(t->fd, (struct sockaddr *)peer, sizeof *peer) < 0) return end(t);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = t};
  epoll_ctl(epoll, EPOLL_CTL_ADD, t->fd, &event);
  size_t at = 2 + strlen(name) + 1;
  at += strlen((char *)packet + at) + 1;
  while (at < size) {
    const char *option = (char *)packet + at;
    at += strlen(option) + 1;
    const char *text = (char *)packet + at;
    at += strlen(text) + 1;
    size_t value = strtoul(text, NULL, 10);
    if (!strcasecmp(option, "blksize") && value >= 8 && value <= 1468) t->blksize = value;
    else if (!strcasecmp(option, "windowsize") && value >= 1 && value <= MOST_WINDOW) t->window = value;
    else if (!strcasecmp(option, "tsize")) value = file->size;
    else continue;
    t->oack_size += 1 + sprintf((char *)t->oack + t->oack_size, "%.12s", option);
    t->oack_size += 1 + sprintf((char *)t->oack + t->oack_size, "%zu", value);
  }
  t->last = file->size / t->blksize + 1;
  t->sent = now_ms();
  if (t->oack_size > 2) send(t->fd, t->oack, t->oack_size, MSG_DONTWAIT);
  else send_window(t);
}

static void take(struct transfer *t) {
  unsigned char packet[600];
  ssize_t size = recv(t->fd, packet, sizeof packet, MSG_DONTWAIT);
  if (size < 4 || packet[1] != ACK) {
    if (size >= 4 && packet[1] == ERROR) end(t);
    return;
  }
  size_t ahead = ((packet[2] << 8 | packet[3]) - t->acknowledged) & 0xffff;
  /* The ACK of the OACK, or one of the window. A copy in lock-step is no reason to send. */
  if (ahead > t->window || (ahead == 0 && t->acknowledged > 0 && t->window == 1)) return;
  t->acknowledged += ahead;
  if (t->acknowledged == t->last) return end(t);
  send_window(t);
}

int main(int count, char **words) {
  if (count < 3) return fprintf(stderr, "tftp-floor: ADDRESS FILE…\n"), 2;
  own.sin_family = AF_INET, own.sin_port = htons(69);
  inet_pton(AF_INET, words[1], &own.sin_addr);
  for (int i = 2; i < count && file_count < MOST_FILES; i++) {
    struct stat stat;
    int fd = open(words[i], O_RDONLY);
    if (fd < 0 || fstat(fd, &stat) < 0) return perror(words[i]), 1;
    const char *name = strrchr(words[i], '/') ? strrchr(words[i], '/') + 1 : words[i];
    files[file_count++] = (struct file){name, mmap(NULL, stat.st_size + 1, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0), stat.st_size};
    close(fd);
  }
  struct rlimit limit = {MOST_TRANSFERS + 100, MOST_TRANSFERS + 100};
  setrlimit(RLIMIT_NOFILE, &limit);
  for (int i = 0; i < MOST_TRANSFERS; i++) unused[unused_count++] = i;
  listener = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int room = 4 << 20;
  setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (bind(listener, (struct sockaddr *)&own, sizeof own) < 0) return perror("bind"), 1;
  epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  double ends = now_ms() + 600e3, looked = now_ms();
  for (double now = looked; now < ends; now = now_ms()) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll, events, 256, 100);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr) {
        take(events[i].data.ptr);
        continue;
      }
      unsigned char packet[2100];
      struct sockaddr_in peer;
      socklen_t length = sizeof peer;
      for (ssize_t size; (size = recvfrom(listener, packet, 2048, MSG_DONTWAIT, (struct sockaddr *)&peer, &length)) >= 0; length = sizeof peer)
        if (size >= 4 && packet[1] == RRQ) begin(packet, size, &peer);
    }
    if (now - looked < 500) continue;
    looked = now;
    for (int i = 0; i < MOST_TRANSFERS; i++) {
      struct transfer *t = &transfers[i];
      if (!t->used || now - t->sent < 1000) continue;
      if (now - t->sent > 5000) end(t);
      else if (t->acknowledged == 0 && t->oack_size > 2) send(t->fd, t->oack, t->oack_size, MSG_DONTWAIT);
      else send_window(t);
    }
  }
  return 0;
}
