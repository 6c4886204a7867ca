/* Downloading with libcurl; see download.h. */
#include "data/download.h"

#include "base/disk.h"
#include "base/error.h"
#include "base/sha256.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_BYTES = 4096,
    REDIRECTS_MAX = 5,
};

/* One download under way. */
typedef struct transfer {
    const ch_download *d;
    int part;             // descriptor of path.part
    uint64_t size;        // of path.part
    bool overlong;        // the server sends more than the file has
    bool is_disk_failing; // no URL can help
    choir_error disk_failure;
} transfer;

ch_download ch_download_defaults(void) {
    return (ch_download){.connect_s = 20, .silence_s = 30, .total_s = 3600, .attempts = 5};
}

static choir_status disk_failed(choir_error *err, const char *path, int reason) {
    return ch_error_set(err, CHOIR_EIO, "%s: %s", path, strerror(reason));
}

/* -------------------------------------------------------------------------------------- hashes */

/* The hash of an open file as text. EIO when it cannot be read. */
static choir_status file_hash(char out[CH_DOWNLOAD_HASH_TEXT], int descriptor, const char *path,
                              choir_error *err) {
    uint8_t block[1 << 14];
    uint8_t hash[32];
    ch_sha256 h;
    ch_sha256_init(&h);
    for (off_t at = 0;;) {
        const ssize_t got = pread(descriptor, block, sizeof(block), at);
        if (got == 0) {
            break;
        }
        if (got < 0 && errno != EINTR) {
            return disk_failed(err, path, errno);
        }
        ch_sha256_add(&h, block, got > 0 ? (size_t)got : 0);
        at += got > 0 ? got : 0;
    }
    ch_sha256_finish(&h, hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    return CHOIR_OK;
}

choir_status ch_download_hash(char out[CH_DOWNLOAD_HASH_TEXT], uint64_t *bytes, const char *path,
                              choir_error *err) {
    struct stat about;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return disk_failed(err, path, errno);
    }
    choir_status status = fstat(file, &about) == 0 ? CHOIR_OK : disk_failed(err, path, errno);
    if (status == CHOIR_OK) {
        *bytes = (uint64_t)about.st_size;
        status = file_hash(out, file, path, err);
    }
    (void)close(file);
    return status;
}

/* Whether any edition of the file is there. */
static bool is_edition_there(const ch_download *d) {
    struct stat about;
    return stat(d->path, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0 &&
           (uint64_t)about.st_size <= d->bytes;
}

static bool is_there(const ch_download *d) {
    char hash[CH_DOWNLOAD_HASH_TEXT];
    struct stat about;
    if (d->sha256 == NULL) {
        return is_edition_there(d);
    }
    const int file = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        return false;
    }
    const bool is_right =
        fstat(file, &about) == 0 && S_ISREG(about.st_mode) && (uint64_t)about.st_size == d->bytes &&
        file_hash(hash, file, d->path, NULL) == CHOIR_OK && strcmp(hash, d->sha256) == 0;
    (void)close(file);
    return is_right;
}

/* --------------------------------------------------------------------------------- one attempt */

static size_t part_write(char *data, size_t item, size_t count, void *self) {
    transfer *t = self;
    const size_t bytes = item * count;
    if (bytes > t->d->bytes - t->size) {
        t->overlong = true;
        return 0;
    }
    const choir_bytes piece = {.data = (const uint8_t *)data, .size = bytes};
    if (ch_disk_append(t->part, t->d->path, piece, &t->disk_failure) != CHOIR_OK) {
        t->is_disk_failing = true;
        return 0;
    }
    t->size += bytes;
    if (t->d->progress != NULL && t->d->sha256 != NULL) {
        t->d->progress(t->d->self, t->size, t->d->bytes);
    }
    return bytes;
}

static void options_set(CURL *curl, transfer *t, const char *url, char *reason) {
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    (void)curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)t->d->connect_s);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)t->d->silence_s);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)t->d->total_s);
    (void)curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)t->size);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, part_write);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    (void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    (void)curl_easy_setopt(curl, CURLOPT_USERAGENT, "choir/" CHOIR_VERSION);
}

static choir_status part_truncate(transfer *t, choir_error *err) {
    if (ftruncate(t->part, 0) != 0 || lseek(t->part, 0, SEEK_SET) != 0) {
        t->is_disk_failing = true;
        return disk_failed(err, t->d->path, errno);
    }
    t->size = 0;
    return CHOIR_OK;
}

/* Asks one URL for what is missing. OK when all is there, EPROTO when the URL sends more than that,
 * EIO when less. */
static choir_status attempt(transfer *t, const char *url, bool *cannot_resume, choir_error *err) {
    char reason[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return CHOIR_ENOMEM;
    }
    t->overlong = false;
    options_set(curl, t, url, reason);
    const CURLcode code = curl_easy_perform(curl);
    long answer = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(curl);
    *cannot_resume = t->size > 0 && (code == CURLE_RANGE_ERROR || answer == 416);
    if (t->overlong) {
        return ch_error_set(err, CHOIR_EPROTO,
                            t->d->sha256 != NULL
                                ? "%s: sends more than the %llu bytes of the file it should be"
                                : "%s: sends more than the %llu bytes that the file may have",
                            url, (unsigned long long)t->d->bytes);
    }
    if (t->is_disk_failing) {
        return ch_error_set(err, CHOIR_EIO, "%s", t->disk_failure.message);
    }
    if (code != CURLE_OK) {
        return ch_error_set(err, CHOIR_EIO, "%s: %s", url,
                            reason[0] != '\0' ? reason : curl_easy_strerror(code));
    }
    if (t->d->sha256 == NULL) {
        return t->size > 0 ? CHOIR_OK : ch_error_set(err, CHOIR_EIO, "%s: gave no bytes", url);
    }
    if (t->size < t->d->bytes) {
        return ch_error_set(err, CHOIR_EIO, "%s: gave %llu of %llu bytes", url,
                            (unsigned long long)t->size, (unsigned long long)t->d->bytes);
    }
    return CHOIR_OK;
}

/* Attempts at one URL, for as long as they bring something. */
static choir_status url_try(transfer *t, const char *url, choir_error *err) {
    choir_status status = CHOIR_EIO;
    for (uint32_t i = 0; i < t->d->attempts && status == CHOIR_EIO; i++) {
        const uint64_t before = t->size;
        bool cannot_resume = false;
        status = attempt(t, url, &cannot_resume, err);
        if (status == CHOIR_EIO && t->is_disk_failing) {
            return status;
        }
        const bool is_edition = t->d->sha256 == NULL && t->size > 0; // it may be another by now
        if (status == CHOIR_EIO && (cannot_resume || is_edition)) {
            const choir_status cut = part_truncate(t, err);
            if (cut != CHOIR_OK) {
                return cut;
            }
        } else if (t->size == before) {
            return status;
        }
    }
    return status;
}

/* ------------------------------------------------------------------------------------ the whole */

/* Whether the open file is the one that has the path. */
static bool is_at(int descriptor, const char *path) {
    struct stat open_one;
    struct stat named;
    return fstat(descriptor, &open_one) == 0 && stat(path, &named) == 0 &&
           open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Opens path.part for this process alone. Between opening and locking, another process may have
 * made it the file or removed it: then it is another's, and there is a new one to open. */
static choir_status part_claim(transfer *t, const char *part, choir_error *err) {
    for (;;) {
        t->part = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (t->part < 0) {
            return disk_failed(err, part, errno);
        }
        const choir_status status = ch_disk_lock(t->part, part, err);
        if (status == CHOIR_EAGAIN) {
            return ch_error_set(err, status, "%s: another process is downloading it", part);
        }
        if (status != CHOIR_OK || is_at(t->part, part)) {
            return status;
        }
        (void)close(t->part);
    }
}

/* At its end. */
static choir_status part_open(transfer *t, const char *part, choir_error *err) {
    const choir_status status = part_claim(t, part, err);
    if (status != CHOIR_OK) {
        return status;
    }
    const off_t size = lseek(t->part, 0, SEEK_END);
    if (size < 0) {
        return disk_failed(err, part, errno);
    }
    t->size = (uint64_t)size;
    return t->size > t->d->bytes || t->d->sha256 == NULL ? part_truncate(t, err) : CHOIR_OK;
}

/* Whether what has arrived whole has the right hash. EPROTO when it has not. */
static choir_status part_check(const transfer *t, const char *from, choir_error *err) {
    char hash[CH_DOWNLOAD_HASH_TEXT];
    if (t->d->sha256 == NULL) {
        return CHOIR_OK;
    }
    const choir_status status = file_hash(hash, t->part, t->d->path, err);
    if (status == CHOIR_OK && strcmp(hash, t->d->sha256) != 0) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: what %s gave has SHA-256 %s instead of %s, and was deleted",
                            t->d->path, from, hash, t->d->sha256);
    }
    return status;
}

/*
 * All that one URL can do. Bytes that an earlier call or another URL left are gone on from, but
 * when the whole turns out wrong they may be to blame: then the URL is asked for all of it once.
 */
static choir_status url_use(transfer *t, const char *url, choir_error *err) {
    for (;;) {
        const bool goes_on = t->size > 0;
        choir_status status = url_try(t, url, err);
        if (status == CHOIR_OK) {
            status = part_check(t, url, err);
        }
        if (status != CHOIR_EPROTO) {
            return status;
        }
        if (part_truncate(t, err) != CHOIR_OK) {
            return CHOIR_EIO;
        }
        if (!goes_on) {
            return status;
        }
    }
}

/* The first URL that gives the right file decides; else the last one's failure stands. */
static choir_status part_fetch(transfer *t, choir_error *err) {
    choir_status status = CHOIR_EIO;
    if (t->size == t->d->bytes) {
        status = part_check(t, "an earlier download", err);
        if (status == CHOIR_EPROTO && part_truncate(t, err) != CHOIR_OK) {
            return CHOIR_EIO;
        }
    }
    for (size_t i = 0; i < t->d->url_count && !t->is_disk_failing &&
                       (status == CHOIR_EIO || status == CHOIR_EPROTO);
         i++) {
        status = url_use(t, t->d->urls[i], err);
    }
    return status;
}

choir_status ch_download_run(const ch_download *d, choir_error *err) {
    char part[PATH_BYTES];
    if (snprintf(part, sizeof(part), "%s.part", d->path) >= (int)sizeof(part)) {
        return ch_error_set(err, CHOIR_EIO, "%s: the path is too long", d->path);
    }
    if (is_there(d)) {
        return CHOIR_OK;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return CHOIR_ENOMEM;
    }
    transfer t = {.d = d, .part = -1};
    choir_status status = part_open(&t, part, err);
    const bool is_done = status == CHOIR_OK && is_there(d); // by another process, just now
    if (status == CHOIR_OK && !is_done) {
        status = part_fetch(&t, err);
    }
    if (is_done) {
        (void)unlink(part);
    } else if (status == CHOIR_OK && (fsync(t.part) != 0 || rename(part, d->path) != 0)) {
        status = disk_failed(err, d->path, errno);
    } else if (status == CHOIR_EPROTO) {
        (void)unlink(part);
    }
    if (t.part >= 0) {
        (void)close(t.part);
    }
    curl_global_cleanup();
    return status;
}
