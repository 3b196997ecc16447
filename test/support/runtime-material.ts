/** Material of one generation as the supervisor hands it to workers, and a supervisor in a directory of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { systemClock } from '../../src/host/clock.ts';
import { createCa } from '../../src/minting/ca.ts';
import type { CaPairMaterial, GenerationMaterial, StartMessage } from '../../src/runtime/messages.ts';
import type { Supervisor } from '../../src/runtime/supervisor.ts';
import { startSupervisor } from '../../src/runtime/supervisor-start.ts';

const FROZEN = readFileSync(new URL('../../config/anchors/public.json', import.meta.url), 'utf8');

/** Without rules unless given as texts of files. */
export function materialWith(fields: {
  readonly config?: object;
  readonly policies?: readonly string[];
  readonly number?: number;
  readonly anchors?: string;
  readonly dir?: string;
}): GenerationMaterial {
  const dir = fields.dir ?? '/test';
  const config = {
    version: 1,
    policies: [],
    ...(fields.anchors === undefined ? {} : { anchors: ['roots.pem'] }),
    ...fields.config,
  };
  return {
    number: fields.number ?? 1,
    sha256: `generation-${fields.number ?? 1}`,
    config: { file: join(dir, 'pinwarden.yaml'), text: JSON.stringify(config) },
    sources: (fields.policies ?? []).map((text, index) => {
      const file = join(dir, `p${index}.yaml`);
      return { path: file, owner: null, mayMatch: null, mayNot: [], file, text };
    }),
    shippedGroups: [],
    trust: {
      publicAnchors: FROZEN,
      systemAnchors: null,
      anchorFiles: fields.anchors === undefined ? [] : [{ file: join(dir, 'roots.pem'), text: fields.anchors }],
      logList: null,
      crls: [],
      ownCas: [],
    },
    ca: { current: newCaMaterial(), next: null },
  };
}

/** A CA that is made for this test. */
export function newCaMaterial(commonName = 'Test CA'): CaPairMaterial {
  return { ...createCa({ commonName, nowMs: systemClock.nowMs(), days: 1 }), chainPem: '' };
}

export function startMessageWith(material: GenerationMaterial, listenFds: readonly number[] = []): StartMessage {
  return { kind: 'start', worker: 1, material, ticketKeys: Buffer.alloc(48, 7), listenFds, own: [] };
}

export interface RunningSupervisor {
  readonly supervisor: Supervisor;
  readonly dir: string;
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** `files`: name → text; `pinwarden.yaml` gets free ports, and two workers unless it says otherwise. */
export async function runSupervisor(
  config: Readonly<Record<string, unknown>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<RunningSupervisor> {
  const dir = mkdtempSync(join(tmpdir(), 'supervisor-'));
  const whole = {
    version: 1,
    listen: [{ address: '127.0.0.1', port: 0 }],
    metrics: { address: '127.0.0.1', port: 0 },
    policies: [],
    workers: 2,
    ...config,
  };
  writeFileSync(join(dir, 'pinwarden.yaml'), JSON.stringify(whole));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  const lines: string[] = [];
  try {
    const supervisor = await startSupervisor({
      configPath: join(dir, 'pinwarden.yaml'),
      clock: systemClock,
      pause: async (durationMs) => pause(durationMs),
      log: (line) => lines.push(line),
      versions: { version: 'test', node: '26', openssl: '3' },
      workerEnv: {},
      cores: 2,
      uid: null,
    });
    const stop = async () => {
      await supervisor.drain(100);
      rmSync(dir, { recursive: true, force: true });
    };
    return { supervisor, dir, lines, stop };
  } catch (thrown) {
    rmSync(dir, { recursive: true, force: true });
    throw thrown;
  }
}
