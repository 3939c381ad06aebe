import { compilePattern, type Pattern } from '../pattern/pattern.ts'
import { mapForm, textForm } from './json-form.ts'
import type { Key } from './key.ts'
import type { Reading } from './reading.ts'
import type { YamlNode } from './yaml-tree.ts'

/** A pattern, or a list of them of which one must match. Empty where the key is left out. */
export function patterns(init: { doc: string }): Key<readonly Pattern[]> {
  return {
    form: 'a pattern, or a list of them',
    shownDefault: undefined,
    doc: init.doc,
    json: { anyOf: [textForm, { type: 'array', items: textForm }] },
    read(node, reading) {
      const written = node?.kind === 'list' ? reading.items(node) : [{ item: node, at: reading }]
      return written.flatMap(({ item, at }) => compiled(item, at))
    },
  }
}

/** Patterns by names that the operator chooses. */
export function patternsByName(init: { doc: string }): Key<Readonly<Record<string, Pattern>>> {
  return {
    form: 'a map of patterns',
    shownDefault: undefined,
    doc: init.doc,
    json: mapForm(textForm),
    read: (node, reading) =>
      Object.fromEntries(
        reading
          .entries(node)
          .flatMap(({ key, value, at }) => compiled(value, at).map((one) => [key, one])),
      ),
  }
}

function compiled(node: YamlNode | undefined, reading: Reading): Pattern[] {
  const text = reading.scalar(node)
  if (text === undefined) return []
  const pattern = compilePattern(text)
  if (typeof pattern !== 'string') return [pattern]
  reading.problem(pattern)
  return []
}
