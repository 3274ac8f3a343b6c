/* A library to be loaded before libc (LD_PRELOAD): it shifts the clocks that a program reads.
 *
 * CLOCK_FILE names a file of two native 64-bit words: nanoseconds that are added to CLOCK_REALTIME, and to
 * CLOCK_MONOTONIC. It is mapped, so that a clock can be set, and a machine can sleep, while the program runs.
 * Moments that the program works out from a shifted clock and waits for are shifted back for the kernel: Python's
 * locks wait by sem_clockwait (or sem_timedwait, where libc has no such call), its interpreter lock by
 * pthread_cond_timedwait on CLOCK_MONOTONIC. A wait that is under way goes on as it was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static volatile int64_t *shifts;
static int (*real_gettime)(clockid_t, struct timespec *);

__attribute__((constructor)) static void from_environment(void) {
  const char *path = getenv("CLOCK_FILE");
  real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void *mapped = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) shifts = mapped;
}

static int64_t shift_of(clockid_t clock) {
  if (!shifts) return 0;
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) return shifts[0];
  if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE) return shifts[1];
  return 0;
}

static struct timespec moved(struct timespec moment, int64_t by) {
  int64_t all = moment.tv_sec * NS_PER_S + moment.tv_nsec + by;
  return (struct timespec){.tv_sec = all / NS_PER_S, .tv_nsec = all % NS_PER_S};
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int done = real_gettime(clock, now);
  if (done == 0) *now = moved(*now, shift_of(clock));
  return done;
}

int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *until) {
  static int (*real)(sem_t *, clockid_t, const struct timespec *);
  if (!real) real = (int (*)(sem_t *, clockid_t, const struct timespec *))dlsym(RTLD_NEXT, "sem_clockwait");
  struct timespec kernels = moved(*until, -shift_of(clock));
  return real(sem, clock, &kernels);
}

int sem_timedwait(sem_t *sem, const struct timespec *until) {
  static int (*real)(sem_t *, const struct timespec *);
  if (!real) real = (int (*)(sem_t *, const struct timespec *))dlsym(RTLD_NEXT, "sem_timedwait");
  struct timespec kernels = moved(*until, -shift_of(CLOCK_REALTIME));
  return real(sem, &kernels);
}

int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
  static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
  if (!real)
    real = (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))dlsym(RTLD_NEXT, "pthread_cond_timedwait");
  struct timespec kernels = moved(*until, -shift_of(CLOCK_MONOTONIC));
  return real(cond, mutex, &kernels);
}

int gettimeofday(struct timeval *now, void *zone) {
  (void)zone;
  struct timespec read;
  int done = clock_gettime(CLOCK_REALTIME, &read);
  if (done == 0) {
    now->tv_sec = read.tv_sec;
    now->tv_usec = read.tv_nsec / 1000;
  }
  return done;
}

time_t time(time_t *now) {
  struct timespec read;
  if (clock_gettime(CLOCK_REALTIME, &read) != 0) return (time_t)-1;
  if (now) *now = read.tv_sec;
  return read.tv_sec;
}
