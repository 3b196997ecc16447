/** `pinwarden.yaml` from its shape to the frozen Config: paths absolute, addresses and ranges checked. */
import { parseIp, printIp } from '../model/ip.ts';
import type { AdminConfig, CaConfig, ClientGroup, Config, CtConfig, ListenAddress, PolicyPath } from './config.ts';
import type { ConfigShape } from './config-schema.ts';
import { parseDate } from './dates.ts';
import { canonicalHost } from './hosts.ts';
import { type Issue, keysAt } from './issues.ts';
import { backtick, type Loaded } from './mistakes.ts';
import { Notes } from './notes.ts';
import { beside, resolveFrom } from './paths.ts';
import type { AnchorsChoice, Place, Unmatched } from './policy.ts';
import { UNMATCHED } from './policy-file.ts';
import { configJsonSchema } from './reference.ts';
import { cidrs, compileAnchors, compileRule, patterns } from './rules.ts';
import { asWritten, lostFields, type Shifts } from './salvage.ts';
import type { YamlFile, YamlPath } from './yaml.ts';

/** What the schema refused of a configuration, and how what is left of its lists lies. */
export interface Refused {
  readonly issues: readonly Issue[];
  readonly shifts: Shifts;
}

const NOTHING_REFUSED: Refused = { issues: [], shifts: new Map() };

/** `config` is only worth something when `loaded` is ok, or to look for more mistakes in what it names. */
export function compileConfig(
  shape: ConfigShape,
  yaml: YamlFile,
  { issues, shifts }: Refused = NOTHING_REFUSED,
): { readonly loaded: Loaded<Config>; readonly config: Config } {
  const notes = new Notes(yaml);
  notes.shift([], shifts);
  const lost = lostOf(issues, []);
  const absolute = (path: string): string => resolveFrom(yaml.file, path);
  const anchors = compileAnchors(shape.anchors, ['anchors'], notes);
  const ct = compileCt(shape.ct, notes, lost);
  const config: Config = Object.freeze({
    file: yaml.file,
    listen: Object.freeze(shape.listen.map((entry, index) => endpoint(entry, ['listen', index], notes))),
    metrics: shape.metrics === 'off' ? null : endpoint(shape.metrics, ['metrics'], notes),
    admin: shape.admin === undefined ? null : compileAdmin(shape.admin, notes),
    state: absolute(shape.state),
    ca: compileCa(shape.ca, notes, lost),
    anchors,
    anchorsPlace: hasKey(yaml, 'anchors') ? notes.place(['anchors'], 'key') : null,
    places: placesOf(shape, anchors, ct, notes),
    egress: Object.freeze({
      ports: Object.freeze([...new Set(shape.egress.ports)]),
      hosts: compileHosts(shape.egress.hosts, notes),
      dns: Object.freeze({
        servers: Object.freeze(shape.egress.dns.servers.filter((server, index) => isServer(server, index, notes))),
        timeoutMs: shape.egress.dns.timeoutMs,
      }),
    }),
    clients: Object.freeze(Object.entries(shape.clients).map(([name, ranges]) => compileClients(name, ranges, notes))),
    unmatched: compileUnmatched(shape, anchors, notes, lostOf(issues, ['unmatched'])),
    audit: Object.freeze({ file: absolute(shape.audit.file), onFull: shape.audit.onFull }),
    policies: Object.freeze(
      shape.policies.map((entry, index) => {
        const path = ['policies', index];
        return compilePath(entry, path, notes, lostOf(issues, asWritten(path, shifts)));
      }),
    ),
    limits: Object.freeze({ ...shape.limits }),
    workers: shape.workers ?? null,
    publicAnchors: shape.publicAnchors === undefined ? null : Object.freeze(shape.publicAnchors.map(absolute)),
    intermediates: Object.freeze(shape.intermediates.map(absolute)),
    aia: shape.aia,
    ct,
    crl: Object.freeze({ files: Object.freeze(shape.crl.files.map(absolute)), fetch: shape.crl.fetch }),
    fetch: Object.freeze({
      ports: Object.freeze([...new Set(shape.fetch.ports)]),
      allowPrivate: cidrs(shape.fetch.allowPrivate, ['fetch', 'allowPrivate'], notes),
    }),
  });
  checkListeners(config, yaml, notes, lost);
  const loaded: Loaded<Config> = notes.failed
    ? { ok: false, mistakes: notes.mistakes }
    : { ok: true, value: config, warnings: notes.mistakes };
  return { loaded, config };
}

function lostOf(issues: readonly Issue[], path: YamlPath): ReadonlySet<string> {
  return issues.length === 0 ? new Set() : lostFields(issues, path, keysAt(configJsonSchema(), path));
}

function hasKey({ value }: YamlFile, key: string): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key);
}

/** Of a file that is named twice the first place. */
function placesOf(
  { publicAnchors, intermediates, crl, ct }: ConfigShape,
  anchors: AnchorsChoice,
  { signed }: CtConfig,
  notes: Notes,
): ReadonlyMap<string, Place> {
  const named: readonly (readonly [string, YamlPath])[] = [
    ...(publicAnchors ?? []).map((file, index) => [file, ['publicAnchors', index]] as const),
    ...intermediates.map((file, index) => [file, ['intermediates', index]] as const),
    ...crl.files.map((file, index) => [file, ['crl', 'files', index]] as const),
    ...(['logList', 'signatureKeyFile', 'signatureFile'] as const).flatMap((key) => {
      const file = ct[key];
      return file === undefined ? [] : [[file, ['ct', key]] as const];
    }),
  ];
  const places = new Map<string, Place>();
  const add = (file: string, place: Place | undefined): void => {
    if (place !== undefined && !places.has(file)) places.set(file, place);
  };
  for (const [index, file] of (typeof anchors === 'string' ? [] : anchors.files).entries()) {
    add(file, typeof anchors === 'string' ? undefined : anchors.places?.[index]);
  }
  for (const [file, path] of named) add(resolveFrom(notes.file, file), notes.place(path));
  // A signature that is looked for beside the list is asked for by the key.
  if (signed !== null) add(signed.signatureFile, notes.place(['ct', 'signatureKeyFile']));
  return places;
}

const WILDCARDS: readonly string[] = ['0.0.0.0', '::'];

/** Whether the system lets only one of them have the port: `::` is every address, of IPv4 too. */
function collides(left: ListenAddress, right: ListenAddress): boolean {
  const [one = null, other = null] = [left, right].map(({ address }) => parseIp(address));
  if (left.port === 0 || left.port !== right.port || one === null || other === null) return false;
  const [oneText, otherText] = [printIp(one), printIp(other)];
  if (oneText === otherText || oneText === '::' || otherText === '::') return true;
  return one.length === other.length && (WILDCARDS.includes(oneText) || WILDCARDS.includes(otherText));
}

/** What the start would refuse as taken, by the proxy itself. */
function checkListeners(
  { listen, metrics, admin }: Config,
  yaml: YamlFile,
  notes: Notes,
  lost: ReadonlySet<string>,
): void {
  const sockets: { readonly name: string; readonly at: ListenAddress; readonly path: YamlPath }[] = listen.map(
    (at, index) => ({ name: 'listen', at, path: ['listen', index] }),
  );
  if (metrics !== null) sockets.push({ name: 'metrics', at: metrics, path: ['metrics'] });
  if (admin !== null && 'address' in admin) sockets.push({ name: 'admin', at: admin, path: ['admin'] });
  for (const [index, { name, at, path }] of sockets.entries()) {
    const first = sockets.slice(0, index).find((other) => collides(other.at, at));
    // The default stands where something else was meant.
    if (first === undefined || lost.has(name) || lost.has(first.name)) continue;
    const message = `port ${at.port} of ${backtick(at.address)} is taken by ${backtick(first.name)} already`;
    // Where `metrics` is the default, the other one is what was written.
    const written = hasKey(yaml, name) ? path : first.path;
    notes.error(
      [...written, 'port'],
      message,
      `choose another port for ${backtick(written === path ? name : first.name)}`,
    );
  }
}

function compileAdmin(shape: NonNullable<ConfigShape['admin']>, notes: Notes): AdminConfig {
  if ('unix' in shape) return Object.freeze({ unix: resolveFrom(notes.file, shape.unix) });
  const tokenFile = resolveFrom(notes.file, shape.tokenFile);
  return Object.freeze({ ...endpoint(shape, ['admin'], notes), tokenFile });
}

function compileCa(
  { certificateFile, keyFile, chainFile, create, next }: ConfigShape['ca'],
  notes: Notes,
  lost: ReadonlySet<string>,
): CaConfig {
  const absolute = (path: string | undefined): string | null =>
    path === undefined ? null : resolveFrom(notes.file, path);
  const current = {
    certificateFile: resolveFrom(notes.file, certificateFile),
    keyFile: resolveFrom(notes.file, keyFile),
    chainFile: absolute(chainFile),
  };
  const following = {
    certificateFile: absolute(next.certificateFile) ?? beside(current.certificateFile, 'next-'),
    keyFile: absolute(next.keyFile) ?? beside(current.keyFile, 'next-'),
    chainFile: absolute(next.chainFile) ?? current.chainFile,
    signsFromMs: next.signsFrom === undefined ? null : parseDate(next.signsFrom),
  };
  for (const field of ['certificateFile', 'keyFile'] as const) {
    if (following[field] !== current[field] || lost.has('ca')) continue;
    notes.error(['ca', 'next', field], `${backtick(field)} of the next CA is that of the current one`, 'name another');
  }
  if (next.signsFrom !== undefined && following.signsFromMs === null) {
    const hint = 'write a day or a moment in UTC, such as `2027-06-01` or `2027-06-01T12:00:00Z`';
    notes.error(['ca', 'next', 'signsFrom'], `${backtick(next.signsFrom)} is not a date`, hint);
  }
  return Object.freeze({
    ...current,
    create,
    next: Object.freeze(following),
    previousCertificateFile: beside(current.certificateFile, 'previous-'),
  });
}

function endpoint(shape: { address: string; port: number }, path: YamlPath, notes: Notes): ListenAddress {
  if (parseIp(shape.address) === null) {
    const hint = shape.address === 'localhost' ? 'write 127.0.0.1' : 'write an address such as 127.0.0.1 or ::1';
    notes.error([...path, 'address'], `${backtick(shape.address)} is not an IP address`, hint);
  }
  return Object.freeze({ address: shape.address, port: shape.port });
}

function compileHosts(shape: ConfigShape['egress']['hosts'], notes: Notes): ReadonlyMap<string, readonly string[]> {
  const hosts = new Map<string, readonly string[]>();
  for (const [text, addresses] of Object.entries(shape)) {
    const path = ['egress', 'hosts', text];
    const host = canonicalHost(text);
    if (host === null) {
      notes.error(path, `${backtick(text)} is not a host`, 'write one DNS name, without port or star', 'key');
      continue;
    }
    if (hosts.has(host.host)) {
      notes.error(path, `${backtick(text)} is listed twice`, 'put all addresses into one list', 'key');
    }
    for (const [index, address] of addresses.entries()) {
      if (parseIp(address) === null) {
        notes.error([...path, index], `${backtick(address)} is not an IP address`, 'write an address without port');
      }
    }
    hosts.set(host.host, Object.freeze([...addresses]));
  }
  return hosts;
}

const SERVER = /^(?:(?<plain>[0-9.]+)|\[(?<bracketed>[0-9a-fA-F:.]+)\])(?::(?<port>[1-9][0-9]{0,4}))?$/;

function isServer(text: string, index: number, notes: Notes): boolean {
  const groups = SERVER.exec(text)?.groups;
  const address = groups?.['plain'] ?? groups?.['bracketed'] ?? text;
  const good = parseIp(address) !== null && Number(groups?.['port'] ?? 53) <= 65_535;
  if (!good) {
    const hint = 'write an address such as 10.0.0.53, 10.0.0.53:5353 or [::1]:53';
    notes.error(['egress', 'dns', 'servers', index], `${backtick(text)} is not a resolver`, hint);
  }
  return good;
}

function compileClients(name: string, ranges: readonly string[], notes: Notes): ClientGroup {
  const path = ['clients', name];
  const identity = ranges.findIndex((range) => range.startsWith('spiffe://'));
  if (identity !== -1) {
    notes.error([...path, identity], 'client identities are not built yet', 'list address ranges');
    return Object.freeze({ name, ranges: Object.freeze([]) });
  }
  return Object.freeze({ name, ranges: cidrs(ranges, path, notes) });
}

function compileUnmatched(
  shape: ConfigShape,
  anchors: AnchorsChoice,
  notes: Notes,
  lost: ReadonlySet<string>,
): Unmatched {
  const { action, ...fields } = shape.unmatched;
  if (action === 'deny') {
    for (const key of Object.keys(fields)) {
      notes.error(['unmatched', key], `${backtick(key)} means nothing beside \`action: deny\``, 'remove it', 'key');
    }
    return Object.freeze({ action: 'deny' });
  }
  const rule = compileRule({ ...fields, name: UNMATCHED }, ['unmatched'], {
    notes,
    groups: new Map(),
    usedGroups: new Set(),
    shared: new Map(),
    defaults: {},
    anchors,
    owner: null,
    mayMatch: null,
    mayNot: [],
    lost,
    purpose: 'policy',
  });
  return Object.freeze({ action: 'judge', rule });
}

const DAY_MS = 86_400_000;

function compileCt(shape: ConfigShape['ct'], notes: Notes, lost: ReadonlySet<string>): CtConfig {
  const { logList, signatureKeyFile, signatureFile, profile, maxListAgeDays } = shape;
  if (logList === undefined && !lost.has('ct') && (signatureKeyFile ?? signatureFile) !== undefined) {
    notes.error(['ct'], 'a signature without a log list', 'name the list in `logList`', 'key');
  }
  if (signatureFile !== undefined && signatureKeyFile === undefined && !lost.has('ct')) {
    notes.error(['ct', 'signatureFile'], 'a signature without a key', 'name the key in `signatureKeyFile`', 'key');
  }
  const list = logList === undefined ? null : resolveFrom(notes.file, logList);
  const signature =
    signatureFile === undefined ? list?.replace(/(?:\.json)?$/, '.sig') : resolveFrom(notes.file, signatureFile);
  const signed =
    signatureKeyFile === undefined || signature === undefined
      ? null
      : Object.freeze({ keyFile: resolveFrom(notes.file, signatureKeyFile), signatureFile: signature });
  return Object.freeze({
    logList: list,
    signed,
    profile: compileProfile(profile),
    maxListAgeMs: maxListAgeDays * DAY_MS,
  });
}

function compileProfile(profile: ConfigShape['ct']['profile']): CtConfig['profile'] {
  if (typeof profile === 'string') return Object.freeze({ name: profile });
  const { minScts, minOperators, lifetimeDays } = profile;
  return Object.freeze({ name: 'custom', minScts, minOperators, lifetimeDays: lifetimeDays ?? null });
}

function compilePath(
  entry: ConfigShape['policies'][number],
  path: YamlPath,
  notes: Notes,
  lost: ReadonlySet<string>,
): PolicyPath {
  const map = typeof entry === 'string' ? { path: entry, owner: null, mayMatch: undefined, mayNot: [] } : entry;
  if (map.mayMatch?.length === 0 && !lost.has('mayMatch')) {
    const hint = 'list what the owner may match, or leave `mayMatch` out';
    notes.error([...path, 'mayMatch'], '`mayMatch: []` leaves the owner nothing to match', hint, 'key');
  }
  const errorsBefore = notes.errors;
  const bounds = patterns(map.mayMatch ?? [], [...path, 'mayMatch'], notes);
  const areLost = lost.has('mayMatch') || notes.errors > errorsBefore;
  return Object.freeze({
    path: resolveFrom(notes.file, map.path),
    owner: map.owner,
    // What is left of the bounds would blame rules that the whole of them allows.
    mayMatch: map.mayMatch === undefined || areLost ? null : bounds,
    mayNot: Object.freeze([...map.mayNot]),
  });
}
