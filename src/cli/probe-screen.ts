/** The answer of `probe` for people: a block for each of a few hosts, a line for each of many. */
import { CODES, type Code } from '../model/codes.ts';
import { CHECKS, type CheckName, type Facts, type Outcome } from '../model/outcome.ts';
import { clip } from '../model/text.ts';
import { day, daysLeft, type Link, linksOf, type Probed, unreachedWords, type Word } from './probe-facts.ts';
import type { Glass, Seen, View } from './probe-look.ts';
import { nextAfter } from './probe-yaml.ts';
import { plural, type Screen, type Tone } from './screen.ts';

const TONES: Readonly<Record<Word, Tone>> = { good: 'good', bad: 'bad', unreached: 'warn' };
const OUTCOME_TONES: Readonly<Record<Outcome['is'], Tone>> = {
  pass: 'good',
  fail: 'bad',
  absent: 'quiet',
  skipped: 'quiet',
};
/** From here on a certificate ends soon: automatic renewal has begun before (a third of 90 days). */
const SOON_DAYS = 21;
/** From this width on a certificate takes two lines, not three. */
const WIDE = 132;
const SUBJECT_WIDTH = 60;
/** The longest of the four words, and a space. */
const OUTCOME_WIDTH = 8;
/** The rule of a probe has no word for these. */
const NOT_ASKED: ReadonlySet<CheckName> = new Set(['pins', 'certificatePolicies', 'continuity']);

/** Several lines about one host. */
export function probedBlock(probed: Probed, glass: Glass, screen: Screen): string {
  const { target, word, code, comparison } = probed;
  const lines = [
    `${screen.paint('strong', target)}  ${screen.paint(TONES[word], word)}${code === null ? '' : `  ${code}`}`,
    ...probed.views.flatMap((view) => viewLines(view, probed, glass, screen)),
  ];
  if (comparison !== null) {
    const tone = comparison.is === 'different' ? 'bad' : comparison.is === 'same' ? 'good' : 'warn';
    lines.push(...screen.wrap('  compared  ', comparison.says).map(painted('compared', tone, screen)));
  }
  return `${lines.join('\n')}\n`;
}

function viewLines(view: View, { word }: Probed, glass: Glass, screen: Screen): readonly string[] {
  const way = view.via === null ? 'direct' : `via ${view.via.host}:${view.via.port}`;
  if (view.kind === 'unreached') {
    return [
      ...screen
        .wrap(`  ${way}: `, `${view.code}, ${unreachedWords(view).says}`)
        .map(painted(view.code, 'warn', screen)),
      ...factLines(view.facts, screen),
      ...screen.wrap('  next      ', unreachedWords(view).next),
    ];
  }
  const { evidence, report, verdict } = view;
  const session = [evidence.tlsVersion, evidence.cipher, evidence.group, evidence.alpn].filter((one) => one !== null);
  return [
    screen.fit(`  ${way}: ${evidence.address ?? '-'}, ${Math.round(evidence.handshakeMs)} ms`),
    screen.fit(`  ${session.join(', ')}`),
    ...(view.decides === undefined ? [] : screen.wrap('  rule      ', view.decides)),
    ...(view.refused ?? []).flatMap((code) => refusedLines(code, screen)),
    `  ${chainTitle(report.path !== null, word === 'good', screen)}`,
    ...linksOf(view, glass, word === 'good').flatMap((link, depth) =>
      linkLines(link, depth, evidence.seenAtMs, screen),
    ),
    ...checkLines(view, screen),
    ...(verdict.code === null ? [] : screen.wrap('  next      ', nextAfter(verdict.code))),
  ];
}

/** Whatever the chain is: the proxy would not come to see it. */
function refusedLines(code: Code, screen: Screen): readonly string[] {
  const { says, next } = CODES[code];
  const lines = screen.wrap('  refused   ', `the proxy would refuse: ${code}, ${says}; ${next}`);
  return lines.map(painted(code, 'bad', screen));
}

/** A word is painted after its line was wrapped: colours take no columns. */
function painted(word: string, tone: Tone, screen: Screen): (line: string) => string {
  return (line) => line.replace(word, () => screen.paint(tone, word));
}

function chainTitle(isValid: boolean, isGood: boolean, screen: Screen): string {
  if (isGood) return 'path, verified, leaf first';
  const what = isValid ? 'path, valid, but' : `presented, no valid path to an anchor:`;
  return `${screen.paint('bad', what)} do not pin its keys`;
}

function linkLines(link: Link, depth: number, nowMs: number, screen: Screen): readonly string[] {
  const { subject, issuer, pin, fingerprint, key } = link;
  const left = daysLeft(link.notAfterMs, nowMs);
  const tone = left < 0 ? 'bad' : left < SOON_DAYS ? 'warn' : 'quiet';
  const ends = screen.paint(tone, left < 0 ? `ended ${day(link.notAfterMs)}` : `to ${day(link.notAfterMs)}`);
  // 64 hex characters leave no room for the rest at 80 columns; half of them names a certificate as well.
  const name = pin === null ? `certificate ${fingerprint.slice(0, 32)}…` : screen.paint('strong', pin);
  const head = `  ${screen.paint('strong', String(depth))} `;
  const by = `issued by ${issuer}`;
  if (screen.width < WIDE) {
    return [
      `${head}${screen.fit(subject, screen.width - 4)}`,
      `    ${name} ${key.padEnd(8)} ${ends}`,
      `    ${screen.paint('quiet', screen.fit(`${link.from}, ${by}`, screen.width - 4))}`,
    ];
  }
  return [
    `${head}${screen.cell(subject, SUBJECT_WIDTH)} ${screen.paint('quiet', screen.fit(by, screen.width - SUBJECT_WIDTH - 5))}`,
    `    ${name}  ${key.padEnd(8)}  from ${day(link.notBeforeMs)} ${ends} (${left} days)  ${link.from}`,
  ];
}

function checkLines({ report, decides }: Seen, screen: Screen): readonly string[] {
  const asked = CHECKS.filter((check) => decides !== undefined || !NOT_ASKED.has(check));
  const nameWidth = Math.max(...asked.map((check) => check.length));
  const lines = asked.map((check) => {
    const outcome = report.outcomes[check];
    const says = summary(outcome);
    const word = screen.paint(OUTCOME_TONES[outcome.is], outcome.is);
    const gap = ' '.repeat(OUTCOME_WIDTH - outcome.is.length);
    const fitted = screen.fit(says, screen.width - nameWidth - OUTCOME_WIDTH - 4);
    return `  ${check.padEnd(nameWidth)} ${word}${says === '' ? '' : `${gap} ${fitted}`}`;
  });
  const leaf = report.findings.flatMap((entry) => [
    `  ${screen.paint('bad', entry.code)}`,
    ...screen.wrap('    ', CODES[entry.code].says),
    ...factLines(entry.facts, screen),
  ]);
  return [...lines, ...leaf];
}

/** The few facts that fit on a line. */
function summary(outcome: Outcome): string {
  if (outcome.is === 'skipped') return outcome.why;
  const { facts } = outcome;
  const number = (name: string): string | null => (facts?.[name] === undefined ? null : String(facts[name]));
  const parts = [
    outcome.is === 'pass' ? null : outcome.why,
    number('root'),
    number('have') === null ? null : `${number('have')} of ${number('need') ?? '?'} timestamps`,
    number('thisUpdate') === null ? null : `of ${number('thisUpdate')?.slice(0, 10)}`,
    number('days') === null ? null : `${number('days')} days of at most ${number('limitDays')}`,
  ];
  return parts.filter((part) => part !== null).join(', ');
}

const FACTS_MAX = 6;

/** Without the fact `key`: a pin that is no pin to use has no place on the screen. */
function factLines(facts: Facts, screen: Screen): readonly string[] {
  const shown = Object.entries(facts).filter(([name]) => name !== 'key');
  const pairs = shown.flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one: unknown) => `    ${name}: ${String(one)}`),
  );
  return pairs.slice(0, FACTS_MAX).map((line) => screen.fit(line));
}

const WORD_WIDTH = 9;
const TARGET_WIDTH = 34;

/** One line about one host. */
export function probedLine(probed: Probed, screen: Screen): string {
  const seen = probed.views.findLast((view) => view.kind === 'seen');
  const path = seen?.report.path ?? null;
  const leaf = path?.[0];
  const issuer = path?.[1];
  const says = [
    probed.code ?? (probed.comparison?.is === 'different' ? probed.comparison.says : null),
    leaf === undefined || seen === undefined ? null : `${daysLeft(leaf.notAfterMs, seen.evidence.seenAtMs)} d left`,
    issuer === undefined ? null : clip(issuer.subject.text),
  ];
  const word = screen.paint(TONES[probed.word], probed.word.padEnd(WORD_WIDTH));
  const rest = says.filter((one) => one !== null).join(', ');
  const target = probed.target.padEnd(TARGET_WIDTH);
  return `${word} ${target} ${screen.fit(rest, screen.width - WORD_WIDTH - target.length - 2)}\n`;
}

/** The last line about many hosts. */
export function probedTotal(all: readonly Probed[]): string {
  const count = (word: Word): number => all.filter((one) => one.word === word).length;
  return `${plural(all.length, 'host')}: ${count('good')} good, ${count('bad')} bad, ${count('unreached')} unreached\n`;
}
