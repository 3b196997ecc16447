import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/policy/load.ts';
import { lookAtCas, makeMissingCa, openCas } from '../../src/runtime/ca-files.ts';
import { Generations } from '../../src/runtime/generations.ts';
import { type TestClock, testClock } from '../support/clock.ts';
import { authority } from '../support/test-ca.ts';

let dir: string;
let generations: Generations;
let clock: TestClock;
const at = (name: string) => join(dir, name);
const CONFIG = 'version: 1\npolicies: [a.yaml, b.yaml]\nanchors: [roots.pem]\n';
const rules = (...names: readonly string[]) =>
  `version: 1\nrules:\n${names.map((name) => `  - { name: ${name}, match: [${name}.example], onFailure: block }\n`).join('')}`;

beforeEach(() => {
  clock = testClock();
  dir = mkdtempSync(join(tmpdir(), 'generations-'));
  writeFileSync(at('pinwarden.yaml'), CONFIG);
  writeFileSync(at('a.yaml'), rules('a'));
  writeFileSync(at('b.yaml'), rules('b'));
  writeFileSync(at('roots.pem'), authority({ cn: 'Root' }).pem);
  generations = make();
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function make(): Generations {
  return new Generations({
    configPath: at('pinwarden.yaml'),
    clock,
    pause: async () => undefined,
    shippedGroups: () => [],
    lookAtCas: (config, before) => lookAtCas(config, before, clock.nowMs(), null),
  });
}

function start(of: Generations, lastGood: Parameters<Generations['start']>[2] = null, text = CONFIG) {
  const config = loadConfig(text, at('pinwarden.yaml'));
  if (!config.ok) throw new Error(config.mistakes[0]?.message);
  makeMissingCa(config.value.ca, clock.nowMs());
  const cas = openCas(config.value.ca, clock.nowMs(), null);
  return of.start(config.value, { file: at('pinwarden.yaml'), text }, lastGood, cas);
}

describe('a writer that pauses', () => {
  /** More than two reads apart. */
  const PAUSE_MS = 900;
  const policy = (more: string) => `version: 1
rules:
  - name: b2
    match: ["b2.example:8443"]
    mode: bypass
    reason: moved to another place
  - name: b3
    match: [b3.example]
${more}`;
  const PRIVATE = '    allowPrivate: [127.0.0.0/8]\n    metricsGroup: bank\n';
  const WHOLE = policy(PRIVATE);

  it.each([
    ['the same text', WHOLE],
    ['another text', policy(PRIVATE.replace('bank', 'other'))],
    ['a text that was shorter', WHOLE.slice(0, WHOLE.indexOf('  - name: b3'))],
    ['a new file', null],
  ])(
    'over %s never has the beginning of a line in force, and has the whole text at once in the end',
    // Some hundred lengths, each of which is read, judged and taken four times.
    { timeout: 600_000 },
    async (_what, before) => {
      mkdirSync(at('p'));
      renameSync(at('a.yaml'), at('p/a.yaml'));
      const file = at('p/b.yaml');
      // With a small public set, since it is parsed for each judgement.
      const text = `${CONFIG.replace('[a.yaml, b.yaml]', '[p]')}publicAnchors: [roots.pem]\n`;
      writeFileSync(at('pinwarden.yaml'), text);
      let one = make();
      for (let length = 0; length < WHOLE.length; length += before === WHOLE ? 1 : 4) {
        if (before === null) rmSync(file, { force: true });
        else writeFileSync(file, before);
        if (one.current === null || before !== WHOLE) {
          one = make();
          start(one, null, text);
        }
        const running = one.current?.sources.find((source) => source.file === file)?.text;
        const prefix = WHOLE.slice(0, length);
        writeFileSync(file, prefix);
        for (let look = 0; look < 3; look += 1) {
          await one.reload();
          clock.advance(PAUSE_MS);
        }
        const inForce = one.current?.sources.find((source) => source.file === file)?.text;
        const lacksWhiteSpace = prefix !== '' && WHOLE.slice(length).trim() === '';
        if (!prefix.endsWith('\n') && !lacksWhiteSpace) expect(inForce, `cut to ${length}`).toBe(running);
        writeFileSync(file, WHOLE);
        const step = await one.reload();
        expect('refused' in step ? step.refused : [], `after a cut to ${length}`).toEqual([]);
        expect(one.current?.sources.find((source) => source.file === file)?.text).toBe(WHOLE);
        expect(one.current).toMatchObject({ held: [], waiting: [] });
      }
    },
  );

  it('for longer than 3 s has a text in force that ends with a line, and can still go on for a minute', async () => {
    const shorter = policy('');
    writeFileSync(at('b.yaml'), WHOLE);
    start(generations);
    writeFileSync(at('b.yaml'), shorter);
    expect(await generations.reload()).toEqual({ kind: 'waiting' });
    expect(generations.current).toMatchObject({ number: 1, waiting: [at('b.yaml')], held: [] });
    expect(generations.nextLookMs).toBe(3_000);
    clock.advance(2_999);
    expect(await generations.reload()).toEqual({ kind: 'unchanged', refused: [] });
    clock.advance(1);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [], generation: { waiting: [] } });
    expect(generations.nextLookMs).toBeNull();
    clock.advance(59_999);
    writeFileSync(at('b.yaml'), WHOLE);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    writeFileSync(at('b.yaml'), shorter);
    await generations.reload();
    clock.advance(3_000);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted' });
    clock.advance(60_000);
    writeFileSync(at('b.yaml'), WHOLE);
    expect(await generations.reload(), 'after a minute it is what runs').toMatchObject({ kind: 'refused' });
  });

  it('of pinwarden.yaml neither, and going back is no weakening', async () => {
    const whole = `${CONFIG}unmatched: { onFailure: alert }\n`;
    writeFileSync(at('pinwarden.yaml'), whole);
    start(generations, null, whole);
    writeFileSync(at('pinwarden.yaml'), whole.slice(0, -4));
    expect(await generations.reload()).toMatchObject({
      kind: 'refused',
      refused: [{ message: expect.stringContaining('cut off'), place: { file: at('pinwarden.yaml'), line: 4 } }],
    });
    writeFileSync(at('pinwarden.yaml'), CONFIG);
    expect(await generations.reload()).toEqual({ kind: 'waiting' });
    expect(generations.current).toMatchObject({ number: 1, waiting: [at('pinwarden.yaml')] });
    clock.advance(3_000);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted' });
    expect(generations.current?.configFile.text).toBe(CONFIG);
    writeFileSync(at('pinwarden.yaml'), whole);
    expect(await generations.reload()).toMatchObject({ kind: 'accepted', refused: [] });
    expect(generations.current?.configFile.text).toBe(whole);
    clock.advance(60_000);
    writeFileSync(at('pinwarden.yaml'), `${CONFIG}unmatched: { mode: bypass, reason: none }\n`);
    expect(await generations.reload()).toMatchObject({ kind: 'refused' });
  });

  it('is met at a start as well: what was cut off inside a line does not run', async () => {
    const sources = [
      { file: at('a.yaml'), text: rules('a') },
      { file: at('b.yaml'), text: WHOLE },
    ];
    const lastGood = { number: 1, config: { file: at('pinwarden.yaml'), text: CONFIG }, sources };
    writeFileSync(at('b.yaml'), WHOLE.slice(0, WHOLE.indexOf('nk\n')));
    expect(start(generations, lastGood)).toMatchObject({
      kind: 'accepted',
      refused: [{ message: expect.stringContaining('cut off') }],
    });
    const half = { ...lastGood, config: { file: at('pinwarden.yaml'), text: `${CONFIG}workers: 12\n` } };
    expect(start(make(), half, `${CONFIG}workers: 1`)).toMatchObject({ kind: 'refused' });
    writeFileSync(at('b.yaml'), policy(''));
    const other = make();
    start(other, lastGood);
    writeFileSync(at('b.yaml'), WHOLE);
    expect(await other.reload()).toMatchObject({ kind: 'accepted', refused: [] });
  });
});
