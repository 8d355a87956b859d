/* What elfutils' libraries name of glibc's <fts.h>, which musl does not have. Only what looks for
 * kernel modules would call it, which nothing here does. */
#ifndef FTS_H
#define FTS_H
typedef struct FTS FTS;
typedef struct {
    const char *fts_name, *fts_accpath, *fts_path;
    int fts_namelen, fts_info, fts_errno;
} FTSENT;
#define FTS_LOGICAL 1
#define FTS_NOSTAT 2
#define FTS_SKIP 3
#define FTS_F 4
#define FTS_SL 5
#define FTS_DNR 6
#define FTS_NS 7
#define FTS_ERR 8
#define FTS_NSOK 9
#define FTS_SLNONE 10
FTS *fts_open(char *const *paths, int options, int (*compare)(const FTSENT **, const FTSENT **));
FTSENT *fts_read(FTS *fts);
int fts_set(FTS *fts, FTSENT *entry, int options);
int fts_close(FTS *fts);
#endif
