/**
 * The status page: what a person wants to see of a running proxy, most important first, as one HTML page without a
 * script. Pure: facts in, HTML out.
 *
 * Does: say for each number which metric it is, so that people find it in Grafana.
 * Does not: show hosts, clients or anything that a peer sent; the facts hold none.
 * The caller must: send it with STATUS_POLICY.
 */
import { CODES, isCode } from '../model/codes.ts';
import { NO_GROUP, OTHER_GROUP } from './groups.ts';
import { type Html, html, styleSheet } from './html.ts';
import { INSTRUMENTS, type InstrumentName } from './instruments.ts';
import { VERDICTS, type VerdictWord } from './recorder.ts';
import type {
  CodeCount,
  ExpiryRow,
  FailingRow,
  PinCounts,
  PinRow,
  PolicyRow,
  Shown,
  StatusFacts,
} from './status-facts.ts';
import { EXPIRY_SECONDS, type Health, judgeHealth } from './status-health.ts';
import { STATUS_STYLE } from './status-style.ts';
import { printBytes, printCount, printDay, printSpan, printWhen } from './status-words.ts';

/** Often enough for somebody who watches, rare beside the scrapes of Prometheus. */
const REFRESH_SECONDS = 15;
const MAX_SHOWN_HOSTS = 64;
const NOTHING: Html = html``;
const WORD_BREAK: Html = html`<wbr>`;

export function statusPage(facts: StatusFacts): string {
  const health = judgeHealth(facts);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="${REFRESH_SECONDS}"><title>${TITLES[health.state]} · Pinwarden</title>
${styleSheet(STATUS_STYLE)}</head>
${body(facts, health)}</html>
`.toString();
}

function body(facts: StatusFacts, health: Health): Html {
  return html`<body>
<header><h1>Pinwarden</h1><p>${facts.build['version'] ?? ''} · as of ${moment(facts.nowMs)} · reloads every ${REFRESH_SECONDS} s</p></header>
<main>
${detector(facts, health)}
${totals(facts)}
${policies(facts)}
<div class="two">${failing(facts)}${expiries(facts)}${pins(facts)}${traffic(facts)}</div>
</main>
<footer><a href="/metrics">/metrics</a><a href="/healthz">/healthz</a><a href="/readyz">/readyz</a><a href="/version">/version</a>
<span>Counts run since the start of the proxy and come from the snapshot that /metrics prints. Hosts and clients are
not on this page: <code>pinwarden events</code> and <code>pinwarden why EVENT</code> have them.</span></footer>
</body>`;
}

const TITLES: Readonly<Record<Health['state'], string>> = {
  good: 'Detecting',
  warn: 'Detecting, and something needs a hand',
  bad: 'Not proven to detect',
};

function detector(facts: StatusFacts, { state, concerns }: Health): Html {
  const { selfTest, ready, reload, workers, build, nowMs } = facts;
  const missing = Object.keys(ready).filter((name) => ready[name] !== true);
  const tested = selfTest.lastSuccess;
  const held = `refused, ${reload.held} ${reload.held === 1 ? 'file' : 'files'} held`;
  const reloaded = reload.successful === null ? 'none yet' : reload.successful ? 'taken' : held;
  return html`<section class="card state ${state}" aria-label="detector">
<p class="big">${TITLES[state]}</p>
<p>${tested === null ? 'No self-test has succeeded.' : html`A rogue endpoint was blocked by the real pipeline ${ago(tested, nowMs)}.`}</p>
${concerns.length === 0 ? NOTHING : html`<ul class="todo">${concerns.map(concern)}</ul>`}
<dl>
${fact('self-test', tested === null ? 'never' : html`passed <small>${ago(tested, nowMs)}</small>`, ['selftest'])}
<div title="/readyz"><dt>ready</dt><dd>${missing.length === 0 ? 'yes' : `no: ${missing.join(', ')}`}</dd></div>
${fact('last reload', reloaded, ['reloadSuccessful', 'sourcesHeld'])}
${fact('policies as of', reload.lastSuccess === null ? 'unknown' : ago(reload.lastSuccess, nowMs), ['reloadSuccessAt'])}
${fact('generation', html`${reload.generation} <small>${reload.sha256.slice(0, 12)}</small>`, ['generation', 'configHash'])}
${fact('rules', count(reload.rules), ['policies'])}
${fact('workers', html`${count(workers.serving)} serving <small>${printCount(workers.restarts)} restarts</small>`, ['workers', 'restarts'])}
${fact('version', html`${build['version'] ?? '?'} <small>Node ${build['node'] ?? '?'}, OpenSSL ${build['openssl'] ?? '?'}</small>`, ['buildInfo'])}
</dl>${metricLine(['selftest', 'reloadSuccessful', 'reloadSuccessAt', 'generation', 'configHash', 'policies', 'workers', 'restarts', 'buildInfo'])}</section>`;
}

function concern({ level, says, next, source }: Health['concerns'][number]): Html {
  return html`<li class="${level}">${says}. Next: ${next}<span class="m">${breakable(source)}</span></li>`;
}

function fact(what: string, value: Html | string, instruments: readonly InstrumentName[]): Html {
  return html`<div title="${instruments.map(name).join(' · ')}"><dt>${what}</dt><dd>${value}</dd></div>`;
}

const MARKS: Readonly<Record<VerdictWord, string>> = { allow: '+', alert: '!', block: 'x', error: '–' };
const SAYS: Readonly<Record<VerdictWord, string>> = {
  allow: 'everything that was asked for held',
  alert: 'let through, and recorded',
  block: 'refused: nothing was relayed',
  error: 'not decided: nothing was relayed',
};

function totals({ totals }: StatusFacts): Html {
  const tile = (word: VerdictWord): Html => html`<div class="card" title="${selector('verdicts', { verdict: word })}">
<span>${MARKS[word]} ${word}</span><b class="${totals[word] === 0 ? 'zero' : word}">${count(totals[word])}</b><span>${SAYS[word]}</span></div>`;
  return html`<section class="tiles" aria-label="verdicts">${VERDICTS.map(tile)}</section>`;
}

function policies({ policies: { rows, more }, nowMs }: StatusFacts): Html {
  const row = ({ policy, onFailure, verdicts, lastEvent, codes }: PolicyRow): Html => html`<tr>
<td class="name all">${policyName(policy)}${onFailure === null ? NOTHING : html` <small>on failure ${onFailure}</small>`}</td>
${VERDICTS.map((word) => number(verdicts[word], word, selector('verdicts', { policy, verdict: word }), word))}
<td class="all" title="${selector('lastEvent', { policy })}">${lastEvent === null ? NOTHING : ago(lastEvent, nowMs)}</td>
<td class="all">${codes.rows.map((code) => codeChip(code, selector('findings', { policy, code: code.code })))}${moreOf(codes)}</td></tr>`;
  return card(
    'Verdicts by policy',
    ['verdicts', 'findings', 'lastEvent', 'policyInfo'],
    [
      rows.length === 0
        ? none('No policy and no verdict yet.')
        : html`<table class="wide"><thead><tr><th>policy</th>${VERDICTS.map((word) => html`<th class="n">${word}</th>`)}
<th>last block or alert</th><th>codes found</th></tr></thead><tbody>${rows.map(row)}</tbody></table>`,
      andMore(more, 'policies, none of which ranks higher than these', 'verdicts'),
    ],
  );
}

function failing({ failing: { rows, more } }: StatusFacts): Html {
  const row = ({ policy, code, hosts }: FailingRow): Html => {
    const metric = selector('failingHosts', { policy, code });
    return html`<tr><td class="name">${policyName(policy)} ${codeChip({ code, count: null }, metric)}<br><small>${meaning(code)}</small></td>
<td class="n block" title="${metric}">${count(hosts)}${hosts >= MAX_SHOWN_HOSTS ? ' or more' : ''}</td></tr>`;
  };
  return card(
    'Hosts that failed in the last ten minutes',
    ['failingHosts'],
    [
      rows.length === 0
        ? none('None.')
        : html`<table><thead><tr><th>policy and code</th><th class="n">hosts</th></tr></thead><tbody>${rows.map(row)}</tbody></table>
<p class="none">One host may be rotated or attacked; many at once are somebody in the middle. Next: <code>pinwarden events --since 10m</code></p>`,
      andMore(more, 'pairs of policy and code', 'failingHosts'),
    ],
  );
}

function pins({ pins: { totals, policies }, nowMs }: StatusFacts): Html {
  const cells = ({ primary, backup, failures }: PinCounts, labels: Readonly<Record<string, string>>): Html => {
    const failed = failures.reduce((sum, one) => sum + one.count, 0);
    const reasons = failures.map(({ reason }) => reason).join(', ');
    return html`${number(primary, 'allow', selector('pinHits', { ...labels, pin: 'primary' }), 'primary')}
${number(backup, 'alert', selector('pinHits', { ...labels, pin: 'backup' }), 'backup')}
${number(failed, 'block', selector('pinFailures', labels), 'failed', reasons)}`;
  };
  const row = (pin: PinRow): Html => {
    const { policy, lastMatch } = pin;
    const title = selector('pinLastMatch', { policy });
    const matched =
      lastMatch === null ? NOTHING : html`<br><small title="${title}">last match ${ago(lastMatch, nowMs)}</small>`;
    return html`<tr><td class="name all">${policyName(policy)}${matched}</td>${cells(pin, { policy })}</tr>`;
  };
  const sum =
    policies.rows.length < 2 ? NOTHING : html`<tr><td class="name all">all policies</td>${cells(totals, {})}</tr>`;
  return card(
    'Pins',
    ['pinHits', 'pinFailures', 'pinLastMatch'],
    [
      policies.rows.length === 0
        ? none('No policy has pins.')
        : html`<table class="wide three"><thead><tr><th>policy</th><th class="n">primary</th><th class="n">backup</th><th class="n">failed</th></tr></thead>
<tbody>${policies.rows.map(row)}${sum}</tbody></table>`,
      andMore(policies.more, 'policies with pins', 'pinHits'),
    ],
  );
}

function expiries({ expiries: { rows, more }, ages, nowMs }: StatusFacts): Html {
  const list = ages.logList === null ? 'none, so CT is absent' : `${printSpan(ages.logList)} old`;
  const anchors = ages.publicAnchors === null ? 'those of publicAnchors' : `${printSpan(ages.publicAnchors)} old`;
  const row = (
    expiry: ExpiryRow,
  ): Html => html`<tr title="${name(expiry.instrument)}"><td>${expiry.what}${expiry.what === 'CA' ? ',' : ' of'} <b>${expiry.whose}</b></td>
<td class="n">${ends(expiry, nowMs)}</td></tr>`;
  return card(
    'What expires next',
    ['pinExpiry', 'caExpiry', 'upstreamCertExpiry', 'ctLogListAge', 'publicAnchorsAge'],
    [
      rows.length === 0
        ? none('Nothing that is known.')
        : html`<table><thead><tr><th>what</th><th class="n">ends</th></tr></thead><tbody>${rows.map(row)}</tbody></table>`,
      andMore(more, 'that end later', 'upstreamCertExpiry'),
      html`<p class="none"><span title="${name('ctLogListAge')}">CT log list: ${list}</span> · <span title="${name('publicAnchorsAge')}">public anchors: ${anchors}</span></p>`,
    ],
  );
}

/** Alerts of clients that do not know the CA; who just goes may be a browser that opened a connection ahead. */
const DISTRUST: ReadonlySet<string> = new Set(['unknown_ca', 'bad_certificate', 'certificate_unknown']);

function traffic({ open, tunnels, bytes, unreachable, distrust, auditLost }: StatusFacts): Html {
  const list = (codes: Shown<CodeCount>, instrument: InstrumentName): Html =>
    codes.rows.length === 0
      ? count(0)
      : html`${codes.rows.map((code) => codeChip(code, name(instrument)))}${moreOf(codes)}`;
  const modes = tunnels.map(({ mode, count: made }) => html`${count(made)} <small>${mode}</small> `);
  return card(
    'Connections and tunnels',
    ['connections', 'tunnels', 'tunnelBytes', 'upstreamErrors', 'clientAlerts', 'auditLost'],
    [
      html`<dl>
${fact('open now, from clients', count(open.client), ['connections'])}
${fact('open now, to upstreams', count(open.upstream), ['connections'])}
${fact('let through', modes.length === 0 ? count(0) : html`${modes}`, ['tunnels'])}
${fact('relayed up', printBytes(bytes.up), ['tunnelBytes'])}
${fact('relayed down', printBytes(bytes.down), ['tunnelBytes'])}
${fact('audit lines lost', count(auditLost), ['auditLost'])}
${fact('upstreams not reached', list(unreachable, 'upstreamErrors'), ['upstreamErrors'])}
${fact('clients that refused our certificate', list(distrust, 'clientAlerts'), ['clientAlerts'])}
</dl>`,
      !distrust.rows.some(({ code }) => DISTRUST.has(code))
        ? NOTHING
        : html`<p class="none">Some clients do not trust the CA. Next: <code>pinwarden env</code> or <code>pinwarden ca trust</code></p>`,
    ],
  );
}

function card(title: string, instruments: readonly InstrumentName[], content: readonly Html[]): Html {
  return html`<section class="card"><h2>${title}</h2>${content}${metricLine(instruments)}</section>`;
}

/** The names as one searches for them in Grafana. */
function metricLine(instruments: readonly InstrumentName[]): Html {
  return html`<p class="m">${instruments.map((one, index) => html`${index === 0 ? '' : ' · '}${breakable(name(one))}`)}</p>`;
}

/** A long name may break behind its words; whoever copies it gets no blank. */
function breakable(metric: string): Html {
  return html`${metric.split(/(?<=_)/).map((part, index) => html`${index === 0 ? '' : WORD_BREAK}${part}`)}`;
}

function none(text: string): Html {
  return html`<p class="none">${text}</p>`;
}

function andMore(more: number, what: string, instrument: InstrumentName): Html {
  return more === 0 ? NOTHING : html`<p class="none">and ${printCount(more)} more ${what}: ${name(instrument)}</p>`;
}

function moreOf({ more }: Shown<unknown>): Html {
  return more === 0 ? NOTHING : html` <small class="dim">and ${more} more</small>`;
}

function number(value: number, word: string, title: string, label: string, note = ''): Html {
  const small = note === '' ? NOTHING : html` <small>${note}</small>`;
  return html`<td class="n ${value === 0 ? 'zero' : word}" title="${title}" data-is="${label}">${count(value)}${small}</td>`;
}

/** Exact for machines, readable for people. */
function count(value: number): Html {
  return html`<data value="${value}">${printCount(value)}</data>`;
}

function codeChip(
  { code, count: times }: { readonly code: string; readonly count: number | null },
  metric: string,
): Html {
  const says = meaning(code);
  const title = says === '' ? metric : `${says} · ${metric}`;
  return html`<span class="code" title="${title}">${code}${times === null ? NOTHING : html` ${count(times)}`}</span>`;
}

function meaning(code: string): string {
  return isCode(code) ? CODES[code].says : '';
}

const GROUP_SAYS: Readonly<Record<string, string>> = {
  [NO_GROUP]: 'refused before a rule was found',
  [OTHER_GROUP]: 'all groups above the limit',
};

function policyName(policy: string): Html {
  const says = GROUP_SAYS[policy];
  return says === undefined ? html`${policy}` : html`${policy} <small>${says}</small>`;
}

function ago(atSeconds: number, nowMs: number): Html {
  return html`<time datetime="${iso(atSeconds)}" title="${iso(atSeconds)}">${printWhen(atSeconds, nowMs)}</time>`;
}

function ends({ what, at }: ExpiryRow, nowMs: number): Html {
  const leftSeconds = at - nowMs / 1000;
  const level = leftSeconds <= 0 ? 'block' : leftSeconds < EXPIRY_SECONDS[what] ? 'alert' : 'dim';
  const words = leftSeconds <= 0 ? 'expired' : `in ${printSpan(leftSeconds)}`;
  return html`<time datetime="${iso(at)}" title="${iso(at)}">${printDay(at)}</time> <small class="${level}">${words}</small>`;
}

function moment(atMs: number): Html {
  const text = iso(atMs / 1000);
  return html`<time datetime="${text}">${text.replace('T', ' ').replace(/\.\d+Z$|Z$/, ' UTC')}</time>`;
}

/** A date of a certificate may lie outside what Date can say. */
function iso(atSeconds: number): string {
  const date = new Date(atSeconds * 1000);
  return Number.isNaN(date.getTime()) ? 'never' : date.toISOString();
}

function name(instrument: InstrumentName): string {
  return INSTRUMENTS[instrument].name;
}

/** As one types it into Grafana. */
function selector(instrument: InstrumentName, labels: Readonly<Record<string, string>>): string {
  const inner = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return inner.length === 0 ? name(instrument) : `${name(instrument)}{${inner.join(',')}}`;
}
