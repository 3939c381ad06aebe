/** What editors may accept for a value: a JSON Schema, of which this file makes the parts that keys are made of. */
export interface JsonForm {
  readonly [keyword: string]: unknown
}

/** Any scalar: it is taken as it is written, so `yes`, `8` and `0x10` are texts as well. */
export const textForm: JsonForm = { type: ['string', 'number', 'boolean', 'null'] }

/** The words of gopkg.in/yaml.v3 for true and false, in any case. */
export const flagForm: JsonForm = {
  anyOf: [
    { type: ['boolean', 'null'] },
    wordForm(['true', 'false', 'yes', 'no', 'on', 'off', 'y', 'n']),
  ],
}

/** A size in bytes, alone or with a unit. */
export const sizeForm: JsonForm = {
  anyOf: [
    { type: 'number', minimum: 0 },
    { type: 'string', pattern: '^[\\d,]*\\.?\\d+\\s*([kKmMgGtT][iI]?)?[bB]?$' },
    { type: 'null' },
  ],
}

/** A whole number within bounds; a text may write it in another base. */
export function integerForm(minimum: number, maximum: number | undefined): JsonForm {
  const bounds = { minimum, ...(maximum === undefined ? {} : { maximum }) }
  return {
    anyOf: [
      { type: 'integer', ...bounds },
      { type: 'string', pattern: '^[-+]?(\\d[\\d_]*|0[xX][\\da-fA-F_]+|0[oO][0-7_]+)$' },
      { type: 'null' },
    ],
  }
}

/** A map with values of one form. */
export function mapForm(values: JsonForm): JsonForm {
  return { type: ['object', 'null'], additionalProperties: values }
}

function wordForm(words: readonly string[]): JsonForm {
  const inAnyCase = (word: string): string =>
    Array.from(word, (letter) => `[${letter}${letter.toUpperCase()}]`).join('')
  return { type: 'string', pattern: `^(${words.map(inAnyCase).join('|')})$` }
}
