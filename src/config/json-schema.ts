import type { JsonForm } from './json-form.ts'
import type { Key } from './key.ts'
import { schema } from './schema.ts'

/** Where editors find the schema that is shipped beside the example files. */
export const SCHEMA_FILE = 'config.schema.json'

/**
 * The text of `misc/config/config.schema.json`: what a configuration file may hold, for editors. It accepts all that
 * is read without a problem or a warning, but cannot know whether a file exists or a pattern is one.
 */
export function renderJsonSchema(): string {
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Configuration of acceld and accelctl',
    ...formOf(schema),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function formOf(key: Key<unknown>): JsonForm {
  const description = key.doc === '' ? {} : { description: key.doc }
  const { below, json = {} } = key
  if (below === undefined) {
    const { shownDefault } = key
    return {
      ...json,
      ...description,
      ...(shownDefault === undefined ? {} : { default: plain(shownDefault) }),
    }
  }
  const section = sectionForm(below.keys)
  if (below.name === '[]') return { type: ['array', 'null'], items: section, ...description }
  if (below.name === '') return { ...section, ...description }
  return { type: ['object', 'null'], additionalProperties: section, ...description }
}

function sectionForm(keys: Readonly<Record<string, Key<unknown>>>): JsonForm {
  const properties = Object.fromEntries(
    Object.entries(keys).map(([name, key]) => [name, formOf(key)]),
  )
  const required = Object.keys(keys).filter((name) => isRequired(keys[name]))
  return {
    type: required.length > 0 ? 'object' : ['object', 'null'],
    properties,
    additionalProperties: false,
    ...(required.length > 0 ? { required } : {}),
  }
}

/** A key without which no file is read: one that must have a value, or a section that holds one. */
function isRequired(key: Key<unknown> | undefined): boolean {
  if (key?.below !== undefined) {
    return key.below.name === '' && Object.values(key.below.keys).some(isRequired)
  }
  return key?.json?.['minLength'] !== undefined
}

/** `true`, `5`, `-esgz`: the default as JSON. */
function plain(shown: string): unknown {
  if (shown === 'true' || shown === 'false') return shown === 'true'
  return /^\d+$/.test(shown) ? Number(shown) : shown
}
