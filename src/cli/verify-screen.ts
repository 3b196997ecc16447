/** The answer of `verify` for people: the path, every check with its reason, the verdict, the next step. */
import { CODES } from '../model/codes.ts';
import { CHECKS, type Facts, type Outcome } from '../model/outcome.ts';
import { clip } from '../model/text.ts';
import type { Certificate } from '../pki/x509/certificate.ts';
import type { Answer, Case } from './offline.ts';

const CHECK_WIDTH = 21;
const WORD_WIDTH = 9;

/** `origin`: where the rule is that was taken from a policy file. */
export function verifyScreen(one: Case, { report, verdict }: Answer, origin: string | null = null): string {
  const path = report.path ?? report.explanatoryPath;
  const lines = [
    `host      ${one.authority.host}`,
    `at        ${new Date(one.atMs).toISOString()}`,
    `anchors   ${one.anchors === null ? 'public' : `${one.anchors.anchors.length} given`}`,
    ...(origin === null ? [] : [`rule      ${one.rule.name}`, `          ${origin}`]),
    '',
    report.path === null ? 'path      none that is valid and ends in an anchor' : 'path',
    ...(report.path === null && path !== null ? ['nearest'] : []),
    ...(path ?? []).flatMap((certificate, depth) => describe(certificate, depth)),
    '',
    'checks',
    ...CHECKS.map((check) => `  ${check.padEnd(CHECK_WIDTH)}${describeOutcome(report.outcomes[check])}`),
    '',
    ...report.findings.flatMap((entry) => [`${entry.code}: ${CODES[entry.code].says}`, ...describeFacts(entry.facts)]),
    ...(report.findings.length === 0 ? [] : ['']),
    `verdict   ${verdict.verdict}${verdict.code === null ? '' : `  ${verdict.code}`}`,
    ...(verdict.code === null ? [] : [`next      ${CODES[verdict.code].next}`]),
  ];
  return `${lines.join('\n')}\n`;
}

function describe(certificate: Certificate, depth: number): readonly string[] {
  const until = Math.abs(certificate.notAfterMs) <= 8.64e15 ? new Date(certificate.notAfterMs).toISOString() : '?';
  return [
    `  ${String(depth).padEnd(2)} ${clip(certificate.subject.text === '' ? '(empty subject)' : certificate.subject.text)}`,
    `     sha256/${certificate.spkiSha256}  until ${until.slice(0, 10)}`,
  ];
}

function describeOutcome(outcome: Outcome): string {
  const word = outcome.is.padEnd(WORD_WIDTH);
  return outcome.why === undefined ? outcome.is : `${word} ${outcome.why}`;
}

function describeFacts(facts: Facts): readonly string[] {
  return Object.entries(facts).flatMap(([name, value]) =>
    Array.isArray(value)
      ? value.map((item) => `  ${name}: ${clip(String(item))}`)
      : [`  ${name}: ${clip(String(value))}`],
  );
}
