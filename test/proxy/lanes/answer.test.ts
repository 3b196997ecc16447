import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type AnswerOptions, flat, sendAnswer, sendInformation } from '../../../src/proxy/lanes/answer.ts';
import { RawClient } from '../../support/raw-client.ts';
import { answers, answersAndEnds, rawOrigin } from '../../support/raw-origin.ts';
import { closeAfterEach, closeLater, serve } from '../stage.ts';

closeAfterEach();

interface Passed {
  readonly client: RawClient;
  readonly fault: string | null;
  readonly broken: () => number;
  readonly response: ServerResponse;
}

/** Passes one answer of an upstream to a client, as a lane would. */
async function passed(
  bytes: string,
  how: 'open' | 'fin' = 'open',
  options: Partial<AnswerOptions> = {},
): Promise<Passed> {
  const origin = await rawOrigin(how === 'open' ? answers(bytes) : answersAndEnds(bytes, how));
  closeLater(() => origin.close());
  const { promise, resolve } = Promise.withResolvers<Omit<Passed, 'client'>>();
  let broken = 0;
  const onBroken = () => {
    broken += 1;
  };
  const server = createServer((_request, response) => {
    const outgoing = httpRequest({ host: '127.0.0.1', port: origin.port, agent: false });
    outgoing.on('error', () => undefined);
    outgoing.on('information', (info) => sendInformation(info, response));
    outgoing.on('response', (upstream: IncomingMessage) => {
      const fault = sendAnswer(upstream, response, { last: false, onBytes: () => undefined, onBroken, ...options });
      resolve({ fault, response, broken: () => broken });
    });
    outgoing.end();
    closeLater(async () => void outgoing.destroy());
  });
  const client = new RawClient(await serve(server)).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  closeLater(async () => client.close());
  return { client, ...(await promise) };
}

describe('an answer', () => {
  it('that is refused leaves the client untouched', async () => {
    const { fault, response, client } = await passed('HTTP/1.1 099 W\r\nContent-Length: 0\r\n\r\n');
    expect(fault).toBe('status');
    expect(response.headersSent).toBe(false);
    expect(client.text).toBe('');
  });

  it('that must be the last says so', async () => {
    const { client } = await passed('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', 'open', { last: true });
    await client.until('\r\n\r\nhi');
    expect(client.text).toContain('Connection: close\r\n');
    expect(await client.end()).toBe('fin');
  });

  it('that breaks off is told of once, and never ended', async () => {
    const { broken, response } = await passed('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi', 'fin');
    await expect.poll(broken).toBe(1);
    expect(response.writableEnded).toBe(false);
  });

  it('with a trailer and no room for it loses it', async () => {
    const { client } = await passed('HTTP/1.1 204 No Content\r\nTrailer: X\r\n\r\n');
    await client.until('204 No Content');
    expect(client.text).not.toContain('Trailer');
  });
});

describe('a hint', () => {
  it('carries no field of one connection', async () => {
    const { client } = await passed(
      'HTTP/1.1 103 Early Hints\r\nLink: <a>\r\nConnection: X\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    );
    await client.until('200 OK');
    expect(client.text.split('\r\n\r\n')[0]).toBe('HTTP/1.1 103 Information\r\nLink: <a>\r\nVia: 1.1 pinwarden');
  });

  it('that comes behind the head is dropped', async () => {
    const { response, client } = await passed('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    await client.until('200 OK');
    const info = { httpVersion: '1.1', statusCode: 103, rawHeaders: [] } as unknown as Parameters<
      typeof sendInformation
    >[0];
    sendInformation(info, response);
    expect(client.statuses()).toEqual([200]);
  });
});

it('names and values in turn', () => {
  expect(
    flat([
      ['A', '1'],
      ['a', '2'],
    ]),
  ).toEqual(['A', '1', 'a', '2']);
});
