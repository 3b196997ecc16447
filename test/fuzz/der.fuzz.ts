/** The reader over any bytes: it answers, it ends, and it never leaves its input. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DerReader, readDer } from '../../src/pki/der/reader.ts';

/** Walks everything that looks constructed, and reads the rest with every primitive that could fit. */
function walk(reader: DerReader): number {
  let elements = 0;
  while (!reader.atEnd) {
    const tag = reader.peek();
    elements++;
    if ((tag & 0x20) !== 0) elements += walk(reader.enter(tag));
    else readPrimitive(reader, tag);
  }
  return elements;
}

function readPrimitive(reader: DerReader, tag: number): void {
  if (tag === 0x01) reader.boolean();
  else if (tag === 0x02) reader.integer();
  else if (tag === 0x03) reader.bitString();
  else if (tag === 0x06) reader.oid();
  else if (tag === 0x17 || tag === 0x18) reader.time();
  else reader.element();
}

/** Bytes that are nearly DER: the tags and lengths that reach far into the reader. */
const nearly = fc
  .array(
    fc.oneof(
      fc.constantFrom(0x30, 0x31, 0xa0, 0x02, 0x03, 0x06, 0x17, 0x80, 0x81, 0x82, 0x00, 0x01, 0xff),
      fc.nat(255),
    ),
    {
      maxLength: 200,
    },
  )
  .map((bytes) => Uint8Array.from(bytes));

it('answers for any bytes', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 500 }), nearly), (bytes) => {
      const answer = readDer(bytes, 400, walk);
      if (answer.ok) expect(answer.value).toBeLessThanOrEqual(bytes.length);
      else expect(answer.offset).toBeLessThanOrEqual(bytes.length);
    }),
    { numRuns: 5000 },
  );
});
