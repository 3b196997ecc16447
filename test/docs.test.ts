/** What the documents show must work: the policy of the README loads, and the commands it lists exist. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { COMMANDS } from '../src/cli/commands.ts';
import { loadConfig, loadPolicy } from '../src/policy/load.ts';
import { printMistake } from '../src/policy/mistakes.ts';

const path = (file: string) => fileURLToPath(new URL(`../${file}`, import.meta.url));
const read = (file: string) => readFileSync(path(file), 'utf8');

const groups = readdirSync(path('config/groups'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => ({ file: path(`config/groups/${file}`), text: read(`config/groups/${file}`) }));

const blocksOf = (text: string, language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1] ?? '');

it('the policy of the README loads without a mistake or a warning', () => {
  const config = loadConfig(read('config/pinwarden.yaml'), path('config/pinwarden.yaml'));
  if (!config.ok) throw new Error('config/pinwarden.yaml does not load');
  const [policy = ''] = blocksOf(read('README.md'), 'yaml');
  const file = path('config/policies/bank.yaml');
  const source = { path: file, owner: null, mayMatch: null, mayNot: [], file, text: policy };
  const loaded = loadPolicy([source], config.value, groups);
  const mistakes = loaded.ok ? loaded.warnings : loaded.mistakes;
  expect(mistakes.map((mistake) => printMistake(mistake, policy))).toEqual([]);
  expect(loaded.ok && loaded.value.rules.map((rule) => rule.name)).toEqual(['bank', 'cdn']);
});

it('the README lists the commands that exist, in the order of help', () => {
  const [section = ''] = /^## Commands$[\s\S]*?(?=^## )/m.exec(read('README.md')) ?? [];
  const listed = [...section.matchAll(/^\| `([a-z]+)[^|]*\|/gm)].map(([, command]) => command);
  expect(listed).toEqual(Object.keys(COMMANDS));
});

it('commands are such as they can be typed where node is older, or npx takes options for its own', () => {
  const directories = ['.', 'config', 'docker', 'docker/runbooks'];
  const files = directories.flatMap((one) => readdirSync(path(one)).map((name) => `${one}/${name}`));
  const texts = files.filter((file) => file.endsWith('.md')).map((file) => ({ file, text: read(file) }));
  expect(texts.length).toBeGreaterThan(30);
  // The first word behind the command must be no option: npx would read it.
  const wrong = /npx --no [\w-]+ -\S*|(?:^|`|\$ )node [\w./-]+\.ts/gm;
  expect(texts.flatMap(({ file, text }) => [...text.matchAll(wrong)].map(([line]) => `${file}: ${line}`))).toEqual([]);
});

it('the demo of the README tells the same story as the demo', () => {
  const [, shown = ''] = /\$ npm run demo\n([\s\S]*?)```/.exec(read('README.md')) ?? [];
  const verdicts = [...shown.matchAll(/^[+!x] (\S+) +(ALLOW|ALERT|BLOCK)/gm)].map(([, host, verdict]) => [
    host,
    verdict,
  ]);
  expect(verdicts).toEqual([
    ['good.demo.test', 'ALLOW'],
    ['rotated.demo.test', 'ALERT'],
    ['attacked.demo.test', 'BLOCK'],
    ['inspected.demo.test', 'BLOCK'],
  ]);
});
