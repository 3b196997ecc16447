/**
 * Every metric as data: name, help, labels, buckets, who feeds it and how it is merged over workers. The registries
 * (metrics.ts) and the reference tables are made from this list.
 *
 * Labels hold words of enums, metrics groups of the configuration and codes only; nothing a peer sent.
 */

export interface Instrument {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  /** Which process feeds it. */
  readonly by: 'worker' | 'supervisor';
  /** How the values of several workers become one. */
  readonly merge: 'sum' | 'max' | 'min';
  /** Upper bounds in seconds; histograms only. */
  readonly buckets: readonly number[];
}

/** Buckets that OpenTelemetry and Prometheus agree on for latencies, seconds. */
const LATENCY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10] as const;
/** A leaf is minted in tens of microseconds. */
const MINTING_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05] as const;
/** A verdict costs microseconds on a known chain and milliseconds on a long one of large keys. */
const JUDGING_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1] as const;
/** Tunnels live from one request to a working day. */
const LIFETIME_SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400, 43_200] as const;

function counter(name: string, help: string, labels: readonly string[] = []): Instrument {
  return { kind: 'counter', name: `pinwarden_${name}`, help, labels, by: 'worker', merge: 'sum', buckets: [] };
}

function gauge(
  name: string,
  help: string,
  labels: readonly string[] = [],
  merge: Instrument['merge'] = 'sum',
): Instrument {
  return { kind: 'gauge', name: `pinwarden_${name}`, help, labels, by: 'worker', merge, buckets: [] };
}

function histogram(name: string, help: string, labels: readonly string[], buckets: readonly number[]): Instrument {
  return { kind: 'histogram', name: `pinwarden_${name}`, help, labels, by: 'worker', merge: 'sum', buckets };
}

/** The same instrument, fed by the supervisor. */
function supervised(instrument: Instrument): Instrument {
  return { ...instrument, by: 'supervisor', merge: 'max' };
}

export const INSTRUMENTS = Object.freeze({
  verdicts: counter('verdicts_total', 'Verdicts by policy.', ['policy', 'verdict']),
  findings: counter('findings_total', 'Findings by policy and code, and what was done about them.', [
    'policy',
    'code',
    'action',
  ]),
  checks: counter('checks_total', 'Outcomes of the checks.', ['check', 'result']),
  pinHits: counter('pin_hits_total', 'Connections whose verified path matched a pin.', ['policy', 'pin']),
  pinFailures: counter('pin_failures_total', 'Connections whose verified path failed the pins, by reason.', [
    'policy',
    'reason',
  ]),
  pinLastMatch: gauge(
    'pin_last_match_timestamp_seconds',
    'When a pin of the policy last matched, seconds since the epoch.',
    ['policy', 'pin'],
    'max',
  ),
  upstreamCertExpiry: gauge(
    'upstream_cert_expiry_timestamp_seconds',
    'First expiry on the verified paths that the policy saw in the last hours, anchors left out, seconds since the epoch.',
    ['policy'],
    'min',
  ),
  wouldBlock: counter('would_block_total', 'Connections that onFailure: block would have refused.', [
    'policy',
    'code',
    'set',
  ]),
  failingHosts: supervised(
    gauge('failing_hosts', 'Distinct hosts that failed in the last ten minutes, at most 64 counted for each series.', [
      'policy',
      'code',
    ]),
  ),
  lastEvent: gauge(
    'last_event_timestamp_seconds',
    'When the policy last blocked or alerted, seconds since the epoch.',
    ['policy', 'action'],
    'max',
  ),
  tunnels: counter('tunnels_total', 'Tunnels and requests that were let through.', ['mode', 'verdict']),
  tunnelDuration: histogram(
    'tunnel_duration_seconds',
    'How long tunnels lived, seconds.',
    ['mode', 'reason'],
    LIFETIME_SECONDS,
  ),
  tunnelBytes: counter('tunnel_bytes_total', 'Bytes relayed: up is from client to upstream.', ['direction']),
  unsafeTls: counter(
    'unsafe_tls_connections_total',
    'Connections let through below the normal TLS floor, by unsafeTls of the rule.',
    ['policy', 'version'],
  ),
  connections: gauge('connections_active', 'Open connections.', ['side']),
  handshakes: histogram(
    'upstream_handshake_duration_seconds',
    'Time from dialling the upstream to the end of its TLS handshake, seconds.',
    [],
    LATENCY_SECONDS,
  ),
  judging: histogram('judge_duration_seconds', 'Time to examine and judge one chain, seconds.', [], JUDGING_SECONDS),
  upstreamErrors: counter('upstream_connect_errors_total', 'Upstreams that could not be reached, by code.', ['reason']),
  errors: counter('errors_total', 'Requests that came to no verdict for another reason than the upstream, by code.', [
    'code',
  ]),
  lookups: histogram('resolver_lookup_duration_seconds', 'Time of a name lookup, in seconds.', [], LATENCY_SECONDS),
  minting: histogram('leaf_mint_duration_seconds', 'Time to mint a leaf certificate, seconds.', [], MINTING_SECONDS),
  clientAlerts: counter('client_alerts_total', 'TLS alerts by which clients refused our certificate.', [
    'client',
    'alert',
  ]),
  auditRecords: counter('audit_records_total', 'Audit lines written.', ['kind']),
  auditLost: counter('audit_lost_total', 'Audit lines that could not be written.', ['kind']),
  evidenceLost: supervised(
    counter('evidence_lost_total', 'Unexpected chains that are not in the evidence locker, by where they were lost.', [
      'at',
    ]),
  ),
  evidenceKept: supervised(gauge('evidence_exhibits', 'Unexpected chains in the evidence locker.')),
  eventsDropped: supervised(
    counter('event_stream_dropped_total', 'Live events that somebody who watched has missed, by where.', ['at']),
  ),
  watchers: supervised(gauge('event_stream_subscribers', 'Who watches events live.')),
  droppedLabels: counter(
    'metrics_dropped_labels_total',
    'Observations counted under _other because there are more metrics groups than the limit.',
  ),
  policyInfo: supervised(
    gauge('policy_info', 'Always 1: one series for each metrics group; a word that its rules do not share is _mixed.', [
      'policy',
      'owner',
      'mode',
      'on_failure',
    ]),
  ),
  policies: supervised(
    gauge('policies', 'Rules of the active generation, by mode; what holds for unmatched hosts is not counted.', [
      'mode',
    ]),
  ),
  overrideActive: supervised(
    gauge('override_active', '1 while a rule lowers a floor by unsafeFloor or unsafeTls.', ['policy']),
  ),
  pinExpiry: supervised(
    gauge('pin_expiry_timestamp_seconds', 'When the first pin of the policy expires, seconds since the epoch.', [
      'policy',
    ]),
  ),
  caExpiry: supervised(
    gauge(
      'ca_expiry_timestamp_seconds',
      'When the CA that signs (current) or the one that waits (next) expires, seconds since the epoch.',
      ['slot'],
    ),
  ),
  ctLogListAge: supervised(gauge('ct_log_list_age_seconds', 'Age of the CT log list, seconds.')),
  publicAnchorsAge: supervised(
    gauge(
      'public_anchors_age_seconds',
      'Age of the public anchor set that ships, seconds; none when publicAnchors replaces it.',
    ),
  ),
  fetches: supervised(
    counter('fetches_total', 'Fetches in the background, of CRLs and missing issuers, by how they ended.', [
      'kind',
      'result',
    ]),
  ),
  fetchUrls: supervised(
    gauge(
      'fetch_urls',
      'URLs that are followed in the background: fresh and stale ones have brought something, stale ones past its nextUpdate.',
      ['kind', 'state'],
    ),
  ),
  fetchedCrlAge: supervised(
    gauge('fetched_crl_oldest_age_seconds', 'Time since thisUpdate of the oldest CRL that was fetched, seconds.'),
  ),
  reloadSuccessful: supervised(
    gauge(
      'config_last_reload_successful',
      '1 when everything in the last reload was taken, 0 when a part was refused.',
    ),
  ),
  reloadSuccessAt: supervised(
    gauge(
      'config_last_reload_success_timestamp_seconds',
      'When the last whole reload was taken, seconds since the epoch.',
    ),
  ),
  generation: supervised(gauge('config_generation', 'Number of the active policy generation.')),
  configHash: supervised(gauge('config_hash_info', 'Always 1: digest of the active policy generation.', ['sha256'])),
  sourcesHeld: supervised(
    gauge('config_sources_held', 'Policy files that run on their last good text because the new one was refused.'),
  ),
  reloads: supervised(counter('config_reloads_total', 'Reloads by result.', ['result'])),
  selftestFailures: supervised(counter('selftest_failures_total', 'Self-tests that did not block the rogue endpoint.')),
  selftest: supervised(
    gauge('selftest_last_success_timestamp_seconds', 'When the self-test last blocked its rogue endpoint.'),
  ),
  workers: supervised(gauge('workers', 'Worker processes that serve.')),
  restarts: supervised(counter('worker_restarts_total', 'Workers started again, by what ended them.', ['reason'])),
  buildInfo: supervised(gauge('build_info', 'Always 1: versions.', ['version', 'node', 'openssl'])),
});

export type InstrumentName = keyof typeof INSTRUMENTS;
