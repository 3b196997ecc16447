import { expect, it } from 'vitest';
import { OK, type Plain, plainStage } from '../plain.ts';
import { closeAfterEach } from '../stage.ts';

closeAfterEach();

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);

/** One request over a connection of its own, to its end. */
async function statusOf({ client, head }: Plain, line: string, ...fields: readonly string[]): Promise<number> {
  const one = client().send(head(line, ...fields, 'Connection: close'));
  await one.end();
  return one.statuses().at(-1) ?? 0;
}

// An exception that nobody catches fails the run: that is what these look for.

it.each(['name', 'value'])('any byte in the %s of a field that the upstream sends', async (where) => {
  let byte = 0;
  const stage = await plainStage((socket) => {
    const character = String.fromCharCode(byte);
    const field = where === 'name' ? `X${character}Y: a` : `X: a${character}b`;
    socket.end(`HTTP/1.1 200 OK\r\n${field}\r\nContent-Length: 2\r\n\r\nhi`, 'latin1');
  });
  const statuses: number[] = [];
  for (byte of BYTES) statuses.push(await statusOf(stage, 'GET /'));
  expect(new Set(statuses)).toEqual(new Set([200, 502]));
  // NUL, CR, LF and DEL are refused wherever they are.
  for (const control of [0, 10, 13, 127]) expect([control, statuses[control]]).toEqual([control, 502]);
});

it.each(['name', 'value'])('any byte in the %s of a trailer that the upstream sends', async (where) => {
  let byte = 0;
  const stage = await plainStage((socket) => {
    const character = String.fromCharCode(byte);
    const field = where === 'name' ? `X${character}Y: a` : `X: a${character}b`;
    socket.end(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${field}\r\n\r\n`, 'latin1');
  });
  const statuses: number[] = [];
  for (byte of BYTES) statuses.push(await statusOf(stage, 'GET /'));
  for (const status of statuses) expect([0, 200, 502]).toContain(status);
});

it.each(['name', 'value', 'target', 'trailer'])('any byte in the %s of a request', async (where) => {
  const stage = await plainStage((socket) => socket.end(OK));
  for (const byte of BYTES) {
    const character = String.fromCharCode(byte);
    const chunked = ['Transfer-Encoding: chunked'];
    const status = await {
      name: () => statusOf(stage, 'GET /', `X${character}Y: a`),
      value: () => statusOf(stage, 'GET /', `X: a${character}b`),
      target: () => statusOf(stage, `GET /a${character}b`),
      trailer: async () => {
        const one = stage
          .client()
          .send(`${stage.head('POST /', ...chunked, 'Connection: close')}0\r\nX: a${character}b\r\n\r\n`);
        await one.end();
        return one.statuses().at(-1) ?? 0;
      },
    }[where as 'name' | 'value' | 'target' | 'trailer']();
    expect([0, 200, 400, 502]).toContain(status);
  }
  for (const text of stage.upstream.received) expect(text).not.toMatch(/[^\t\r\n\x20-\x7e\x80-\xff]/);
});
