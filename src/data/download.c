/* Downloading with libcurl; see download.h. */
#include "data/download.h"

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
    HASH_TEXT = 65,
};

/* One download under way. */
typedef struct transfer {
    const ch_download *d;
    int part;      // descriptor of path.part
    uint64_t size; // of path.part
    bool overlong; // the server sends more than the file has
    int disk;      // errno of a failed write
} transfer;

ch_download ch_download_defaults(void) {
    return (ch_download){.connect_s = 20, .silence_s = 30, .total_s = 3600, .attempts = 5};
}

static choir_status disk_failed(choir_error *err, const char *path, int reason) {
    return ch_error_set(err, CHOIR_EIO, "%s: %s", path, strerror(reason));
}

/* -------------------------------------------------------------------------------------- hashes */

/* The hash of a file as text. EIO when it cannot be read. */
static choir_status file_hash(char out[HASH_TEXT], const char *path, choir_error *err) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return disk_failed(err, path, errno);
    }
    uint8_t block[1 << 14];
    uint8_t hash[32];
    ch_sha256 h;
    ch_sha256_init(&h);
    for (size_t got = 1; got > 0;) {
        got = fread(block, 1, sizeof(block), file);
        ch_sha256_add(&h, block, got);
    }
    const bool failed = ferror(file) != 0;
    (void)fclose(file);
    if (failed) {
        return disk_failed(err, path, EIO);
    }
    ch_sha256_finish(&h, hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", hash[i]);
    }
    return CHOIR_OK;
}

static bool is_there(const ch_download *d) {
    char hash[HASH_TEXT];
    struct stat about;
    return stat(d->path, &about) == 0 && S_ISREG(about.st_mode) &&
           (uint64_t)about.st_size == d->bytes && file_hash(hash, d->path, NULL) == CHOIR_OK &&
           strcmp(hash, d->sha256) == 0;
}

/* --------------------------------------------------------------------------------- one attempt */

static size_t part_write(char *data, size_t item, size_t count, void *self) {
    transfer *t = self;
    const size_t bytes = item * count;
    if (bytes > t->d->bytes - t->size) {
        t->overlong = true;
        return 0;
    }
    for (size_t at = 0; at < bytes;) {
        const ssize_t put = write(t->part, data + at, bytes - at);
        if (put < 0 && errno != EINTR) {
            t->disk = errno;
            return 0;
        }
        at += put > 0 ? (size_t)put : 0;
        t->size += put > 0 ? (size_t)put : 0;
    }
    if (t->d->progress != NULL) {
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
        return disk_failed(err, t->d->path, errno);
    }
    t->size = 0;
    return CHOIR_OK;
}

/* Asks one URL for what is missing. OK when it ended without error, whole or not. */
static choir_status attempt(transfer *t, const char *url, bool *cannot_resume, choir_error *err) {
    char reason[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        return CHOIR_ENOMEM;
    }
    options_set(curl, t, url, reason);
    const CURLcode code = curl_easy_perform(curl);
    long answer = 0;
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(curl);
    *cannot_resume = t->size > 0 && (code == CURLE_RANGE_ERROR || answer == 416);
    if (t->overlong) {
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: sends more than the %llu bytes of the file it should be", url,
                            (unsigned long long)t->d->bytes);
    }
    if (t->disk != 0) {
        return disk_failed(err, t->d->path, t->disk);
    }
    if (code != CURLE_OK) {
        return ch_error_set(err, CHOIR_EIO, "%s: %s", url,
                            reason[0] != '\0' ? reason : curl_easy_strerror(code));
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
        if (status == CHOIR_EIO && t->disk != 0) {
            return status;
        }
        if (status == CHOIR_EIO && cannot_resume) {
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

/* Opens path.part for this process alone, at its end. */
static choir_status part_open(transfer *t, const char *part, choir_error *err) {
    t->part = open(part, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (t->part < 0) {
        return disk_failed(err, part, errno);
    }
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(t->part, F_SETLK, &lock) != 0) {
        return ch_error_set(err, CHOIR_EAGAIN, "%s: another process is downloading it", part);
    }
    const off_t size = lseek(t->part, 0, SEEK_END);
    if (size < 0) {
        return disk_failed(err, part, errno);
    }
    t->size = (uint64_t)size;
    return t->size > t->d->bytes ? part_truncate(t, err) : CHOIR_OK;
}

static choir_status part_fetch(transfer *t, choir_error *err) {
    choir_status status = t->size == t->d->bytes ? CHOIR_OK : CHOIR_EIO;
    for (size_t i = 0; i < t->d->url_count && status == CHOIR_EIO && t->disk == 0; i++) {
        status = url_try(t, t->d->urls[i], err);
    }
    return status;
}

/* Makes the part the file when its hash is right, and deletes it when it is not. */
static choir_status part_accept(transfer *t, const char *part, choir_error *err) {
    char hash[HASH_TEXT];
    const choir_status status = file_hash(hash, part, err);
    if (status != CHOIR_OK) {
        return status;
    }
    if (strcmp(hash, t->d->sha256) != 0) {
        (void)unlink(part);
        return ch_error_set(err, CHOIR_EPROTO,
                            "%s: what arrived has SHA-256 %s instead of %s, and was deleted",
                            t->d->path, hash, t->d->sha256);
    }
    if (fsync(t->part) != 0 || rename(part, t->d->path) != 0) {
        return disk_failed(err, t->d->path, errno);
    }
    return CHOIR_OK;
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
    if (status == CHOIR_OK) {
        status = part_fetch(&t, err);
    }
    if (status == CHOIR_OK) {
        status = part_accept(&t, part, err);
    } else if (status == CHOIR_EPROTO) {
        (void)unlink(part);
    }
    if (t.part >= 0) {
        (void)close(t.part);
    }
    curl_global_cleanup();
    return status;
}
