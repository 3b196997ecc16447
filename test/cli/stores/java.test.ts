import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { javaStoreFile, javaStores } from '../../../src/cli/stores/java.ts';
import { carryOut } from '../../../src/cli/stores/machine.ts';
import { nameOf } from '../../../src/cli/stores/store.ts';
import { describeWith } from '../../support/tools.ts';
import { type Lab, openLab } from './store-support.ts';

let lab: Lab;
beforeEach(() => {
  lab = openLab();
});
afterEach(() => lab.close());

describe('the Java store', () => {
  it('is not there without keytool', () => {
    lab.makeDirectory('jdk');
    expect(javaStores(lab.machine())).toEqual([]);
    expect(javaStores(lab.machine({ JAVA_HOME: join(lab.dir, 'jdk') }))).toEqual([]);
  });

  it("is JAVA_HOME's, of Java 8 as well, else the shared one, else the one that keytool knows", () => {
    lab.fakeTool('keytool');
    lab.fakeTool('jdk/bin/keytool');
    const env = { JAVA_HOME: join(lab.dir, 'jdk') };
    expect(javaStores(lab.machine())[0]).toMatchObject({ where: 'cacerts', missing: null });
    const shared = join(lab.makeDirectory('etc/ssl/certs/java'), 'cacerts');
    writeFileSync(shared, '');
    expect(javaStoreFile(lab.machine(env))).toBe(shared);
    const old = join(lab.makeDirectory('jdk/jre/lib/security'), 'cacerts');
    writeFileSync(old, '');
    expect(javaStores(lab.machine(env))[0]?.where).toBe(old);
    expect(javaStores(lab.machine())[0]?.where).toBe(shared);
  });
});

describeWith(['keytool'], 'a real key store', () => {
  it('takes the CA, and gives it back', () => {
    const security = lab.makeDirectory('jdk/lib/security');
    const file = join(security, 'cacerts');
    const keytool = execFileSync('sh', ['-c', 'command -v keytool'], { encoding: 'utf8' }).trim();
    lab.makeDirectory('jdk/bin');
    execFileSync('ln', ['-s', keytool, join(lab.dir, 'jdk/bin/keytool')]);
    const [ca, other] = [lab.ca('One CA'), lab.ca('Other CA')];
    const fixed = ['-keystore', file, '-storepass', 'changeit', '-noprompt'];
    execFileSync('keytool', ['-importcert', ...fixed, '-alias', 'other', '-file', other.file], { stdio: 'ignore' });
    expect(existsSync(file)).toBe(true);
    const machine = lab.machine({ JAVA_HOME: join(lab.dir, 'jdk'), PATH: process.env['PATH'] ?? '' });
    const [store] = javaStores(machine);
    expect(store!.holds(ca)).toBe(false);
    expect(carryOut(store!.install(ca), machine)).toBeNull();
    expect(store!.holds(ca)).toBe(true);
    // As Debian's hook leaves it behind when the system's store lets go of the CA.
    const copied = ['-alias', `debian:${nameOf(ca)}.pem`, '-file', ca.file];
    execFileSync('keytool', ['-importcert', ...fixed, ...copied], { stdio: 'ignore' });
    expect(carryOut(store!.uninstall(ca), machine)).toBeNull();
    expect(store!.uninstall(ca)).toEqual([]);
    expect(execFileSync('keytool', ['-list', ...fixed], { encoding: 'utf8' })).not.toContain('pinwarden');
    // Eleven Java VMs, on a machine that does other things as well.
  }, 120_000);
});
