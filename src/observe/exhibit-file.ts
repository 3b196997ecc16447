/**
 * An exhibit as a file. The file is ours, but it lies on a disk where others may have been: it is read like anything
 * else, and what does not carry the name of its content counts as absent. Pure.
 */
import { createHash } from 'node:crypto';
import { type Code, isCode } from '../model/codes.ts';
import type { Facts } from '../model/outcome.ts';
import { clip } from '../model/text.ts';
import { parsePemBlocks } from '../pki/x509/pem.ts';
import {
  type Exhibit,
  type ExhibitFinding,
  type ExhibitOutcome,
  type ExpectedKey,
  exhibitId,
  MAX_SIGHTINGS,
  type ObservedKey,
  type Sighting,
} from './exhibit.ts';

const FORMAT = 1;
/** No list that we write is longer; presented lists are bounded by the bytes that a handshake may have. */
const MAX_LIST = 1024;

export function printExhibit(exhibit: Exhibit): string {
  return `${JSON.stringify({ format: FORMAT, ...exhibit }, null, 1)}\n`;
}

/** Null: not an exhibit, or not the one that its id names. */
export function parseExhibit(text: string): Exhibit | null {
  try {
    return readExhibit(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof SyntaxError || thrown instanceof Unreadable) return null;
    throw thrown;
  }
}

/** The same for a value that has been parsed from JSON. */
function readExhibit(value: unknown): Exhibit | null {
  const raw = record(value);
  if (raw['format'] !== FORMAT) return null;
  const verdict = string(raw['verdict']);
  if (verdict !== 'alert' && verdict !== 'block') return null;
  const exhibit: Exhibit = {
    ...named(raw),
    verdict,
    code: codeWord(raw['code']),
    codes: list(raw['codes'], codeWord),
    ...connection(raw),
    findings: list(raw['findings'], finding),
    outcomes: Object.fromEntries(
      Object.entries(record(raw['outcomes'])).map(([key, one]) => [clip(key), outcome(one)]),
    ),
    expected: list(raw['expected'], expected),
    denied: list(raw['denied'], expected),
    path: raw['path'] === null ? null : list(raw['path'], observed),
    nearest: raw['nearest'] === null ? null : list(raw['nearest'], observed),
    presented: list(raw['presented'], string),
    chain: whole(raw['chain']),
    completing: whole(raw['completing']),
    staple: raw['staple'] === null ? null : whole(raw['staple']),
    count: number(raw['count']),
    firstSeen: moment(raw['firstSeen']),
    lastSeen: moment(raw['lastSeen']),
    sightings: list(raw['sightings'], sighting).slice(0, MAX_SIGHTINGS),
  };
  return isItself(exhibit) ? exhibit : null;
}

function named(raw: Raw) {
  return {
    id: string(raw['id']),
    host: string(raw['host']),
    port: number(raw['port']),
    rule: maybe(raw['rule']),
    owner: maybe(raw['owner']),
    mode: maybe(raw['mode']),
    generation: number(raw['generation']),
  };
}

function connection(raw: Raw) {
  return {
    assurance: string(raw['assurance']),
    openssl: string(raw['openssl']),
    address: maybe(raw['address']),
    serverName: maybe(raw['serverName']),
    alpnOffered: list(raw['alpnOffered'], string),
    alpn: maybe(raw['alpn']),
    tlsVersion: maybe(raw['tlsVersion']),
    cipher: maybe(raw['cipher']),
    group: maybe(raw['group']),
    handshakeMs: number(raw['handshakeMs']),
    seenAt: moment(raw['seenAt']),
  };
}

/** The id follows from the content, and the certificates are those that were presented. */
function isItself({ id, host, codes, presented, chain }: Exhibit): boolean {
  if (id !== exhibitId(presented, host, codes)) return false;
  const blocks = parsePemBlocks(chain);
  if (!blocks.ok || blocks.value.length > presented.length) return false;
  return blocks.value.every(
    ({ bytes }, index) => createHash('sha256').update(bytes).digest('hex') === presented[index],
  );
}

/** A value that is not what the field holds. */
class Unreadable extends Error {}

type Raw = Readonly<Record<string, unknown>>;

function record(value: unknown): Raw {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unreadable('not a map');
  return value as Raw;
}

function list<T>(value: unknown, read: (one: unknown) => T): readonly T[] {
  if (!Array.isArray(value) || value.length > MAX_LIST) throw new Unreadable('not a list');
  return value.map((one: unknown) => read(one));
}

/** A text of one line, capped. */
function string(value: unknown): string {
  return clip(whole(value));
}

/** A text as it is: base64 and PEM, which their parsers judge. */
function whole(value: unknown): string {
  if (typeof value !== 'string') throw new Unreadable('not a text');
  return value;
}

function maybe(value: unknown): string | null {
  return value === null ? null : string(value);
}

function number(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Unreadable('not a number');
  return value;
}

function moment(value: unknown): string {
  const text = string(value);
  if (Number.isNaN(Date.parse(text))) throw new Unreadable('not a time');
  return text;
}

function codeWord(value: unknown): Code {
  if (typeof value !== 'string' || !isCode(value)) throw new Unreadable('not a code');
  return value;
}

function finding(value: unknown): ExhibitFinding {
  const raw = record(value);
  const { certificate } = raw;
  return {
    code: codeWord(raw['code']),
    certificate: certificate === null ? null : number(certificate),
    facts: facts(raw['facts']),
  };
}

function facts(value: unknown): Facts {
  return Object.fromEntries(
    Object.entries(record(value)).map(([key, one]) => {
      if (typeof one === 'number' || typeof one === 'boolean') return [clip(key), one];
      return [clip(key), Array.isArray(one) ? list(one, string) : string(one)];
    }),
  );
}

function outcome(value: unknown): ExhibitOutcome {
  const raw = record(value);
  return { is: string(raw['is']), why: maybe(raw['why']) };
}

function expected(value: unknown): ExpectedKey {
  const raw = record(value);
  return {
    scope: string(raw['scope']),
    pin: string(raw['pin']),
    name: maybe(raw['name']),
    group: maybe(raw['group']),
    backup: raw['backup'] === true,
    expires: maybe(raw['expires']),
  };
}

function observed(value: unknown): ObservedKey {
  const raw = record(value);
  return {
    pin: string(raw['pin']),
    subject: string(raw['subject']),
    issuer: string(raw['issuer']),
    sha256: string(raw['sha256']),
    notBefore: maybe(raw['notBefore']),
    notAfter: maybe(raw['notAfter']),
  };
}

function sighting(value: unknown): Sighting {
  const raw = record(value);
  return {
    event: string(raw['event']),
    at: moment(raw['at']),
    client: string(raw['client']),
    group: maybe(raw['group']),
  };
}
