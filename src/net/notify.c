/* Notify: see notify.h. */
#include "net/notify.h"

#include "base/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

choir_status ch_notify(const char *socket_path, const char *state, choir_error *err) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const size_t size = strlen(socket_path);
    if ((socket_path[0] != '/' && socket_path[0] != '@') || size < 2 ||
        size >= sizeof(to.sun_path)) {
        return ch_error_set(err, CHOIR_EINVAL,
                            "NOTIFY_SOCKET: must be an absolute path, or '@' and a name, of less "
                            "than %zu bytes",
                            sizeof(to.sun_path));
    }
    memcpy(to.sun_path, socket_path, size);
    if (socket_path[0] == '@') {
        to.sun_path[0] = '\0';
    }
    const int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    const bool is_sent =
        descriptor >= 0 && sendto(descriptor, state, strlen(state), MSG_NOSIGNAL,
                                  (const struct sockaddr *)&to, length) == (ssize_t)strlen(state);
    const int reason = errno;
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return is_sent ? CHOIR_OK
                   : ch_error_set(err, CHOIR_EIO, "NOTIFY_SOCKET: cannot send to '%s': %s",
                                  socket_path, strerror(reason));
}
