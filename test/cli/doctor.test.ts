import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runDoctor } from '../../src/cli/doctor.ts';
import { runInit } from '../../src/cli/init.ts';
import { startHouse } from '../support/house.ts';
import { authority } from '../support/test-ca.ts';
import { emptyPlace, type Place } from './place.ts';

let here: Place;
beforeEach(() => {
  here = emptyPlace();
});
afterEach(() => here.remove());

interface Answer {
  readonly ok: boolean;
  readonly items: readonly {
    readonly name: string;
    readonly is: string;
    readonly says: string;
    readonly next: string | null;
  }[];
}

async function doctor(...argv: readonly string[]): Promise<{ exit: number; answer: Answer }> {
  const { exit, out } = await here.run(runDoctor, [...argv, '--json']);
  return { exit, answer: JSON.parse(out) as Answer };
}

/** Ports that no proxy of this machine has by accident. */
const quietly = (text: string) => text.replace('port: 3128', 'port: 0').replace(/^metrics:.*$/m, 'metrics: off');

describe('doctor', () => {
  it('refuses what it does not know', async () => {
    expect((await here.run(runDoctor, ['now'])).exit).toBe(2);
  });

  it('fails without an installation, and says how to get one', async () => {
    const { exit, out } = await here.run(runDoctor, []);
    expect(exit).toBe(1);
    expect(out).toMatch(/fail files .*\n +next: pinwarden init/);
    expect(out).toContain('not fit: 1 failure');
  });

  it('fails when trust cannot be read', async () => {
    await here.run(runInit, []);
    writeFileSync(here.path('a.yaml'), 'version: 1\nanchors: [missing.pem]\nmetrics: off\n');
    const { exit, answer } = await doctor('-c', 'a.yaml');
    expect(exit).toBe(1);
    expect(answer.items.find(({ name }) => name === 'trust')).toMatchObject({ is: 'fail' });
  });

  it('lets a rogue endpoint try, and finds a fresh installation fit', async () => {
    await here.run(runInit, []);
    const file = here.path('config/pinwarden.yaml');
    writeFileSync(file, quietly(readFileSync(file, 'utf8')));
    const { exit, answer } = await doctor();
    expect(answer.items.filter(({ is }) => is === 'fail')).toEqual([]);
    expect(exit).toBe(0);
    const tested = answer.items.find(({ name }) => name === 'self-test');
    expect(tested).toMatchObject({ is: 'ok', says: expect.stringContaining('chain.private-root') as string });
    for (const item of answer.items) expect(item.next === null, item.name).toBe(item.is === 'ok');
  });

  it('finds a running proxy ready', async () => {
    const rules = [{ name: 'one', match: ['one.test'] }];
    const house = await startHouse({ anchors: authority().pem, upstreams: [], rules });
    const { exit, answer } = await doctor('-c', `${house.dir}/pinwarden.yaml`);
    await house.stop();
    const found = answer.items.filter(({ name }) => ['listeners', 'ready', 'refusals'].includes(name));
    expect(found.map(({ is }) => is)).toEqual(['ok', 'ok', 'ok']);
    expect(found[0]?.says).toContain('the proxy listens on');
    expect(exit).toBe(0);
  });
});
