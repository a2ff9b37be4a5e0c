/* Faults at the n-th change of the disk, as SQLite's tests inject them: preloaded, it stands between a process and libc.
 *
 * Counts the calls that change files under FAULT_ROOT: opening a file that is not there yet, write, pwrite, ftruncate,
 * fsync, fdatasync, rename, unlink and mkdir; Python's, SQLite's and Arrow's alike. Nothing happens before fault_arm().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum how { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_AMID, FAIL_ONCE, FAIL_FROM };

static enum how how = NOTHING;
static long point = 0, passed = 0;
static int failure = 0, log_fd = -1;
static long clock_shift = 0;
static char root[PATH_MAX];

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

void fault_arm(const char *under, int kind, long at, int error, int log, long shift) {
    snprintf(root, sizeof root, "%s", under);
    how = kind; point = at; failure = error; log_fd = log; clock_shift = shift; passed = 0;
}

long fault_passed(void) { return passed; }

static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }

static int is_ours(const char *path) { return root[0] && strncmp(path, root, strlen(root)) == 0; }

static int path_of(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
    return n > 0 && is_ours(path);
}

static int absolute(int dir, const char *path, char *whole) {
    if (path[0] == '/') { snprintf(whole, PATH_MAX, "%s", path); return is_ours(whole); }
    char base[PATH_MAX];
    if (dir == AT_FDCWD ? !getcwd(base, sizeof base) : (path_of(dir, base), 0)) return 0;
    if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    return is_ours(whole);
}

/* Returns 1 where this call is the one (or one of those) that a fault meets. A full disk still takes what asks for no room. */
static int meets(const char *name, const char *path, int takes_room) {
    if (!root[0]) return 0;
    passed++;
    if (log_fd >= 0) dprintf(log_fd, "%ld %s %s\n", passed, name, path + strlen(root));
    if (how == FAIL_FROM) return passed >= point && (takes_room || failure != ENOSPC);
    return how != NOTHING && passed == point;
}

#define AROUND(hit, call, half) do { \
    if (hit) { \
        if (how == KILL_BEFORE) die(); \
        if (how == KILL_AMID) { half; die(); } \
        if (how == KILL_AFTER) { (void)!(call); die(); } \
        errno = failure; return -1; \
    } \
    return call; } while (0)

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("write", path, 1);
    AROUND(hit, real(fd, data, size), (void)!real(fd, data, size / 2));
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("pwrite", path, 1);
    AROUND(hit, real(fd, data, size, at), (void)!real(fd, data, size / 2, at));
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("pwrite", path, 1);
    AROUND(hit, real(fd, data, size, at), (void)!real(fd, data, size / 2, at));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("writev", path, 1);
    AROUND(hit, real(fd, parts, count), (void)!real(fd, parts, 1));
}
#define ON_FD(name, takes_room) int name(int fd) { \
    REAL(name); char path[PATH_MAX]; \
    int hit = root[0] && path_of(fd, path) && meets(#name, path, takes_room); \
    AROUND(hit, real(fd), (void)0); }
ON_FD(fsync, 1)
ON_FD(fdatasync, 1)
int ftruncate(int fd, off_t size) {
    REAL(ftruncate); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("ftruncate", path, 0);
    AROUND(hit, real(fd, size), (void)0);
}
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64); char path[PATH_MAX];
    int hit = root[0] && path_of(fd, path) && meets("ftruncate", path, 0);
    AROUND(hit, real(fd, size), (void)0);
}
int rename(const char *from, const char *to) {
    REAL(rename); char path[PATH_MAX];
    int hit = root[0] && absolute(AT_FDCWD, to, path) && meets("rename", path, 0);
    AROUND(hit, real(from, to), (void)0);
}
int renameat(int from_dir, const char *from, int to_dir, const char *to) {
    REAL(renameat); char path[PATH_MAX];
    int hit = root[0] && absolute(to_dir, to, path) && meets("rename", path, 0);
    AROUND(hit, real(from_dir, from, to_dir, to), (void)0);
}
int unlink(const char *name) {
    REAL(unlink); char path[PATH_MAX];
    int hit = root[0] && absolute(AT_FDCWD, name, path) && meets("unlink", path, 0);
    AROUND(hit, real(name), (void)0);
}
int unlinkat(int dir, const char *name, int flags) {
    REAL(unlinkat); char path[PATH_MAX];
    int hit = root[0] && absolute(dir, name, path) && meets("unlink", path, 0);
    AROUND(hit, real(dir, name, flags), (void)0);
}
int mkdir(const char *name, mode_t mode) {
    REAL(mkdir); char path[PATH_MAX];
    int hit = root[0] && absolute(AT_FDCWD, name, path) && meets("mkdir", path, 1);
    AROUND(hit, real(name, mode), (void)0);
}
int mkdirat(int dir, const char *name, mode_t mode) {
    REAL(mkdirat); char path[PATH_MAX];
    int hit = root[0] && absolute(dir, name, path) && meets("mkdir", path, 1);
    AROUND(hit, real(dir, name, mode), (void)0);
}

static int makes(int dir, const char *name, int flags, char *path) {
    struct stat there;
    return root[0] && (flags & O_CREAT) && absolute(dir, name, path) && fstatat(dir, name, &there, 0) != 0;
}
#define MODE(flags) mode_t mode = 0; if ((flags) & (O_CREAT | O_TMPFILE)) { \
    va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }
int open(const char *name, int flags, ...) {
    REAL(open); MODE(flags) char path[PATH_MAX];
    int hit = makes(AT_FDCWD, name, flags, path) && meets("open", path, 1);
    AROUND(hit, real(name, flags, mode), (void)0);
}
int open64(const char *name, int flags, ...) {
    REAL(open64); MODE(flags) char path[PATH_MAX];
    int hit = makes(AT_FDCWD, name, flags, path) && meets("open", path, 1);
    AROUND(hit, real(name, flags, mode), (void)0);
}
int openat(int dir, const char *name, int flags, ...) {
    REAL(openat); MODE(flags) char path[PATH_MAX];
    int hit = makes(dir, name, flags, path) && meets("open", path, 1);
    AROUND(hit, real(dir, name, flags, mode), (void)0);
}
int openat64(int dir, const char *name, int flags, ...) {
    REAL(openat64); MODE(flags) char path[PATH_MAX];
    int hit = makes(dir, name, flags, path) && meets("open", path, 1);
    AROUND(hit, real(dir, name, flags, mode), (void)0);
}

/* A clock that jumps. */
int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(clock_gettime);
    int answer = real(which, now);
    if (which == CLOCK_REALTIME) now->tv_sec += clock_shift;
    return answer;
}
time_t time(time_t *to) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to) *to = now.tv_sec;
    return now.tv_sec;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec; now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
