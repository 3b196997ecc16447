import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readProbeOptions } from '../../src/cli/probe-options.ts';
import { CommandError, UsageError } from '../../src/cli/usage.ts';
import { capturedIo } from './captured-io.ts';

const folder = mkdtempSync(join(tmpdir(), 'pinwarden-probe-'));
afterAll(() => rmSync(folder, { recursive: true }));
const read = (...argv: readonly string[]) => readProbeOptions(argv, capturedIo(folder));
const hosts = (...argv: readonly string[]) => read(...argv).hosts.map(({ host, port }) => `${host}:${port}`);

describe('readProbeOptions', () => {
  it.each([
    [[]],
    [['a b']],
    [['user@host']],
    [['host:0']],
    [['host:65536']],
    [['::1:443']],
    [['127.1']],
    [['http://host']],
    [['host', '--yaml', '--json']],
    [['host', '--via', 'https://proxy']],
    [['host', '--via', 'a b']],
    [['host', '--resolve', 'host']],
    [['host', '--resolve', 'host:name']],
    [['host', '--resolve', ':127.0.0.1']],
    [['host', '--concurrency', '3']],
  ])('refuses %j', (argv) => {
    expect(() => read(...argv)).toThrow(UsageError);
  });

  it('says what to do when the list cannot be read', () => {
    expect(() => read('-f', 'missing.txt')).toThrow(CommandError);
  });

  it('takes hosts as people paste them, each once', () => {
    expect(
      hosts('Host.Example.', 'host.example:443', 'https://other.example/path?q#f', '[::1]:8443', '127.0.0.1'),
    ).toEqual(['host.example:443', 'other.example:443', '::1:8443', '127.0.0.1:443']);
  });

  it('takes a list: one host a line, with comments', () => {
    writeFileSync(join(folder, 'list.txt'), '# all\n\n  a.example  # first\r\nb.example:8443\n');
    expect(hosts('c.example', '-f', 'list.txt')).toEqual(['c.example:443', 'a.example:443', 'b.example:8443']);
  });

  it('reads the rest', () => {
    const options = read(
      'h',
      '--via',
      'http://proxy:8080/',
      '--resolve',
      'h:127.0.0.1',
      '--resolve',
      'H:[::1]',
      '--json',
    );
    expect(options.via).toEqual({ host: 'proxy', kind: 'name', port: 8080 });
    expect(options.addresses).toEqual(new Map([['h', ['127.0.0.1', '::1']]]));
    expect(options).toMatchObject({ print: 'json', anchors: null, config: undefined });
    expect(read('h', '--via', 'proxy').via?.port).toBe(3128);
    expect(read('h', '--anchors', 'system', '--yaml')).toMatchObject({ anchors: 'system', print: 'yaml' });
    expect(read('h', '--anchors', 'root.pem').anchors).toEqual({ files: [join(folder, 'root.pem')] });
  });
});
