/**
 * Header fields on their way through: which of them belong to one connection and which to the message (RFC 9110 §7.6.1).
 *
 * Does: drop what is hop-by-hop, listed in Connection, or meant for a proxy; keep order, case and repetition of the rest.
 * Does not: frame the message: whoever sends it sets Transfer-Encoding and Connection itself.
 */

export type Field = readonly [name: string, value: string];

/** Of one connection, listed in Connection or not. `Trailer` only announces what then comes or does not. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Proxy-Authorization and Proxy-Authenticate are between the client and us; Proxy-Connection was never standard; and a
 * Proxy-Status of an upstream would speak in our name.
 */
const FOR_PROXIES = 'proxy-';

/**
 * Fields that Connection cannot remove. Naming one there is a known way to make a proxy drop what the next hop decides
 * by: whose request it is, where it goes, how long it is, whether it may be stored.
 */
const NEVER_REMOVED: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'age',
  'authorization',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-range',
  'content-security-policy',
  'content-type',
  'cookie',
  'date',
  'etag',
  'expect',
  'expires',
  'forwarded',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'last-modified',
  'location',
  'max-forwards',
  'origin',
  'pragma',
  'range',
  'referer',
  'sec-websocket-accept',
  'sec-websocket-key',
  'sec-websocket-version',
  'set-cookie',
  'vary',
  'via',
  'warning',
  'www-authenticate',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
]);

/** May not come in trailers (RFC 9110 §6.5.1): what frames, routes, authenticates or changes how content is read. */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([...NEVER_REMOVED, ...HOP_BY_HOP]);

/** What we say of ourselves in Via (RFC 9110 §7.6.3): a name that is the same everywhere tells nobody anything. */
const PSEUDONYM = 'pinwarden';

/** Name and value in turn, as sent → pairs. */
function* pairs(rawHeaders: readonly string[]): Generator<Field> {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    yield [rawHeaders[index] ?? '', rawHeaders[index + 1] ?? ''];
  }
}

/** Members of the comma-separated lists in all fields with this lower-case name, in lower case. */
export function listMembers(rawHeaders: readonly string[], name: string): string[] {
  return [...pairs(rawHeaders)]
    .filter(([one]) => one.toLowerCase() === name)
    .flatMap(([, value]) => value.split(','))
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '');
}

/** The fields that the next hop may see, in order. `without`: lower-case names that the caller replaces. */
export function endToEnd(rawHeaders: readonly string[], without: ReadonlySet<string> = new Set()): Field[] {
  const listed = new Set(listMembers(rawHeaders, 'connection').filter((name) => !NEVER_REMOVED.has(name)));
  return [...pairs(rawHeaders)].filter(([name]) => {
    const lower = name.toLowerCase();
    return !HOP_BY_HOP.has(lower) && !lower.startsWith(FOR_PROXIES) && !listed.has(lower) && !without.has(lower);
  });
}

/** The trailer fields that may be passed on. */
export function endToEndTrailers(rawTrailers: readonly string[]): Field[] {
  return endToEnd(rawTrailers, NOT_IN_TRAILERS);
}

/** The Via line that we add; `httpVersion` is that of the message we received. */
export function viaField(httpVersion: string): Field {
  return ['Via', `${httpVersion} ${PSEUDONYM}`];
}

/** Fields with one name together: the order of first appearance, the case of the first, all values in order. */
export function grouped(fields: readonly Field[]): (readonly [name: string, values: readonly string[]])[] {
  const groups = new Map<string, readonly [string, string[]]>();
  for (const [name, value] of fields) {
    const group = groups.get(name.toLowerCase());
    if (group === undefined) groups.set(name.toLowerCase(), [name, [value]]);
    else group[1].push(value);
  }
  return [...groups.values()];
}
