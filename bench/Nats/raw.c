/*
 * The ceiling: NATS over plain sockets, with no client between. Each mode prints one line of figures on standard output and ends.
 *
 *   raw PORT publish COUNT SIZE            one connection writes COUNT messages in blocks, then PING; ends at the PONG
 *   raw PORT subscribe COUNT SIZE          counts what arrives on `bench`, from the first to the last message; says `ready` first
 *   raw PORT flood COUNT SIZE              the publisher for a subscriber: as publish, on `bench`
 *   raw PORT request OUTSTANDING MS SIZE   a requester and a responder, a thread and a connection each; a slot's requests share a short subject for their answers
 *   raw PORT fresh OUTSTANDING MS SIZE     the same with a subject for each answer, as long as a client's: what a client must do that tells a late answer from a new one
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024, INBOUND = 256 * 1024, SIZE_MAX_BYTES = 4096, OUTSTANDING_MAX = 4096, LATENCIES_MAX = 4 * 1024 * 1024 };

static int port;

static void die(const char *what) {
    fprintf(stderr, "raw: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void write_all(int fd, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
        if (n <= 0) die("send");
        bytes += n;
        length -= (size_t)n;
    }
}

static size_t read_some(int fd, char *to, size_t room) {
    ssize_t n = recv(fd, to, room, 0);
    if (n <= 0) die("recv");
    return (size_t)n;
}

/* Reads byte by byte until a PONG: only before and after what is measured. */
static void await_pong(int fd) {
    const char *wanted = "PONG\r\n";
    size_t matched = 0;
    while (matched < 6) {
        char c;
        read_some(fd, &c, 1);
        matched = c == wanted[matched] ? matched + 1 : (c == 'P' ? 1 : 0);
    }
}

static int open_connection(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
    write_all(fd, hello, strlen(hello));
    await_pong(fd);
    return fd;
}

static void publish(const char *subject, long count, int size) {
    static char block[BLOCK];
    static char frame[SIZE_MAX_BYTES + 64];
    int fd = open_connection();
    int length = sprintf(frame, "PUB %s %d\r\n", subject, size);
    memset(frame + length, 'x', (size_t)size);
    memcpy(frame + length + size, "\r\n", 2);
    length += size + 2;
    uint64_t begun = now_ns();
    double cpu = cpu_seconds();
    size_t filled = 0;
    for (long i = 0; i < count; i++) {
        if (filled + (size_t)length > BLOCK) {
            write_all(fd, block, filled);
            filled = 0;
        }
        memcpy(block + filled, frame, (size_t)length);
        filled += (size_t)length;
    }
    write_all(fd, block, filled);
    write_all(fd, "PING\r\n", 6);
    await_pong(fd);
    double seconds = (double)(now_ns() - begun) / 1e9;
    printf("messages %ld seconds %.6f cpu %.6f\n", count, seconds, cpu_seconds() - cpu);
    close(fd);
}

/* One frame at the beginning of a buffer: MSG subject sid [reply] length CRLF payload CRLF. */
struct frame {
    const char *subject;
    const char *reply; /* NULL: none */
    int subject_length, reply_length, size;
    size_t total; /* 0: not whole yet */
};

/* Answers PINGs by the way; the server sends one every two minutes. */
static struct frame parse(int fd, const char *at, size_t length) {
    struct frame f = { 0 };
    const char *end = memchr(at, '\n', length);
    if (end == NULL) return f;
    if (at[0] != 'M') {
        if (at[0] == 'P' && at[1] == 'I') write_all(fd, "PONG\r\n", 6);
        f.total = (size_t)(end - at) + 1;
        return f;
    }
    const char *p = at + 4;
    f.subject = p;
    while (*p != ' ') p++;
    f.subject_length = (int)(p - f.subject);
    p++;
    while (*p != ' ') p++; /* sid */
    p++;
    const char *third = p;
    while (*p != ' ' && *p != '\r') p++;
    if (*p == ' ') {
        f.reply = third;
        f.reply_length = (int)(p - third);
        third = p + 1;
    }
    for (p = third; *p >= '0' && *p <= '9'; p++) f.size = f.size * 10 + (*p - '0');
    size_t total = (size_t)(end - at) + 1 + (size_t)f.size + 2;
    if (total <= length) f.total = total;
    return f;
}

static void subscribe(long count) {
    static char in[INBOUND];
    int fd = open_connection();
    write_all(fd, "SUB bench 1\r\nPING\r\n", 19);
    await_pong(fd);
    printf("ready\n");
    fflush(stdout);
    uint64_t begun = 0;
    double cpu = 0;
    long got = 0;
    size_t filled = 0;
    while (got < count) {
        filled += read_some(fd, in + filled, sizeof in - filled);
        if (begun == 0) {
            begun = now_ns();
            cpu = cpu_seconds();
        }
        size_t at = 0;
        for (;;) {
            struct frame f = parse(fd, in + at, filled - at);
            if (f.total == 0) break;
            got += f.subject != NULL;
            at += f.total;
        }
        memmove(in, in + at, filled - at);
        filled -= at;
    }
    double seconds = (double)(now_ns() - begun) / 1e9;
    printf("messages %ld seconds %.6f cpu %.6f\n", got, seconds, cpu_seconds() - cpu);
    close(fd);
}

static void *respond(void *unused) {
    static char in[INBOUND], out[INBOUND];
    int fd = *(int *)unused;
    size_t filled = 0;
    for (;;) {
        ssize_t n = recv(fd, in + filled, sizeof in - filled, 0);
        if (n <= 0) return NULL;
        filled += (size_t)n;
        size_t at = 0, answered = 0;
        for (;;) {
            struct frame f = parse(fd, in + at, filled - at);
            if (f.total == 0) break;
            if (f.reply != NULL) {
                memcpy(out + answered, "PUB ", 4);
                answered += 4;
                memcpy(out + answered, f.reply, (size_t)f.reply_length);
                answered += (size_t)f.reply_length;
                answered += (size_t)sprintf(out + answered, " %d\r\n", f.size);
                memcpy(out + answered, in + at + f.total - 2 - f.size, (size_t)f.size + 2);
                answered += (size_t)f.size + 2;
                if (answered > sizeof out - SIZE_MAX_BYTES - 256) {
                    write_all(fd, out, answered);
                    answered = 0;
                }
            }
            at += f.total;
        }
        if (answered > 0) write_all(fd, out, answered);
        memmove(in, in + at, filled - at);
        filled -= at;
    }
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Reply subjects: INBOX, then the slot, or 7 digits that are new each time and the slot in 4. */
#define INBOX "_INBOX.rawclient-1."
enum { INBOX_LENGTH = sizeof INBOX - 1, FRESH_DIGITS = 7 };

static int is_fresh;

static unsigned next_random(void) {
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 36);
}

static int slot_of(const char *subject) {
    return is_fresh ? (int)strtol(subject + INBOX_LENGTH + FRESH_DIGITS, NULL, 16) : atoi(subject + sizeof "_INBOX.raw." - 1);
}

static size_t ask(char *to, int slot, int size, uint64_t *sent) {
    int length = is_fresh ? sprintf(to, "PUB bench.q " INBOX "%07x%04x %d\r\n", next_random(), (unsigned)slot, size)
                          : sprintf(to, "PUB bench.q _INBOX.raw.%d %d\r\n", slot, size);
    memset(to + length, 'x', (size_t)size);
    memcpy(to + length + size, "\r\n", 2);
    sent[slot] = now_ns();
    return (size_t)(length + size + 2);
}

static void request(int outstanding, long ms, int size) {
    static char in[INBOUND], out[OUTSTANDING_MAX * (SIZE_MAX_BYTES / 16)];
    static uint64_t sent[OUTSTANDING_MAX];
    static uint32_t latencies[LATENCIES_MAX];
    int asker = open_connection(), responder = open_connection();
    pthread_t thread;
    write_all(responder, "SUB bench.q 1\r\nPING\r\n", 21);
    await_pong(responder);
    const char *inbox = is_fresh ? "SUB " INBOX "* 1\r\nPING\r\n" : "SUB _INBOX.raw.* 1\r\nPING\r\n";
    write_all(asker, inbox, strlen(inbox));
    await_pong(asker);
    pthread_create(&thread, NULL, respond, &responder);
    uint64_t begun = now_ns(), end = begun + (uint64_t)ms * 1000000u;
    double cpu = cpu_seconds();
    size_t pending = 0, filled = 0;
    long done = 0;
    int open = outstanding;
    for (int i = 0; i < outstanding; i++) pending += ask(out + pending, i, size, sent);
    write_all(asker, out, pending);
    while (open > 0) {
        filled += read_some(asker, in + filled, sizeof in - filled);
        size_t at = 0;
        uint64_t now = now_ns();
        pending = 0;
        for (;;) {
            struct frame f = parse(asker, in + at, filled - at);
            if (f.total == 0) break;
            if (f.subject != NULL) {
                int slot = slot_of(f.subject);
                if (done < LATENCIES_MAX) latencies[done] = (uint32_t)(now - sent[slot]);
                done++;
                if (now < end) pending += ask(out + pending, slot, size, sent);
                else open--;
            }
            at += f.total;
        }
        if (pending > 0) write_all(asker, out, pending);
        memmove(in, in + at, filled - at);
        filled -= at;
    }
    double seconds = (double)(now_ns() - begun) / 1e9;
    cpu = cpu_seconds() - cpu;
    long kept = done < LATENCIES_MAX ? done : LATENCIES_MAX;
    qsort(latencies, (size_t)kept, sizeof latencies[0], by_value);
    printf("messages %ld seconds %.6f cpu %.6f p50us %.1f p99us %.1f\n", done, seconds, cpu, latencies[kept / 2] / 1e3, latencies[kept * 99 / 100] / 1e3);
    shutdown(responder, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(asker);
    close(responder);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "use raw PORT publish|subscribe|flood COUNT SIZE, or raw PORT request|fresh OUTSTANDING MS SIZE\n");
        return 2;
    }
    port = atoi(argv[1]);
    const char *mode = argv[2];
    long count = atol(argv[3]);
    int size = atoi(argv[argc - 1]);
    if (size < 1 || size > 240) {
        fprintf(stderr, "raw: a size of 1 to 240 bytes\n");
        return 2;
    }
    if (strcmp(mode, "publish") == 0) publish("bench.none", count, size);
    else if (strcmp(mode, "flood") == 0) publish("bench", count, size);
    else if (strcmp(mode, "subscribe") == 0) subscribe(count);
    else if (((is_fresh = strcmp(mode, "fresh") == 0) || strcmp(mode, "request") == 0) && argc == 6 && count > 0 && count <= OUTSTANDING_MAX / 2) request((int)count, atol(argv[4]), size);
    else return 2;
    return 0;
}
