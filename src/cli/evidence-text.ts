/** An exhibit as text: for a ticket, and still a PEM file that `verify` and openssl read. Pure. */
import { CODES } from '../model/codes.ts';
import { readTlsVersion } from '../model/tls.ts';
import type { Exhibit, ExpectedKey, ObservedKey } from '../observe/exhibit.ts';
import { targetOf } from './event-line.ts';
import { plural } from './screen.ts';

const NAME_WIDTH = 11;

/**
 * RFC 7468 §2 allows text before the first block, so the whole is one file. `anchors`: what `verify` needs to be told,
 * null for the public set.
 */
export function exhibitText(exhibit: Exhibit, anchors: readonly string[] | null): string {
  const { findings } = exhibit;
  const field = (name: string, value: string): string => `${name.padEnd(NAME_WIDTH)} ${value}`;
  const first = exhibit.sightings[0];
  return [
    `Unexpected certificate chain, ${exhibit.verdict === 'block' ? 'blocked' : 'let through with an alert'}`,
    '',
    field('host', targetOf(exhibit)),
    field('verdict', `${exhibit.verdict} ${exhibit.code}: ${CODES[exhibit.code].says}`),
    field('rule', exhibit.rule ?? '-'),
    field('seen', `${exhibit.firstSeen} to ${exhibit.lastSeen}, ${plural(exhibit.count, 'time')}`),
    field('event', first === undefined ? '-' : first.event),
    field('clients', [...new Set(exhibit.sightings.map(({ client }) => client))].slice(0, 8).join(', ')),
    field('address', exhibit.address ?? '-'),
    field('session', sessionText(exhibit)),
    field('openssl', exhibit.openssl),
    field('evidence', exhibit.id),
    '',
    ...section(
      'findings',
      findings.flatMap(({ code, facts }) => [
        `${code}: ${CODES[code].says}`,
        ...Object.entries(facts).flatMap(([name, value]) =>
          (Array.isArray(value) ? value : [value]).map((one: unknown) => `  ${name}: ${String(one)}`),
        ),
      ]),
    ),
    ...section('expected keys', exhibit.expected.map(expectedText)),
    ...section('denied keys', exhibit.denied.map(expectedText)),
    ...section(
      'verified path, leaf first',
      (exhibit.path ?? []).flatMap((key) => observedText(key, key.pin)),
    ),
    ...section(
      'no valid path; nearest',
      (exhibit.nearest ?? []).flatMap((key) => observedText(key, `certificate ${key.sha256}`)),
    ),
    'Judge it again (save this text as chain.pem):',
    `  ${verifyCommand(exhibit, anchors)}`,
    '',
    'Presented certificates, leaf first:',
    exhibit.chain,
    ...(exhibit.completing === '' ? [] : ['Not presented, but on the path:', exhibit.completing]),
  ].join('\n');
}

/** TLS version, cipher, group and ALPN of the connection. */
export function sessionText({
  tlsVersion,
  cipher,
  group,
  alpn,
}: Pick<Exhibit, 'tlsVersion' | 'cipher' | 'group' | 'alpn'>): string {
  const version = tlsVersion === null ? null : `TLS ${readTlsVersion(tlsVersion) ?? tlsVersion.replace(/^TLSv/, '')}`;
  return [version, cipher, group, alpn].filter((one) => one !== null).join(', ') || '-';
}

/** `ca   sha256/…  name (group, backup)`. */
export function expectedText(key: ExpectedKey): string {
  return `${key.scope.padEnd(4)} ${key.pin}  ${expectedName(key)}`.trimEnd();
}

export function expectedName({ name, group, backup }: ExpectedKey): string {
  const notes = [group, backup ? 'backup' : null].filter((note) => note !== null);
  const bracket = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return `${name ?? ''}${bracket}`.trim();
}

/** `name`: the pin; of a chain that must not be pinned the certificate. */
function observedText({ subject, issuer, notBefore, notAfter }: ObservedKey, name: string): readonly string[] {
  const life = `${notBefore?.slice(0, 10) ?? '?'} to ${notAfter?.slice(0, 10) ?? '?'}`;
  return [subject === '' ? '(empty subject)' : subject, `  ${name}`, `  ${life}, issued by ${issuer}`];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`), ''];
}

/** Command that judges the chain offline as it was judged then. */
function verifyCommand({ host, seenAt }: Exhibit, anchors: readonly string[] | null): string {
  const given = anchors === null ? '' : anchors.map((file) => ` --anchors ${file}`).join('');
  return `pinwarden verify --host ${host} --chain chain.pem --at ${seenAt}${given}`;
}
