/** Bytes that are nearly right, for fuzzing parsers: one byte changed, a prefix with garbage, a piece cut or doubled. */
import fc from 'fast-check';

/** One of `seeds`, mangled in one of three ways; now and then garbage alone. */
export function mangled(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const seed = fc.constantFrom(...seeds);
  const changed = fc.tuple(seed, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([bytes, where, flip]) => {
    const copy = Buffer.from(bytes);
    const at = where % copy.length;
    copy[at] = (copy[at] ?? 0) ^ flip;
    return copy;
  });
  const prefixed = fc
    .tuple(seed, fc.nat(), fc.uint8Array({ maxLength: 64 }))
    .map(([bytes, at, garbage]) => Buffer.concat([bytes.subarray(0, at % bytes.length), garbage]));
  const moved = fc.tuple(seed, fc.nat(), fc.nat({ max: 40 }), fc.boolean()).map(([bytes, where, size, doubled]) => {
    const at = where % bytes.length;
    return Buffer.concat([bytes.subarray(0, doubled ? at + size : at), bytes.subarray(doubled ? at : at + size)]);
  });
  const garbage = fc.uint8Array({ maxLength: 256 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(
    { weight: 6, arbitrary: changed },
    { weight: 2, arbitrary: prefixed },
    { weight: 2, arbitrary: moved },
    { weight: 1, arbitrary: garbage },
  );
}
