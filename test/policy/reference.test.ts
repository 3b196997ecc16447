import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { groupFiles } from '../../config/groups/generate.ts';
import {
  configJsonSchema,
  fillSections,
  groupsJsonSchema,
  policyJsonSchema,
  referenceTables,
} from '../../src/policy/reference.ts';

const CONFIG = new URL('../../config/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, CONFIG), 'utf8');

/** `npm run generate` writes; the suite compares. */
function expectFresh(name: string, text: string): void {
  if (process.env['UPDATE'] === '1') {
    writeFileSync(new URL(name, CONFIG), text);
  }
  expect(read(name) === text, `${name} is stale: run npm run generate`).toBe(true);
}

const json = (schema: unknown): string => `${JSON.stringify(schema, null, 2)}\n`;

describe('what is generated from the schema', () => {
  it('leaves sections alone that it does not know', () => {
    const text = '<!-- generated: other -->\nkept\n<!-- end -->';
    expect(fillSections(text, referenceTables())).toBe(text);
  });

  it('is fresh: JSON Schemas', () => {
    expectFresh('policy.schema.json', json(policyJsonSchema()));
    expectFresh('pinwarden.schema.json', json(configJsonSchema()));
  });

  it('is fresh: tables of config/README.md', () => {
    expectFresh('README.md', fillSections(read('README.md'), referenceTables()));
  });

  it('has a meaning for every key', () => {
    for (const [name, table] of referenceTables()) {
      for (const row of table.trimEnd().split('\n').slice(2)) {
        expect(row.split('|').at(-2)?.trim(), `${name}: ${row}`).not.toBe('');
      }
    }
  });

  it('is draft-07, closed and without surprises', () => {
    for (const schema of [policyJsonSchema(), configJsonSchema(), groupsJsonSchema()]) {
      expect(schema).toMatchObject({
        $schema: 'http://json-schema.org/draft-07/schema#',
        type: 'object',
        additionalProperties: false,
      });
    }
  });
});

describe('the shipped groups', () => {
  it.each([...groupFiles()])('%s comes from the public roots of this Node', (name, text) => {
    expectFresh(`groups/${name}`, text);
  });
});
