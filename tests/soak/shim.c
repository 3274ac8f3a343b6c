/* A library to be loaded before libc (LD_PRELOAD): it sees what a program asks of the files under one folder.
 *
 * It writes every change and every sync to a log, in order, with the bytes; it fails the n-th of them, or ends the
 * process there. Syncs are not carried out: what a power cut would leave is worked out from the log.
 *
 * A record of the log: five native 64-bit words (kind, offset, length of the path, length of the bytes, the
 * number of the call),
 * the path, the bytes. Kinds: W write, T truncate, S sync, F sync that failed, C create, U unlink, R rename (bytes
 * hold the new name), M mkdir.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { ONCE = 0, FROM_NOW_ON = 1, HALF = 2, KILL = 3, KILL_HALF = 4 };

static char root[PATH_MAX];
static size_t root_len;
static int log_fd = -1;
static long calls, fail_at = -1;
static int fail_errno = EIO, fail_mode = ONCE;
static const char *trigger; /* while this file exists, nothing under the folder grows */
static const char *stall;   /* while this file exists, no sync comes back */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

static ssize_t plain_write(int fd, const void *bytes, size_t count) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return real(fd, bytes, count);
}

__attribute__((constructor)) static void from_environment(void) {
  const char *folder = getenv("SOAK_ROOT");
  trigger = getenv("SOAK_TRIGGER");
  stall = getenv("SOAK_STALL");
  if (folder) { snprintf(root, sizeof root, "%s", folder); root_len = strlen(root); }
}

void soak_begin(const char *folder, const char *log_path) {
  snprintf(root, sizeof root, "%s", folder);
  root_len = strlen(root);
  if (log_fd >= 0) close(log_fd);
  log_fd = log_path[0] ? open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
  calls = 0;
  fail_at = -1;
}

void soak_arm(long n, int number, int mode) { fail_at = n; fail_errno = number; fail_mode = mode; calls = 0; }
long soak_calls(void) { return calls; }

void soak_end(void) {
  root_len = 0;
  fail_at = -1;
  if (log_fd >= 0) close(log_fd);
  log_fd = -1;
}

static int is_ours(const char *path) { return root_len && strncmp(path, root, root_len) == 0; }
static int ends_in(const char *path, const char *end) {
  size_t a = strlen(path), b = strlen(end);
  return a >= b && strcmp(path + a - b, end) == 0;
}

static int path_of(int fd, char *path) {
  char link[64];
  if (!root_len) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(link, path, PATH_MAX - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return is_ours(path);
}

static void note(char kind, const char *path, off_t offset, const void *bytes, size_t count) {
  if (log_fd < 0 || ends_in(path, "-shm")) return;
  uint64_t head[5] = {(uint64_t)kind, (uint64_t)offset, strlen(path), count, (uint64_t)calls};
  plain_write(log_fd, head, sizeof head);
  plain_write(log_fd, path, strlen(path));
  if (count) plain_write(log_fd, bytes, count);
}

/* 0: go on; 1: fail now; 2: do one half and fail the next one. */
static int fate(const char *path, int grows) {
  if (ends_in(path, "/acks")) return 0;
  if (trigger && grows && access(trigger, F_OK) == 0) { errno = ENOSPC; return 1; }
  calls++;
  if (fail_at < 0) return 0;
  int hit = fail_mode == FROM_NOW_ON ? calls >= fail_at : calls == fail_at;
  if (fail_mode == HALF && calls == fail_at + 1) { errno = fail_errno; return 1; }
  if (!hit) return 0;
  if (fail_mode == KILL) { raise(SIGKILL); }
  if (fail_mode == HALF || fail_mode == KILL_HALF) return 2;
  errno = fail_errno;
  return 1;
}

static ssize_t any_write(int fd, const void *bytes, size_t count, off_t offset, int has_offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off_t);
  char path[PATH_MAX];
  if (!path_of(fd, path)) return has_offset ? real(fd, bytes, count, offset) : plain_write(fd, bytes, count);
  pthread_mutex_lock(&lock);
  int end = fate(path, 1);
  ssize_t done = -1;
  if (end != 1) {
    size_t wanted = end == 2 && count > 1 ? count / 2 : count;
    done = has_offset ? real(fd, bytes, wanted, offset) : plain_write(fd, bytes, wanted);
    if (done > 0) note('W', path, has_offset ? offset : lseek(fd, 0, SEEK_CUR) - done, bytes, (size_t)done);
    if (end == 2 && fail_mode == KILL_HALF) raise(SIGKILL);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *bytes, size_t count) { return any_write(fd, bytes, count, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return any_write(fd, bytes, count, offset, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t offset) { return any_write(fd, bytes, count, offset, 1); }

static int any_truncate(int fd, off_t size) {
  REAL(int, "ftruncate64", int, off_t);
  char path[PATH_MAX];
  if (!path_of(fd, path)) return real(fd, size);
  pthread_mutex_lock(&lock);
  int done = -1;
  if (fate(path, 0) != 1 && (done = real(fd, size)) == 0) note('T', path, size, NULL, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int ftruncate(int fd, off_t size) { return any_truncate(fd, size); }
int ftruncate64(int fd, off_t size) { return any_truncate(fd, size); }

static int any_sync(int fd, const char *name) {
  char path[PATH_MAX];
  if (!path_of(fd, path)) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, name);
    return real(fd);
  }
  while (stall && access(stall, F_OK) == 0) usleep(5000);
  pthread_mutex_lock(&lock);
  int failed = fate(path, 0) == 1;
  note(failed ? 'F' : 'S', path, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return failed ? -1 : 0;
}

int fsync(int fd) { return any_sync(fd, "fsync"); }
int fdatasync(int fd) { return any_sync(fd, "fdatasync"); }

static int any_open(int folder, const char *name, int flags, mode_t mode) {
  REAL(int, "openat64", int, const char *, int, mode_t);
  if (!(flags & O_CREAT) || !is_ours(name)) return real(folder, name, flags, mode);
  pthread_mutex_lock(&lock);
  int is_new = access(name, F_OK) != 0, fd = -1;
  if (!is_new || fate(name, 1) != 1) {
    fd = real(folder, name, flags, mode);
    if (fd >= 0 && is_new) note('C', name, 0, NULL, 0);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define OPENS(name) \
  int name(const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
    return any_open(AT_FDCWD, path, flags, mode); \
  }
#define OPENS_AT(name) \
  int name(int folder, const char *path, int flags, ...) { \
    va_list more; va_start(more, flags); mode_t mode = va_arg(more, mode_t); va_end(more); \
    return any_open(folder, path, flags, mode); \
  }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

int unlink(const char *path) {
  REAL(int, "unlink", const char *);
  if (!is_ours(path)) return real(path);
  pthread_mutex_lock(&lock);
  int done = -1;
  if (fate(path, 0) != 1 && (done = real(path)) == 0) note('U', path, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return done;
}

int rename(const char *from, const char *to) {
  REAL(int, "rename", const char *, const char *);
  if (!is_ours(from)) return real(from, to);
  pthread_mutex_lock(&lock);
  int done = -1;
  if (fate(from, 0) != 1 && (done = real(from, to)) == 0) note('R', from, 0, to, strlen(to));
  pthread_mutex_unlock(&lock);
  return done;
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, "mkdir", const char *, mode_t);
  if (!is_ours(path)) return real(path, mode);
  pthread_mutex_lock(&lock);
  int done = -1;
  if (fate(path, 1) != 1 && (done = real(path, mode)) == 0) note('M', path, 0, NULL, 0);
  pthread_mutex_unlock(&lock);
  return done;
}
