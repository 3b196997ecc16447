/** What people are told about the format: JSON Schemas for editors and tables for config/README.md, from schema.ts. */
import { configSchema, groupsSchema, jsonSchema, policySchema } from './schema.ts';

type JsonSchema = Readonly<Record<string, unknown>>;

/** Each is built once, when it is first asked for: a good load never needs one. */
function once(build: () => JsonSchema): () => JsonSchema {
  let built: JsonSchema | null = null;
  return () => {
    built ??= Object.freeze(build());
    return built;
  };
}

export const policyJsonSchema = once(() => jsonSchema(policySchema));
export const groupsJsonSchema = once(() => jsonSchema(groupsSchema));
export const configJsonSchema = once(() => jsonSchema(configSchema));
