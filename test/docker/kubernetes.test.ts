/**
 * The manifests against the schemas of Kubernetes and of the Prometheus operator, and against what the proxy needs.
 * Kustomize is played for what the tree uses of it: resources, namespace, generators.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as autoscaling from 'kubernetes-models/autoscaling/v2';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { prometheusRule } from '../../docker/kubernetes/generate.ts';
import { loadConfig, loadPolicy } from '../../src/policy/load.ts';
import { shippedGroups } from '../../src/runtime/supervisor-start.ts';
import { run } from '../support/client.ts';
import { describeWith, hasTool } from '../support/tools.ts';
import { ROOT } from './dockerfile.ts';

const AT = join(ROOT, 'docker/kubernetes');

// biome-ignore lint/suspicious/noExplicitAny: manifests are trees that the schemas check
type Tree = any; // oxlint-disable-line typescript/no-explicit-any

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [key: string]: Tree;
}

interface Kustomization {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly resources?: readonly string[];
  readonly generatorOptions?: {
    readonly disableNameSuffixHash?: boolean;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly configMapGenerator?: readonly { readonly name: string; readonly files: readonly string[] }[];
}

type Schemas = Readonly<Record<string, new (tree: Tree) => { validate(): void }>>;

/** By `apiVersion`. */
const SCHEMAS: Readonly<Record<string, Schemas>> = Object.fromEntries(
  Object.entries({
    v1: core,
    'apps/v1': apps,
    'autoscaling/v2': autoscaling,
    'monitoring.coreos.com/v1': monitoring,
    'networking.k8s.io/v1': networking,
    'policy/v1': policy,
  }).map(([version, kinds]) => [version, { ...kinds } as unknown as Schemas]),
);

const KNOWN = ['apiVersion', 'kind', 'namespace', 'resources', 'generatorOptions', 'configMapGenerator'];

function build(directory: string): readonly Manifest[] {
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  const kustomization = parse(read('kustomization.yaml')) as Kustomization;
  expect(
    Object.keys(kustomization).filter((key) => !KNOWN.includes(key)),
    'the test does not play these',
  ).toEqual([]);
  const { namespace, resources = [], configMapGenerator = [], generatorOptions } = kustomization;
  const built = resources.flatMap((one): readonly Manifest[] =>
    existsSync(join(directory, one, 'kustomization.yaml'))
      ? build(join(directory, one))
      : [parse(read(one)) as Manifest],
  );
  const maps = configMapGenerator.map(({ name, files }): Manifest => {
    // Kustomize reads no file above its kustomization.
    for (const file of files) expect(relative(directory, join(directory, file))).not.toMatch(/^\.\./);
    const data = Object.fromEntries(files.map((file) => [basename(file), read(file)]));
    const { labels } = generatorOptions ?? {};
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, ...(labels === undefined ? {} : { labels }) },
      data,
    };
  });
  return [...built, ...maps].map((one) =>
    namespace === undefined || one.kind === 'Namespace' ? one : { ...one, metadata: { ...one.metadata, namespace } },
  );
}

const all = [...build(AT), ...build(join(AT, 'client'))];
const the = (kind: string, name = 'pinwarden') =>
  all.find((one) => one.kind === kind && one.metadata.name === name) ?? expect.fail(`no ${kind} ${name}`);
const deployment = the('Deployment');
const pod = deployment['spec'].template.spec;
const [container] = pod.containers;
const configText = the('ConfigMap', 'pinwarden-config')['data']['pinwarden.yaml'] as string;
const config = parse(configText) as Tree;

describe.each(all.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))('%s', (_, manifest) => {
  it('is what its schema says, and nothing that it does not know', () => {
    const { apiVersion, kind } = manifest;
    const Model = SCHEMAS[apiVersion]?.[kind];
    if (Model === undefined) return expect.fail(`no schema for ${apiVersion} ${kind}`);
    const model = new Model(manifest);
    expect(() => model.validate()).not.toThrow();
  });
});

it('an unknown value does not pass the schemas', () => {
  const wrong = structuredClone(deployment) as Tree;
  wrong.spec.template.spec.containers[0].securityContext.readOnlyRootFilesystem = 'yes';
  expect(() => new apps.Deployment(wrong).validate()).toThrow();
});

/** What kustomize itself makes of a directory is what is played above. */
async function expectSame(directory: string): Promise<void> {
  const { stdout, stderr } = await run('kubectl', ['kustomize', join(AT, directory)]);
  const trees = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  const byName = (list: readonly Manifest[]) => new Map(list.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
  expect(byName(trees), stderr).toEqual(byName(build(join(AT, directory))));
}

describeWith(['kustomize'], 'kustomize', () => {
  it.each(['base', 'client'])('builds the same from %s', expectSame);
  it.skipIf(!hasTool('kubectl'))('builds the same from the whole tree', async () => await expectSame('.'));
});

describe('the pod', () => {
  it('has no rights', () => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65_532,
      fsGroup: 65_532,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    expect(pod.hostNetwork ?? pod.hostPID ?? pod.hostIPC).toBeUndefined();
    expect(the('Namespace').metadata.labels).toEqual({ 'pod-security.kubernetes.io/enforce': 'restricted' });
  });

  it('gets its CA from a Secret that the group alone may read, and writes to its state alone', () => {
    const { secret } = pod.volumes.find((one: Tree) => one.secret !== undefined);
    expect(secret).toEqual({ secretName: 'pinwarden-ca', defaultMode: 0o400 });
    expect(
      all.map(({ kind }) => kind),
      'no Secret in the tree',
    ).not.toContain('Secret');
    const writable = container.volumeMounts.filter((one: Tree) => one.readOnly !== true);
    expect(writable.map((one: Tree) => one.mountPath)).toEqual([config.state]);
    expect(config.ca).toMatchObject({ create: 'never' });
  });

  it('mounts directories, so that a reload sees the swap', () => {
    for (const mount of container.volumeMounts) expect(mount).not.toHaveProperty('subPath');
    const mounted = container.volumeMounts.map((one: Tree) => one.mountPath);
    for (const file of [container.args.at(-1), config.ca.keyFile, config.ca.certificateFile])
      expect(mounted).toContain(dirname(file));
    for (const directory of config.policies) expect(mounted).toContain(directory);
    expect(the('ConfigMap', 'pinwarden-policies').metadata.name, 'no hash: the name stays').toBe('pinwarden-policies');
  });

  it('is asked on the port that the configuration opens', () => {
    const ports = Object.fromEntries(container.ports.map((one: Tree) => [one.name, one.containerPort]));
    expect(ports).toEqual({ proxy: config.listen[0].port, metrics: config.metrics.port });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/readyz', port: 'metrics' });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/livez', port: 'metrics' });
    for (const { targetPort } of the('Service')['spec'].ports) expect(Object.keys(ports)).toContain(targetPort);
  });

  it('has time to drain: preStop, delay, tunnels, and the seconds after them', () => {
    const { drainDelayMs, drainTimeoutMs } = config.limits;
    const preStopS = container.lifecycle.preStop.sleep.seconds;
    expect(preStopS).toBeGreaterThan(0);
    const neededS = preStopS + (drainDelayMs + drainTimeoutMs) / 1000 + 5;
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(neededS);
    // Readiness is lost within the delay.
    expect(container.readinessProbe.periodSeconds * container.readinessProbe.failureThreshold * 1000).toBeLessThan(
      drainDelayMs,
    );
  });
});

describe('around it', () => {
  it('never all at once: rollouts, evictions, scaling', () => {
    expect(deployment['spec'].strategy.rollingUpdate).toEqual({ maxUnavailable: 0, maxSurge: 1 });
    expect(deployment['spec']).not.toHaveProperty('replicas');
    const scaler = the('HorizontalPodAutoscaler')['spec'];
    expect(scaler.minReplicas).toBeGreaterThanOrEqual(2);
    expect(scaler.scaleTargetRef.name).toBe(deployment.metadata.name);
    expect(the('PodDisruptionBudget')['spec'].maxUnavailable).toBe(1);
  });

  it('selects its own pods everywhere', () => {
    const labels = deployment['spec'].template.metadata.labels;
    const selectors = [
      deployment['spec'].selector.matchLabels,
      the('Service')['spec'].selector,
      the('PodDisruptionBudget')['spec'].selector.matchLabels,
      the('NetworkPolicy')['spec'].podSelector.matchLabels,
      the('ServiceMonitor')['spec'].selector.matchLabels,
    ];
    for (const selector of selectors) expect(selector).toEqual(labels);
  });

  it('lets clients reach the proxy, names and each other, and nothing by UDP 443', () => {
    const { podSelector, policyTypes, egress } = the('NetworkPolicy', 'egress-through-pinwarden')['spec'];
    expect([podSelector, policyTypes]).toEqual([{}, ['Egress']]);
    const ports = egress.map((rule: Tree) => rule.ports?.map((one: Tree) => `${one.protocol} ${one.port}`));
    expect(ports).toEqual([['TCP 3128'], ['UDP 53', 'TCP 53'], undefined]);
    expect(egress[2].to, 'the namespace itself').toEqual([{ podSelector: {} }]);
    for (const { to } of egress) for (const peer of to) expect(peer).not.toHaveProperty('ipBlock');
  });

  it('lets the proxy out by TCP, and not to where clouds keep credentials', () => {
    const { egress } = the('NetworkPolicy')['spec'];
    const out = egress.filter((rule: Tree) => rule.to.some((peer: Tree) => peer.ipBlock !== undefined));
    expect(out).toHaveLength(1);
    expect(out[0].ports).toEqual([443, 80].map((port) => ({ protocol: 'TCP', port })));
    expect(out[0].to[0].ipBlock.except).toContain('169.254.0.0/16');
  });

  it('has a configuration and policies that load without a mistake', () => {
    const file = '/etc/pinwarden/config/pinwarden.yaml';
    const loaded = loadConfig(configText, file);
    if (!loaded.ok) expect.fail(JSON.stringify(loaded.mistakes));
    const sources = Object.entries(the('ConfigMap', 'pinwarden-policies')['data'] as Record<string, string>).map(
      ([name, text]) => ({
        path: '/etc/pinwarden/policies',
        owner: null,
        mayMatch: null,
        mayNot: [],
        file: `/etc/pinwarden/policies/${name}`,
        text,
      }),
    );
    const policy = loadPolicy(sources, loaded.value, shippedGroups());
    expect(policy.ok && policy.value.rules.length).toBeGreaterThan(0);
  });
});

describe('monitoring', () => {
  it('has the rules of docker/prometheus', () => {
    const file = join(AT, 'monitoring/prometheus-rule.yaml');
    expect(readFileSync(file, 'utf8'), 'run: node docker/kubernetes/generate.ts').toBe(prometheusRule());
    const read = (name: string) => (parse(readFileSync(join(ROOT, 'docker/prometheus', name), 'utf8')) as Tree).groups;
    expect(the('PrometheusRule')['spec'].groups).toEqual([
      ...read('pinwarden-rules.yml'),
      ...read('pinwarden-alerts.yml'),
    ]);
  });

  it('scrapes as the job that the rules look for', () => {
    const { jobLabel, endpoints } = the('ServiceMonitor')['spec'];
    expect(the('Service').metadata.labels?.[jobLabel]).toBe('pinwarden');
    expect(the('Service')['spec'].ports.map((one: Tree) => one.name)).toContain(endpoints[0].port);
  });

  it('has every dashboard, for the sidecar to find', () => {
    const map = the('ConfigMap', 'pinwarden-dashboards');
    expect(map.metadata.labels).toEqual({ grafana_dashboard: '1' });
    const shipped = parse(readFileSync(join(ROOT, 'docker/grafana/kustomization.yaml'), 'utf8')) as Kustomization;
    expect(shipped.configMapGenerator?.[0]?.files).toHaveLength(Object.keys(map['data']).length);
    // One ConfigMap holds at most 1 MiB.
    expect(JSON.stringify(map['data']).length).toBeLessThan(1024 * 1024);
  });
});
