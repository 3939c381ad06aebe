/** Keys that hold other keys. */
import type { Camel, Key, Parsed, Section } from './key.ts'
import type { Reading } from './reading.ts'
import type { YamlNode } from './yaml-tree.ts'

/** A section: a map with known keys. Left out or empty, all its keys have their defaults. */
export function section<S extends Section>(doc: string, keys: S): Key<Parsed<S>> & { keys: S } {
  return {
    form: 'a section',
    shownDefault: undefined,
    doc,
    keys,
    below: { keys, name: '' },
    read: (node, reading) => readSection(keys, node, reading),
  }
}

/** Sections under names that the operator chooses. `checkName` returns what is wrong with a name; it is warned of. */
export function sectionsByHost<S extends Section>(
  doc: string,
  keys: S,
  checkName: (name: string) => string | undefined,
): Key<ReadonlyMap<string, Parsed<S>>> {
  return {
    form: 'sections by host',
    shownDefault: undefined,
    doc,
    below: { keys, name: '<host>' },
    read(node, reading) {
      const sections = new Map<string, Parsed<S>>()
      for (const { key, value, at } of reading.entries(node)) {
        const doubt = checkName(key)
        if (doubt !== undefined) at.warning(doubt)
        sections.set(key, readSection(keys, value, at))
      }
      return sections
    },
  }
}

/** A list of sections with the same keys. */
export function listOf<S extends Section>(doc: string, keys: S): Key<readonly Parsed<S>[]> {
  return {
    form: 'a list',
    shownDefault: undefined,
    doc,
    below: { keys, name: '[]' },
    read: (node, reading) => reading.items(node).map(({ item, at }) => readSection(keys, item, at)),
  }
}

/** Reads a section with the keys `keys`; unknown ones are noted. */
export function readSection<S extends Section>(
  keys: S,
  node: YamlNode | undefined,
  reading: Reading,
): Parsed<S> {
  const entries = new Map(
    reading.entries(node).map((entry) => {
      if (!Object.hasOwn(keys, entry.key))
        reading.unknownKey(entry.key, entry.at, Object.keys(keys))
      return [entry.key, entry]
    }),
  )
  return Object.fromEntries(
    Object.entries(keys).map(([name, key]) => {
      const entry = entries.get(name)
      return [camel(name), key.read(entry?.value, entry?.at ?? reading.below(name))]
    }),
  ) as Parsed<S>
}

function camel<K extends string>(name: K): Camel<K> {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as Camel<K>
}
