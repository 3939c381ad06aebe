import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { parseConfig } from './load.ts'
import { renderJsonSchema, SCHEMA_FILE } from './json-schema.ts'

const examples = join(import.meta.dirname, '../../misc/config')
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(
  JSON.parse(renderJsonSchema()),
)

test('the shipped files are what the schema says, and name it for editors', () => {
  const files = readdirSync(examples).filter((name) => name.endsWith('.yaml'))
  assert.ok(files.length > 4)
  for (const name of files) {
    const yaml = readFileSync(join(examples, name), 'utf8')
    validate(parse(yaml))
    assert.deepEqual(validate.errors, null, name)
    assert.match(yaml, new RegExp(`^# yaml-language-server: \\$schema=\\./${SCHEMA_FILE}$`, 'm'))
  }
})

const least = 'converter: { driver: { type: estargz } }'

const good = [
  least,
  'server:\nconverter: { worker: 0x10, driver: { type: estargz, config: { a: 0x10, b: true, c: } } }',
  'provider: { source: { a.test: , "b.test:5000": { insecure: ON } }, gcpolicy: { threshold: 10MiB } }\n' + least,
  'converter: { driver: { type: estargz }, rules: [{ name: a, tag_suffix: -a, when: [{ tag: [v*, 1] , labels: { x: y }, max_size: 5 }] }] }',
] // prettier-ignore

const bad: [yaml: string, where: string][] = [
  ['{}', ''],
  ['converter: { driver: { type: "" } }', '/converter/driver/type'],
  ['server: { prot: 1 }\n' + least, '/server'],
  ['server: { port: 99999 }\n' + least, '/server/port'],
  ['server: { allow_unauthenticated: maybe }\n' + least, '/server/allow_unauthenticated'],
  ['provider: { gcpolicy: { threshold: lots } }\n' + least, '/provider/gcpolicy/threshold'],
  ['converter: { driver: { type: estargz }, rules: { tag_suffix: -a } }', '/converter/rules'],
  ['converter: { driver: { type: estargz }, rules: [{ when: [{ tagg: x }] }] }', '/converter/rules/0/when/0'],
] // prettier-ignore

test('the schema accepts what is read without a word, and refuses what is not', () => {
  for (const yaml of good) {
    validate(parse(yaml))
    assert.deepEqual(validate.errors, null, yaml)
    assert.deepEqual(parseConfig(yaml, 'config.yaml').warnings, [], yaml)
  }
  for (const [yaml, where] of bad) {
    assert.equal(validate(parse(yaml)), false, yaml)
    assert.equal(validate.errors?.at(-1)?.instancePath, where, yaml)
    assert.throws(() => parseConfig(yaml, 'config.yaml', { strict: true }), yaml)
  }
})

test('every key says what it is for', () => {
  const check = (form: Record<string, unknown>, path: string): void => {
    const below = form['properties'] ?? {}
    for (const [name, value] of Object.entries(below) as [string, Record<string, unknown>][]) {
      if (value['properties'] === undefined) assert.ok(value['description'], `${path}.${name}`)
      check(value, `${path}.${name}`)
    }
  }
  check(JSON.parse(renderJsonSchema()), '')
})
