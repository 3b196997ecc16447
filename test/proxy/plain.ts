/** A proxy in front of a plain HTTP upstream by hand: the stage of the tests of the plain lane. */
import { plainHead, RawClient } from '../support/raw-client.ts';
import { type Answering, type RawOrigin, rawOrigin } from '../support/raw-origin.ts';
import type { ProxyOptions, RuleYaml, TestProxy } from './in-process.ts';
import { closeLater, HOST, proxyFor } from './stage.ts';

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

export interface Plain {
  readonly proxy: TestProxy;
  readonly upstream: RawOrigin;
  readonly authority: string;
  /** A new connection to the proxy. */
  readonly client: () => RawClient;
  /** The head of a request for the upstream: `GET /path`, then fields. */
  readonly head: (line: string, ...fields: readonly string[]) => string;
}

export async function plainStage(
  serve: Answering,
  rule: Partial<RuleYaml> = {},
  more: Partial<ProxyOptions> = {},
): Promise<Plain> {
  const upstream = await rawOrigin(serve);
  closeLater(() => upstream.close());
  const proxy = await proxyFor({ port: upstream.port, rule, more });
  const authority = `${HOST}:${upstream.port}`;
  return {
    proxy,
    upstream,
    authority,
    client() {
      const client = new RawClient(proxy.port);
      closeLater(async () => client.close());
      return client;
    },
    head: (line, ...fields) => plainHead(line, authority, ...fields),
  };
}
