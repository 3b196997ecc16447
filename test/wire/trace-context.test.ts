import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readTraceId } from '../../src/wire/trace-context.ts';

const ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';
const GOOD = `00-${ID}-${PARENT}-01`;

it.each([
  ['is absent', []],
  ['comes twice', ['traceparent', GOOD, 'Traceparent', GOOD]],
  ['is empty', ['traceparent', '']],
  ['has an unknown version', ['traceparent', `ff-${ID}-${PARENT}-01`]],
  ['has a version in capitals', ['traceparent', `0A-${ID}-${PARENT}-01`]],
  ['has an id of zeros', ['traceparent', `00-${'0'.repeat(32)}-${PARENT}-01`]],
  ['has a parent of zeros', ['traceparent', `00-${ID}-${'0'.repeat(16)}-01`]],
  ['has an id in capitals', ['traceparent', `00-${ID.toUpperCase()}-${PARENT}-01`]],
  ['has an id that is short', ['traceparent', `00-${ID.slice(1)}-${PARENT}-01`]],
  ['has no flags', ['traceparent', `00-${ID}-${PARENT}`]],
  ['has more than version 00 has', ['traceparent', `${GOOD}-what`]],
  ['is followed by a line', ['traceparent', `${GOOD}\n`]],
  ['goes on for ever', ['traceparent', `cc-${ID}-${PARENT}-01-${'x'.repeat(300)}`]],
])('is null where the field %s', (_, rawHeaders) => {
  expect(readTraceId(rawHeaders)).toBeNull();
});

it.each([GOOD, `00-${ID}-${PARENT}-00`, `01-${ID}-${PARENT}-01`, `cc-${ID}-${PARENT}-01-what-comes`])(
  'reads %s',
  (value) => {
    expect(readTraceId(['Host', 'a.test', 'TraceParent', value])).toBe(ID);
  },
);

it('answers null or an id, whatever it is given', () => {
  const near = fc
    .array(fc.constantFrom('0', 'a', 'f', '-', 'F', ' ', '\u0000'), { maxLength: 80 })
    .map((all) => all.join(''));
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (value) => {
      const id = readTraceId(['traceparent', value]);
      return id === null || (/^[0-9a-f]{32}$/.test(id) && value.includes(id));
    }),
  );
});
