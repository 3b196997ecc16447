/**
 * `node docker/demo/stage.ts DIR`: what the compose file needs before anything starts: a PKI made a moment ago, the
 * proxy's configuration and policy, and its CA, since an image never makes one.
 *
 * Writes DIR/proxy (configuration, policies, CA), DIR/upstreams (keys and chains), DIR/clients (what clients trust).
 * Does nothing when that is there already; leaves live for seven days.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '../../src/host/clock.ts';
import { createCa, loadCa, type MintingCa } from '../../src/minting/ca.ts';
import { mintLeaf } from '../../src/minting/leaf.ts';
import { createLeafKeys, type LeafKey } from '../../src/minting/leaf-key.ts';

const DAYS = 7;
const [directory = '/stage'] = process.argv.slice(2);
const nowMs = systemClock.nowMs();

function write(file: string, text: string, mode = 0o644): void {
  const path = join(directory, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

function makeCa(commonName: string): MintingCa & { readonly keyPem: string } {
  const { certificatePem, keyPem } = createCa({ commonName, nowMs, days: DAYS });
  return { ...loadCa(certificatePem, keyPem, nowMs), keyPem };
}

const newKey = (): LeafKey => createLeafKeys(systemClock).current();
const pinOf = (spki: Buffer): string => `sha256/${createHash('sha256').update(spki).digest('base64')}`;

function writeUpstream(name: string, ca: MintingCa, key: LeafKey): void {
  const leaf = mintLeaf(ca, key, { host: `${name}.demo.test`, kind: 'name', port: 8443 }, nowMs);
  write(`upstreams/${name}.pem`, key.keyPem() + leaf.certificatePem + ca.certificatePem, 0o600);
}

function policyText(trusted: MintingCa, oldKey: LeafKey): string {
  // The networks that container engines give out.
  const common = `    checks: { publicRoot: off, ct: off, staple: off, crl: off }
    allowPrivate: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16]`;
  return `version: 1
pinGroups:
  demo-cas:
    pins:
      - { key: "sha256/${trusted.spkiSha256}", name: "Demo Trusted CA" }
      - { key: "${pinOf(Buffer.from('a key kept in a safe'))}", name: "Demo CA in the safe", backup: true }
rules:
  # Shows the CA that is pinned.
  - name: good
    match: [good.demo.test]
    onFailure: block
    pins: { anyOf: [{ ca: demo-cas }] }
${common}
  # Renewed its certificate with a new key; the rule still pins the old one.
  - name: rotated
    match: [rotated.demo.test]
    onFailure: alert
    pins: { anyOf: [{ leaf: "${pinOf(oldKey.spki)}" }] }
${common}
  # Somebody in the middle has a certificate of another CA that the machine trusts.
  - name: attacked
    match: [attacked.demo.test]
    onFailure: block
    pins: { anyOf: [{ ca: demo-cas }] }
${common}
`;
}

const CONFIG = `# Written by docker/demo/stage.ts. Mounted over /etc/pinwarden of the image.
version: 1
listen: [{ address: 0.0.0.0, port: 3128 }]
metrics: { address: 0.0.0.0, port: 9464 }
state: /var/lib/pinwarden
audit: { file: /var/lib/pinwarden/audit.ndjson, onFull: block }
ca: { certificateFile: ca/tls.crt, keyFile: ca/tls.key, create: never }
anchors: [anchors.pem]
egress: { ports: [8443] }
unmatched: { action: deny }
policies: [policies]
workers: 2
limits: { drainDelayMs: 1000, drainTimeoutMs: 5000 }
`;

if (existsSync(join(directory, 'proxy/pinwarden.yaml'))) {
  process.stdout.write('the stage is set already; `docker compose down -v` clears it\n');
} else {
  const trusted = makeCa('Demo Trusted CA');
  const other = makeCa('Demo Other Trusted CA');
  const own = makeCa('Pinwarden Demo CA');
  writeUpstream('good', trusted, newKey());
  writeUpstream('rotated', trusted, newKey());
  writeUpstream('attacked', other, newKey());
  write('clients/ca.pem', own.certificatePem);
  write('proxy/ca/tls.crt', own.certificatePem);
  write('proxy/ca/tls.key', own.keyPem, 0o600);
  write('proxy/anchors.pem', trusted.certificatePem + other.certificatePem);
  write('proxy/policies/demo.yaml', policyText(trusted, newKey()));
  // Last: its being there says that all is.
  write('proxy/pinwarden.yaml', CONFIG);
  process.stdout.write(`the stage is set for ${DAYS} days\n`);
}
