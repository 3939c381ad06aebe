import { Option } from 'commander'
import { stringify } from 'yaml'

/** Forms in which a command prints its result. */
const outputs = ['table', 'json', 'yaml'] as const

export type OutputForm = (typeof outputs)[number]

/** `--output`, or `-o`, of a command that prints a list or a thing. */
export function outputOption(): Option {
  return new Option('-o, --output <form>', 'how the result is printed')
    .choices(outputs)
    .default('table')
}

/** `value` as text in the wanted form; `table` makes the one for people and awk. */
export function rendered<Value>(
  value: Value,
  form: OutputForm,
  table: (value: Value) => string,
): string {
  switch (form) {
    case 'table':
      return table(value)
    case 'json':
      return `${JSON.stringify(value, null, 2)}\n`
    case 'yaml':
      return stringify(value)
  }
}
