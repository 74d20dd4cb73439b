/*
 * Preloaded into a server process: appends every call that changes files below $RK_RECORD_ROOT to the file $RK_RECORD_LOG, in the order
 * in which the calls took effect. Below everything in the process: Node's thread pool, SQLite and the addon alike come through here.
 *
 * The process kills itself before the next such call once the file $RK_RECORD_LOG.kill exists.
 *
 * With $RK_RECORD_NO_SYNC set, fsync and fdatasync return at once and are not recorded: the disk sees a program without them.
 *
 * Record: u32 length of the whole record, u8 type, then by type (little-endian, paths without terminator up to the end):
 *   1 create    u64 inode, path        a regular file came to be
 *   2 mkdir     u64 inode, path
 *   3 write     u64 inode, u64 offset, bytes
 *   4 zeros     u64 inode, u64 offset, u64 length    a write of zeros
 *   5 truncate  u64 inode, u64 size
 *   6 syncing   u64 inode, u64 token   a sync began; what was written before it counts
 *   7 synced    u64 inode, u64 token   it has succeeded
 *   8 rename    u32 length of the first path, both paths
 *   9 remove    path
 *  11 violation text                   a call that this model does not know
 * (10 is written by the test itself: a note.)
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
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, MKDIR, WRITE, ZEROS, TRUNCATE, SYNCING, SYNCED, RENAME, REMOVE, VIOLATION = 11 };

#define FDS 65536

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static int no_sync = 0;
static char root[PATH_MAX];
static size_t root_length = 0;
static char kill_path[PATH_MAX];
static uint64_t next_token = 1;
/* Inode of each tracked descriptor, 0 for others. */
static uint64_t inode_of[FDS];

__attribute__((constructor)) static void start(void) {
  const char *log = getenv("RK_RECORD_LOG");
  const char *below = getenv("RK_RECORD_ROOT");
  if (log == NULL || below == NULL) return;
  root_length = strlen(below);
  memcpy(root, below, root_length);
  snprintf(kill_path, sizeof kill_path, "%s.kill", log);
  no_sync = getenv("RK_RECORD_NO_SYNC") != NULL;
  log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log_fd < 0) abort();
}

/*
 * Serialises recorded calls. A process that is to be killed dies here, between two of them: a signal from outside could hit between a call
 * and its record.
 */
static void enter(void) {
  pthread_mutex_lock(&lock);
  if (syscall(SYS_access, kill_path, F_OK) == 0) kill(getpid(), SIGKILL);
}

#define NEXT(name) ((__typeof__(&name))next_symbol(#name, &next_##name))
#define DEFINE_NEXT(name) static void *next_##name

static void *next_symbol(const char *name, void **cache) {
  void *found = __atomic_load_n(cache, __ATOMIC_RELAXED);
  if (found == NULL) {
    found = dlsym(RTLD_NEXT, name);
    if (found == NULL) abort();
    __atomic_store_n(cache, found, __ATOMIC_RELAXED);
  }
  return found;
}

DEFINE_NEXT(close);
DEFINE_NEXT(fsync);
DEFINE_NEXT(fdatasync);

static void append(int type, const struct iovec *parts, int count) {
  struct iovec all[8];
  unsigned char head[5];
  uint32_t length = sizeof head;
  for (int i = 0; i < count; i++) length += (uint32_t)parts[i].iov_len;
  memcpy(head, &length, 4);
  head[4] = (unsigned char)type;
  all[0].iov_base = head;
  all[0].iov_len = sizeof head;
  memcpy(all + 1, parts, sizeof(struct iovec) * (size_t)count);
  if (syscall(SYS_writev, log_fd, all, count + 1) != (ssize_t)length) abort();
}

#define PART(pointer, bytes) ((struct iovec){.iov_base = (void *)(pointer), .iov_len = (bytes)})

static void append_path(int type, uint64_t inode, const char *path) {
  struct iovec parts[] = {PART(&inode, 8), PART(path, strlen(path))};
  append(type, parts, 2);
}

static void append_numbers(int type, uint64_t a, uint64_t b) {
  struct iovec parts[] = {PART(&a, 8), PART(&b, 8)};
  append(type, parts, 2);
}

static void violation(const char *what) {
  struct iovec parts[] = {PART(what, strlen(what))};
  append(VIOLATION, parts, 1);
}

static int is_zero(const unsigned char *bytes, size_t count) {
  return count > 0 && bytes[0] == 0 && memcmp(bytes, bytes + 1, count - 1) == 0;
}

static void append_write(uint64_t inode, uint64_t offset, const void *bytes, size_t count) {
  if (count == 0) return;
  if (count >= 4096 && is_zero(bytes, count)) {
    uint64_t length = count;
    struct iovec parts[] = {PART(&inode, 8), PART(&offset, 8), PART(&length, 8)};
    append(ZEROS, parts, 3);
    return;
  }
  struct iovec parts[] = {PART(&inode, 8), PART(&offset, 8), PART(bytes, count)};
  append(WRITE, parts, 3);
}

/* The absolute path when it lies below the root, else NULL. */
static const char *tracked_path(int directory, const char *path, char *into) {
  if (log_fd < 0 || path == NULL) return NULL;
  if (path[0] == '/') {
    snprintf(into, PATH_MAX, "%s", path);
  } else if (directory == AT_FDCWD) {
    if (getcwd(into, PATH_MAX) == NULL) return NULL;
    size_t length = strlen(into);
    snprintf(into + length, PATH_MAX - length, "/%s", path);
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, into, PATH_MAX - 1);
    if (length < 0) return NULL;
    snprintf(into + length, PATH_MAX - (size_t)length, "/%s", path);
  }
  size_t length = strlen(into);
  while (length > 1 && into[length - 1] == '/') into[--length] = 0;
  if (strncmp(into, root, root_length) != 0) return NULL;
  return into[root_length] == '/' || into[root_length] == 0 ? into : NULL;
}

/* The inode behind a descriptor that was opened below the root; 0 for all others. */
static uint64_t tracked(int fd) {
  if (log_fd < 0 || fd < 0 || fd >= FDS || inode_of[fd] == 0) return 0;
  struct stat now;
  if (syscall(SYS_fstat, fd, &now) != 0 || now.st_ino != inode_of[fd]) return 0;
  return now.st_ino;
}

static int exists(const char *path) {
  struct stat now;
  return syscall(SYS_newfstatat, AT_FDCWD, path, &now, AT_SYMLINK_NOFOLLOW) == 0;
}

static int do_open(int directory, const char *path, int flags, mode_t mode) {
  char absolute[PATH_MAX];
  const char *inside = tracked_path(directory, path, absolute);
  if (inside == NULL) {
    int fd = (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
    if (fd >= 0 && fd < FDS) inode_of[fd] = 0;
    return fd;
  }
  enter();
  int was_there = exists(inside);
  int fd = (int)syscall(SYS_openat, directory, path, flags | O_LARGEFILE, mode);
  int error = errno;
  if (fd >= FDS) violation("a descriptor beyond what is tracked");
  if (fd >= 0 && fd < FDS) {
    struct stat now;
    syscall(SYS_fstat, fd, &now);
    inode_of[fd] = S_ISREG(now.st_mode) || S_ISDIR(now.st_mode) ? now.st_ino : 0;
    if (!was_there) append_path(CREATE, now.st_ino, inside);
    else if (flags & O_TRUNC) append_numbers(TRUNCATE, now.st_ino, 0);
    if (flags & O_DSYNC) violation("open with O_SYNC or O_DSYNC");
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

static mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(name)                                   \
  int name(const char *path, int flags, ...) {              \
    va_list arguments;                                      \
    va_start(arguments, flags);                             \
    mode_t mode = mode_of(flags, arguments);                \
    va_end(arguments);                                      \
    return do_open(AT_FDCWD, path, flags, mode);            \
  }
#define DEFINE_OPENAT(name)                                 \
  int name(int directory, const char *path, int flags, ...) { \
    va_list arguments;                                      \
    va_start(arguments, flags);                             \
    mode_t mode = mode_of(flags, arguments);                \
    va_end(arguments);                                      \
    return do_open(directory, path, flags, mode);           \
  }

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int creat(const char *path, mode_t mode) { return do_open(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return creat(path, mode); }

int close(int fd) {
  /* Before the call: the number may be given out again the moment it is free. */
  if (log_fd >= 0 && fd == log_fd) return 0;
  if (fd >= 0 && fd < FDS) inode_of[fd] = 0;
  return NEXT(close)(fd);
}

static ssize_t finish_writev(int fd, uint64_t inode, off_t offset, const struct iovec *parts, int count) {
  ssize_t written = offset < 0 ? syscall(SYS_writev, fd, parts, count)
                               : syscall(SYS_pwritev, fd, parts, count, offset, 0);
  int error = errno;
  if (written > 0) {
    uint64_t at = offset < 0 ? (uint64_t)(lseek(fd, 0, SEEK_CUR) - written) : (uint64_t)offset;
    size_t left = (size_t)written;
    for (int i = 0; i < count && left > 0; i++) {
      size_t take = parts[i].iov_len < left ? parts[i].iov_len : left;
      append_write(inode, at, parts[i].iov_base, take);
      at += take;
      left -= take;
    }
  }
  errno = error;
  return written;
}

/* `offset` below 0: at the descriptor's own. */
static ssize_t do_writev(int fd, const struct iovec *parts, int count, off_t offset) {
  uint64_t inode = tracked(fd);
  if (inode == 0) {
    return offset < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, offset, 0);
  }
  enter();
  ssize_t written = finish_writev(fd, inode, offset, parts, count);
  pthread_mutex_unlock(&lock);
  return written;
}

ssize_t write(int fd, const void *bytes, size_t count) {
  if (tracked(fd) == 0) return syscall(SYS_write, fd, bytes, count);
  struct iovec part = PART(bytes, count);
  return do_writev(fd, &part, 1, -1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
  if (tracked(fd) == 0) return syscall(SYS_pwrite64, fd, bytes, count, offset);
  struct iovec part = PART(bytes, count);
  return do_writev(fd, &part, 1, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) { return pwrite64(fd, bytes, count, offset); }
ssize_t writev(int fd, const struct iovec *parts, int count) { return do_writev(fd, parts, count, -1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return do_writev(fd, parts, count, offset);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return do_writev(fd, parts, count, offset);
}

int ftruncate64(int fd, off64_t size) {
  uint64_t inode = tracked(fd);
  if (inode == 0) return (int)syscall(SYS_ftruncate, fd, size);
  enter();
  int result = (int)syscall(SYS_ftruncate, fd, size);
  if (result == 0) append_numbers(TRUNCATE, inode, (uint64_t)size);
  pthread_mutex_unlock(&lock);
  return result;
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int do_sync(int fd, int (*next)(int)) {
  uint64_t inode = tracked(fd);
  if (inode == 0) return next(fd);
  if (no_sync) return 0;
  enter();
  uint64_t token = next_token++;
  append_numbers(SYNCING, inode, token);
  pthread_mutex_unlock(&lock);
  int result = next(fd);
  int error = errno;
  if (result == 0) {
    enter();
    append_numbers(SYNCED, inode, token);
    pthread_mutex_unlock(&lock);
  }
  errno = error;
  return result;
}

int fsync(int fd) { return do_sync(fd, NEXT(fsync)); }
int fdatasync(int fd) { return do_sync(fd, NEXT(fdatasync)); }

static int do_mkdir(int directory, const char *path, mode_t mode) {
  char absolute[PATH_MAX];
  const char *inside = tracked_path(directory, path, absolute);
  if (inside == NULL) return (int)syscall(SYS_mkdirat, directory, path, mode);
  enter();
  int result = (int)syscall(SYS_mkdirat, directory, path, mode);
  int error = errno;
  if (result == 0) {
    struct stat now;
    syscall(SYS_newfstatat, AT_FDCWD, inside, &now, 0);
    append_path(MKDIR, now.st_ino, inside);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int mkdir(const char *path, mode_t mode) { return do_mkdir(AT_FDCWD, path, mode); }
int mkdirat(int directory, const char *path, mode_t mode) { return do_mkdir(directory, path, mode); }

static int do_rename(int from_directory, const char *from, int to_directory, const char *to, unsigned flags) {
  char a[PATH_MAX], b[PATH_MAX];
  const char *inside_a = tracked_path(from_directory, from, a);
  const char *inside_b = tracked_path(to_directory, to, b);
  if (inside_a == NULL && inside_b == NULL)
    return (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
  enter();
  int result = (int)syscall(SYS_renameat2, from_directory, from, to_directory, to, flags);
  int error = errno;
  if (result == 0) {
    if (inside_a == NULL || inside_b == NULL || flags != 0) violation("a rename across the root, or with flags");
    else {
      uint32_t length = (uint32_t)strlen(inside_a);
      struct iovec parts[] = {PART(&length, 4), PART(inside_a, length), PART(inside_b, strlen(inside_b))};
      append(RENAME, parts, 3);
    }
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int rename(const char *from, const char *to) { return do_rename(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return do_rename(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return do_rename(a, from, b, to, flags); }

static int do_unlink(int directory, const char *path, int flags) {
  char absolute[PATH_MAX];
  const char *inside = tracked_path(directory, path, absolute);
  if (inside == NULL) return (int)syscall(SYS_unlinkat, directory, path, flags);
  enter();
  int result = (int)syscall(SYS_unlinkat, directory, path, flags);
  int error = errno;
  if (result == 0) {
    struct iovec parts[] = {PART(inside, strlen(inside))};
    append(REMOVE, parts, 1);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int unlink(const char *path) { return do_unlink(AT_FDCWD, path, 0); }
int unlinkat(int directory, const char *path, int flags) { return do_unlink(directory, path, flags); }
int rmdir(const char *path) { return do_unlink(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  if (do_unlink(AT_FDCWD, path, 0) == 0) return 0;
  return errno == EISDIR || errno == EPERM ? do_unlink(AT_FDCWD, path, AT_REMOVEDIR) : -1;
}

/* What is not modelled is reported, so that nobody relies on it unnoticed. */

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) {
  if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && tracked(fd) != 0) violation("a shared, writable mapping");
  return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
  return mmap64(at, length, protection, flags, fd, offset);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t length) {
  if (tracked(fd) != 0) violation("fallocate");
  return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}
int fallocate(int fd, int mode, off_t offset, off_t length) { return fallocate64(fd, mode, offset, length); }
int posix_fallocate64(int fd, off64_t offset, off64_t length) {
  return fallocate64(fd, 0, offset, length) == 0 ? 0 : errno;
}
int posix_fallocate(int fd, off_t offset, off_t length) { return posix_fallocate64(fd, offset, length); }

ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
  if (tracked(to) != 0) violation("sendfile");
  return syscall(SYS_sendfile, to, from, offset, count);
}
ssize_t sendfile(int to, int from, off_t *offset, size_t count) { return sendfile64(to, from, offset, count); }

int link(const char *from, const char *to) {
  char absolute[PATH_MAX];
  if (tracked_path(AT_FDCWD, to, absolute) != NULL) violation("link");
  return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}
int truncate64(const char *path, off64_t size) {
  char absolute[PATH_MAX];
  if (tracked_path(AT_FDCWD, path, absolute) != NULL) violation("truncate by path");
  return (int)syscall(SYS_truncate, path, size);
}
int truncate(const char *path, off_t size) { return truncate64(path, size); }
int dup(int fd) {
  if (tracked(fd) != 0) violation("dup");
  return (int)syscall(SYS_dup, fd);
}
