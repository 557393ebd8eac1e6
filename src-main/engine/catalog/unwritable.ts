// What SQLite says of a file that cannot be written, now or ever, whatever is written (https://sqlite.org/rescode.html).

const codes = /^SQLITE_(FULL|READONLY|IOERR|CORRUPT|NOTADB|CANTOPEN|PERM|NOMEM|PROTOCOL)/;

/** Whether a write failed for the disk or the file; isBusy (database.ts) tells of those that another process holds up. */
export const isUnwritable = (error: unknown): boolean => codes.test(String((error as { code?: unknown }).code));
