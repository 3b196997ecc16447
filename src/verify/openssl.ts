/**
 * OpenSSL's verdict as a second opinion: what we accept, it must accept too.
 *
 * OpenSSL does not backtrack, so it refuses some chains for which a valid path exists. A code may be listed here once a
 * test shows such a chain and that the code cannot mean anything worse. Nothing is listed yet.
 */

/** X509_V_ERR names that mean "did not find the path", each with a test of its own. */
const PATH_FINDING_CODES: ReadonlySet<string> = new Set();

/** `none`: judged offline. */
export function opensslAgrees(openssl: string): boolean {
  return openssl === 'accepted' || openssl === 'none' || PATH_FINDING_CODES.has(openssl);
}
