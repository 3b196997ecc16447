/** Whatever is sent as a first flight, in whatever portions: never a throw, and portions never change the answer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ClientHelloReader, type HelloReading } from '../../src/wire/client-hello.ts';
import { parseHelloBody } from '../../src/wire/hello-body.ts';
import { helloBody, helloMessage, records, uint16, vector } from '../wire/hello-writer.ts';

const right = helloMessage({
  serverName: 'pin.test',
  alpn: ['h2', 'http/1.1'],
  extensions: [
    [43, vector(1, uint16(0x0304, 0x0303))],
    [13, vector(2, uint16(0x0403, 0x0804))],
  ],
});

function read(bytes: Uint8Array, cuts: readonly number[]): HelloReading {
  const reader = new ClientHelloReader();
  let reading: HelloReading = { kind: 'need-more' };
  let at = 0;
  for (const cut of [...cuts.map((one) => one % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length]) {
    reading = reader.feed(bytes.subarray(at, cut));
    at = Math.max(at, cut);
  }
  return reading;
}

/** A right hello with some bytes replaced, cut into records of some size. */
const damaged = fc
  .tuple(fc.array(fc.tuple(fc.nat(right.length - 1), fc.nat(255)), { maxLength: 4 }), fc.integer({ min: 1, max: 200 }))
  .map(([changes, size]) => {
    const message = Buffer.from(right);
    for (const [at, value] of changes) message[at] = value;
    return records(message, size);
  });

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.uint8Array({ maxLength: 400 }).map((body) => Buffer.concat([Buffer.from([22, 3, 1, 1]), body])),
  damaged,
);

describe('client hello', () => {
  it('never throws, and portions do not matter', () => {
    fc.assert(
      fc.property(bytes, fc.array(fc.nat(500), { maxLength: 8 }), (stream, cuts) => {
        expect(read(stream, cuts)).toEqual(read(stream, []));
      }),
      { numRuns: 5_000 },
    );
  });

  it('a body is read or refused, whatever it is', () => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 300 }).map((one) => Buffer.from(one)),
      fc.uint8Array({ maxLength: 200 }).map((block) => helloBody({ block: vector(2, block) })),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const reading = parseHelloBody(body, 0);
        if (reading.kind === 'hello' && reading.hello.serverName !== null) {
          expect(reading.hello.serverName).toMatch(/^[a-z0-9._-]+$/);
        }
      }),
      { numRuns: 5_000 },
    );
  });
});
