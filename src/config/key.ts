/**
 * The kit of which the schema is made. A key says how its value is written, what it is when left out, what it is for,
 * and reads it; the types, the defaults, the messages and docs/configuration.md all come from there.
 */
import { flagForm, integerForm, mapForm, sizeForm, textForm, type JsonForm } from './json-form.ts'
import { secretNote, type KeyNote } from './key-note.ts'
import type { Reading } from './reading.ts'
import type { YamlNode } from './yaml-tree.ts'

/** One key of the configuration. `T` is what the program gets. */
export interface Key<T> {
  /** How the value is written: `text`, `true or false`, `a number from 1`. */
  readonly form: string
  /** What is used when the key is left out, as the documentation says it; undefined is nothing. */
  readonly shownDefault: string | undefined
  /** What it is for, in Markdown. */
  readonly doc: string
  /** What an editor may accept: a JSON Schema. Absent where keys are below it. */
  readonly json?: JsonForm
  /** What a reader of the file should know of it besides. */
  readonly note?: KeyNote
  /** The keys below it, where it is a section, a map of sections or a list of them. */
  readonly below?: { readonly keys: Section; readonly name: '' | '<host>' | '[]' }
  /** Reads the value; `node` is undefined where the key is left out. Problems go to `reading`. */
  read(node: YamlNode | undefined, reading: Reading): T
}

/** The keys of a section by name. */
export type Section = Readonly<Record<string, Key<unknown>>>

/** `tag_suffix` as `tagSuffix`. */
export type Camel<S> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S

/** What a section is once it is read. */
export type Parsed<S extends Section> = {
  readonly [K in keyof S as Camel<K>]: S[K] extends Key<infer T> ? T : never
}

/** What every key says of itself. */
export interface KeyInit<T> {
  doc: string
  /** The value when the key is left out. */
  fallback: T
  note?: KeyNote
}

/** A text, as written. `check` returns what is wrong with it. */
export function text(
  init: KeyInit<string> & { check?(text: string): string | undefined },
): Key<string> {
  return scalarKey('text', init, shown(init.fallback), textForm, (value, reading) => {
    const problem = value === '' ? undefined : init.check?.(value)
    if (problem === undefined) return value
    reading.problem(problem)
    return init.fallback
  })
}

/** A text that must be there. */
export function requiredText(init: { doc: string; example: string }): Key<string> {
  return {
    form: 'text, required',
    shownDefault: undefined,
    doc: init.doc,
    json: { type: 'string', minLength: 1 },
    read(node, reading) {
      const value = reading.scalar(node) ?? ''
      if (value === '') reading.problem(`is required, for example: ${init.example}`)
      return value
    },
  }
}

const truths = new Set(['true', 'yes', 'on', 'y'])
const falsehoods = new Set(['false', 'no', 'off', 'n'])

/** True or false, in all the words that gopkg.in/yaml.v3 takes for a bool. */
export function flag(init: KeyInit<boolean>): Key<boolean> {
  return scalarKey('`true` or `false`', init, String(init.fallback), flagForm, readFlag)
}

/** True, false, or undefined where the key is left out and what it means then depends on others; `doc` says how. */
export function optionalFlag(init: { doc: string; note?: KeyNote }): Key<boolean | undefined> {
  const optional = { ...init, fallback: undefined }
  return scalarKey('`true` or `false`', optional, undefined, flagForm, readFlag)
}

/** Whether a flag that is written so is off. */
export function isFalse(written: string): boolean {
  return falsehoods.has(written.toLowerCase())
}

function readFlag(value: string, reading: Reading): boolean {
  const word = value.toLowerCase()
  if (truths.has(word)) return true
  if (!falsehoods.has(word)) reading.problem(`${JSON.stringify(value)} is neither true nor false`)
  return false
}

/** A whole number, decimal or `0x…`, within bounds; `problem` replaces the message where a client knows another. */
export function integer(
  init: KeyInit<number> & { min: number; max?: number; form?: string; problem?: string },
): Key<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = init
  const bounds = init.max === undefined ? `from ${min}` : `from ${min} to ${max}`
  return scalarKey(
    init.form ?? `a number ${bounds}`,
    init,
    String(init.fallback),
    integerForm(min, init.max),
    (value, reading) => {
      const number = /^[-+]?(\d[\d_]*|0x[\da-f_]+|0o[0-7_]+)$/i.test(value)
        ? Number(value.replaceAll('_', ''))
        : Number.NaN
      if (number >= min && number <= max) return number
      reading.problem(init.problem ?? `${JSON.stringify(value)} is not a number ${bounds}`)
      return init.fallback
    },
  )
}

const units: Record<string, number> = {
  '': 1, b: 1, k: 1e3, kb: 1e3, m: 1e6, mb: 1e6, g: 1e9, gb: 1e9, t: 1e12, tb: 1e12,
  ki: 2 ** 10, kib: 2 ** 10, mi: 2 ** 20, mib: 2 ** 20, gi: 2 ** 30, gib: 2 ** 30, ti: 2 ** 40, tib: 2 ** 40,
} // prettier-ignore

/** One of a few words. */
export function choice<const W extends string>(
  words: readonly W[],
  init: KeyInit<NoInfer<W>>,
): Key<W> {
  const form = words.map((word) => `\`${word}\``).join(', ')
  return scalarKey(form, init, init.fallback, { enum: [...words, null] }, (value, reading) => {
    const found = words.find((word) => word === value)
    if (found !== undefined) return found
    reading.problem(`${JSON.stringify(value)} is none of ${words.join(', ')}`)
    return init.fallback
  })
}

/** A size in bytes: `1000MB` (10^6), `10MiB` (2^20), `42`. Source: dustin/go-humanize bytes.go. */
export function size(
  init: KeyInit<number | undefined> & { shown?: string },
): Key<number | undefined> {
  return scalarKey('a size: `1000MB`, `10GiB`', init, init.shown, sizeForm, (value, reading) => {
    const [, digits = '', unit = ''] = /^([\d,]*\.?\d+)\s*([a-z]*)$/i.exec(value) ?? []
    const factor = units[unit.toLowerCase()]
    if (digits !== '' && factor !== undefined)
      return Math.round(Number(digits.replaceAll(',', '')) * factor)
    reading.problem(`${JSON.stringify(value)} is not a size; write it like 1000MB or 10GiB`)
    return init.fallback
  })
}

/** A path; a relative one is taken from the folder of the configuration file and becomes absolute. */
export function filePath(init: { doc: string; note?: KeyNote }): Key<string> {
  return scalarKey('a path', { ...init, fallback: '' }, undefined, textForm, (value, reading) =>
    reading.readablePath(value),
  )
}

/** A secret: written here, or `env:NAME`, or `file:PATH`. Never logged. */
export function secret(init: { doc: string; note?: KeyNote }): Key<string> {
  const own = { ...init, fallback: '', note: { ...init.note, ...secretNote } }
  return scalarKey('a secret', own, undefined, textForm, (value, reading) => reading.secret(value))
}

/** A secret of which the program needs something made from it; `make` returns undefined after it has said why. */
export function secretFor<T>(init: {
  form: string
  doc: string
  make(secret: string, reading: Reading): T | undefined
}): Key<T | undefined> {
  const own = { ...init, fallback: undefined, note: secretNote }
  return scalarKey(init.form, own, undefined, textForm, (value, reading) => {
    const plain = reading.secret(value)
    return plain.trim() === '' ? undefined : init.make(plain, reading)
  })
}

/** A member of a JSON text whose name says that it is a secret: `"access_key_secret": "…"`. */
const secretMember = /"[^"]*(?:secret|password|token)[^"]*"\s*:\s*"([^"]+)"/gi

/** A map of texts, each the raw text of its scalar: `0x100000` stays so, `true` is `"true"`. */
export function rawTexts(init: { doc: string }): Key<Readonly<Record<string, string>>> {
  return {
    form: 'a map of texts',
    shownDefault: undefined,
    doc: init.doc,
    json: mapForm(textForm),
    read: (node, reading) =>
      Object.fromEntries(
        reading.entries(node).map(({ key, value, at }) => {
          const plain = at.scalar(value, { keepEmpty: true }) ?? ''
          // storage backends take their keys as JSON in one of these texts
          for (const [, secret = ''] of plain.matchAll(secretMember)) at.hide(secret)
          return [key, plain]
        }),
      ),
  }
}

function scalarKey<T>(
  form: string,
  init: KeyInit<T>,
  shownDefault: string | undefined,
  json: JsonForm,
  read: (value: string, reading: Reading) => T,
): Key<T> {
  return {
    form,
    shownDefault,
    doc: init.doc,
    json,
    ...(init.note === undefined ? {} : { note: init.note }),
    read(node, reading) {
      const value = reading.scalar(node)
      return value === undefined ? init.fallback : read(value, reading)
    },
  }
}

function shown(fallback: string): string | undefined {
  return fallback === '' ? undefined : fallback
}
