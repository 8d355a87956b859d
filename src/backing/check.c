/* SPDX-License-Identifier: MIT */
#include "backing/check.h"

#include <errno.h>
#include <stddef.h>

#include "error.h"
#include "rst.h"

int rst_backing_check(const char *whose, int backing, const char *directory)
{
    if (backing < RST_BACKING_AUTO || backing > RST_BACKING_FILE)
        return rst_fail(EINVAL,
                        "%s %d is unknown; it is one of RST_BACKING_AUTO (%d), RST_BACKING_MEMFD "
                        "(%d), RST_BACKING_FILE (%d)",
                        whose, backing, RST_BACKING_AUTO, RST_BACKING_MEMFD, RST_BACKING_FILE);
    if (directory && directory[0] != '/')
        return rst_fail(EINVAL, "%s: directory %s is not an absolute path", whose,
                        rst_quote(directory).text);
    return 0;
}
