import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { setStage } from '../../src/cli/demo-stage.ts';
import { systemClock } from '../../src/host/clock.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';

it('writes a configuration and a policy that load without a warning, and takes them down again', async () => {
  const stage = await setStage(systemClock);
  const config = loadConfig(readFileSync(stage.configFile, 'utf8'), stage.configFile);
  if (!config.ok) throw new Error(config.mistakes[0]?.message);
  const file = `${stage.directory}/policy.yaml`;
  const source = { path: file, owner: null, mayMatch: null, mayNot: [], file, text: readFileSync(file, 'utf8') };
  const policy = loadPolicy([source], config.value);
  if (!policy.ok) throw new Error(policy.mistakes[0]?.message);
  expect(policy.value.rules.map(({ name }) => name)).toEqual(['good', 'rotated', 'attacked']);
  stage.close();
  expect(existsSync(stage.directory)).toBe(false);
});
